#include "shell/settings/misnamed.hpp"

#include <algorithm>
#include <array>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/config/options.hpp"

#include "shell/output/did_you_mean.hpp"
#include "shell/settings/tenants_file.hpp"

namespace logzio_okta {
namespace {

struct Other {
  std::string_view name;
  std::string_view ours;
};
/// Names in Logz.io's charts and images, Okta's SDKs and its Terraform provider.
constexpr std::array others = {
    Other{"LOGZIO_LOGS_TOKEN", "LOGZIO_TOKEN"},
    Other{"LOGZIO_LOG_SHIPPING_TOKEN", "LOGZIO_TOKEN"},
    Other{"LOGZIO_SHIPPING_TOKEN", "LOGZIO_TOKEN"},
    Other{"LOGZIO_LOGS_LISTENER", "LOGZIO_LISTENER_HOST"},
    Other{"LOGZIO_LOG_LISTENER", "LOGZIO_LISTENER_HOST"},
    Other{"LOGZIO_LISTENER_URL", "LOGZIO_LISTENER_HOST"},
    Other{"LOGZIO_LISTENER", "LOGZIO_LISTENER_HOST"},
    Other{"LOGZIO_CUSTOM_ENDPOINT", "LOGZIO_LISTENER_HOST"},
    Other{"LOGZIO_HOST", "LOGZIO_LISTENER_HOST"},
    Other{"LOGZIO_URL", "LOGZIO_LISTENER_HOST"},
    Other{"LOGZIO_LOGS_REGION", "LOGZIO_REGION"},
    Other{"LOGZIO_REGION_CODE", "LOGZIO_REGION"},
    Other{"LOGZIO_ENV_ID", "ENV_ID"},
    Other{"OKTA_API_TOKEN", "OKTA_API_KEY"},
    Other{"OKTA_CLIENT_TOKEN", "OKTA_API_KEY"},
    Other{"OKTA_TOKEN", "OKTA_API_KEY"},
    Other{"OKTA_CLIENT_CLIENTID", "OKTA_CLIENT_ID"},
    Other{"OKTA_API_CLIENT_ID", "OKTA_CLIENT_ID"},
    Other{"OKTA_CLIENT_PRIVATEKEY", "OKTA_PRIVATE_KEY"},
    Other{"OKTA_API_PRIVATE_KEY", "OKTA_PRIVATE_KEY"},
    Other{"OKTA_CLIENT_PRIVATE_KEY", "OKTA_PRIVATE_KEY"},
    Other{"OKTA_CLIENT_JWK", "OKTA_PRIVATE_KEY"},
    Other{"OKTA_CLIENT_ORGURL", "OKTA_DOMAIN"},
    Other{"OKTA_ORG_URL", "OKTA_DOMAIN"},
    Other{"OKTA_URL", "OKTA_DOMAIN"},
};
/// Optional variables: no error would mention them, so only a warning can.
constexpr std::array may_be_left_out = {std::string_view("LOGZIO_REGION"), std::string_view("ENV_ID")};
constexpr std::string_view family = "LOGZIO_OKTA_";

std::string meant(std::string_view name, std::string_view ours) {
  return quotable(name) + " is set but not used; did you mean " + std::string(ours) + "?";
}

/// Our names without the family: it is rarely mistyped, and it would make all names look alike.
std::vector<std::string_view> our_endings() {
  std::vector<std::string_view> names = {tenants_variable.substr(family.size()), "STORE_PASSWORD_FILE"};
  for (const OptionRow& row : option_table()) {
    if (row.environment.starts_with(family)) names.push_back(row.environment.substr(family.size()));
  }
  return names;
}

/// Variables that Docker links and Kubernetes services set for a neighbour called logzio-okta.
bool is_of_a_service(std::string_view name) {
  return name.contains("_PORT") || name.contains("_SERVICE_") || name.contains("_ENV_") ||
         name.ends_with("_NAME");
}

}  // namespace

std::string misnamed(std::string_view variable, const Environment& environment) {
  for (const Other& other : others) {
    if (other.ours == variable && environment.get(other.name)) return "; " + meant(other.name, variable);
  }
  return {};
}

std::vector<std::string> warnings_of_misnamed(const Environment& environment) {
  std::vector<std::string> warnings;
  for (const std::string_view variable : may_be_left_out) {
    if (environment.get(variable)) continue;
    if (const std::string text = misnamed(variable, environment); !text.empty())
      warnings.push_back(text.substr(2));
  }
  const std::vector<std::string_view> endings = our_endings();
  for (const std::string_view name : environment.set_with_prefix(family)) {
    const std::string_view ending = name.substr(family.size());
    if (std::ranges::find(endings, ending) != endings.end() || is_of_a_service(name)) continue;
    if (const auto ours = did_you_mean(ending, endings))
      warnings.push_back(meant(name, std::string(family) + std::string(*ours)));
  }
  return warnings;
}

}  // namespace logzio_okta
