#include "shell/settings/tenants_variables.hpp"

#include <optional>
#include <string>
#include <utility>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/config/tenant_values.hpp"

#include "shell/settings/misnamed.hpp"
#include "shell/settings/secret_file.hpp"
#include "shell/settings/service_app_entry.hpp"
#include "shell/settings/tenants_file.hpp"

namespace logzio_okta {
namespace {

/// The private key in OKTA_PRIVATE_KEY, or in the file named.
Result<Secret> private_key_of(const Environment& environment, Tenants& tenants, TenantEntry& entry) {
  const auto key = environment.get("OKTA_PRIVATE_KEY");
  const auto file = environment.get("OKTA_PRIVATE_KEY_FILE");
  if (key && file)
    return fail("OKTA_PRIVATE_KEY and OKTA_PRIVATE_KEY_FILE are both set; remove one of the two");
  if (key) return Secret(std::string(*key));
  if (!file) {
    return fail(
        "OKTA_CLIENT_ID is set, but OKTA_PRIVATE_KEY_FILE is not; name the file with the private key of the "
        "service app" +
        misnamed("OKTA_PRIVATE_KEY", environment));
  }
  entry.api_key_file = ascii::trim(*file);
  Result<Secret> read = read_secret_file(entry.api_key_file, tenants.warnings);
  if (!read) return fail("OKTA_PRIVATE_KEY_FILE: " + read.error().text);
  return read;
}

Result<Tenants> app_of_variables(const Environment& environment, Domain&& domain) {
  Tenants tenants{.source = "OKTA_CLIENT_ID", .from = TenantsFrom::single_variables};
  TenantEntry entry{.domain = std::move(domain), .api_key = {}};
  Result<std::vector<ConstantField>> fields = environment_fields(environment);
  if (!fields) return std::unexpected(std::move(fields.error()));
  entry.fields = std::move(*fields);
  const auto id = environment.get("OKTA_CLIENT_ID");
  if (!id) {
    return fail(
        std::string(environment.get("OKTA_PRIVATE_KEY") ? "OKTA_PRIVATE_KEY" : "OKTA_PRIVATE_KEY_FILE") +
        " is set, but OKTA_CLIENT_ID is not; set both" + misnamed("OKTA_CLIENT_ID", environment));
  }
  Result<Secret> key = private_key_of(environment, tenants, entry);
  if (!key) return std::unexpected(std::move(key.error()));
  auto app = read_service_app(ascii::trim(*id), key->expose(),
                              ascii::trim(environment.get("OKTA_PRIVATE_KEY_ID").value_or("")));
  if (!app) {
    return fail((entry.api_key_file.empty() ? "OKTA_CLIENT_ID and OKTA_PRIVATE_KEY" : entry.api_key_file) +
                ": " + app.error().text);
  }
  entry.service_app = std::move(*app);
  tenants.entries.push_back(std::move(entry));
  return tenants;
}

}  // namespace

Result<Tenants> tenant_of_variables(const Environment& environment,
                                    std::span<const std::string_view> places) {
  const auto key = environment.get("OKTA_API_KEY");
  const auto newer = environment.get("OKTA_DOMAIN");
  const auto older = environment.get("OKTA_TENANT");
  const char* const domain_name = newer || !older ? "OKTA_DOMAIN" : "OKTA_TENANT";
  const auto domain = newer ? newer : older;
  const bool is_app = environment.get("OKTA_CLIENT_ID") || environment.get("OKTA_PRIVATE_KEY") ||
                      environment.get("OKTA_PRIVATE_KEY_FILE");
  if (is_app && key)
    return fail("OKTA_API_KEY and OKTA_CLIENT_ID are both set; keep one, or write both into a tenants file");
  if (is_app && domain) {
    Result<Domain> parsed = read_domain(*domain);
    if (!parsed) return fail(std::string(domain_name) + ": " + parsed.error().text);
    return app_of_variables(environment, std::move(*parsed));
  }
  if (is_app)
    return fail(
        "OKTA_DOMAIN is not set, but a service app is (OKTA_CLIENT_ID, OKTA_PRIVATE_KEY_FILE); set it" +
        misnamed("OKTA_DOMAIN", environment));
  if (!key && !domain) {
    std::string text = "no tenants: there is no";
    for (const std::string_view place : places)
      text += (place == places.front() ? " " : ", ") + std::string(place);
    return fail(text + ", and neither " + std::string(tenants_variable) +
                " nor OKTA_API_KEY and OKTA_DOMAIN are set; write such a file or name it with --tenants" +
                misnamed("OKTA_API_KEY", environment) + misnamed("OKTA_DOMAIN", environment));
  }
  if (!key) {
    return fail(std::string(domain_name) + " is set, but OKTA_API_KEY is not; set both" +
                misnamed("OKTA_API_KEY", environment) + misnamed("OKTA_CLIENT_ID", environment));
  }
  if (!domain) {
    return fail("OKTA_API_KEY is set, but OKTA_DOMAIN is not; set both" +
                misnamed("OKTA_DOMAIN", environment));
  }
  const Result<std::string_view> bare = bare_credential(*key);
  if (!bare) return fail("OKTA_API_KEY: " + bare.error().text);
  if (auto checked = check_api_key(*bare); !checked) return fail("OKTA_API_KEY: " + checked.error().text);
  Result<Domain> parsed = read_domain(*domain);
  if (!parsed) return fail(std::string(domain_name) + ": " + parsed.error().text);

  Result<std::vector<ConstantField>> fields = environment_fields(environment);
  if (!fields) return std::unexpected(std::move(fields.error()));
  Tenants tenants{.source = "OKTA_API_KEY", .from = TenantsFrom::single_variables};
  tenants.entries.push_back(
      {.domain = std::move(*parsed), .api_key = Secret(std::string(*bare)), .fields = std::move(*fields)});
  if (newer && older && *newer != *older) {
    tenants.warnings.emplace_back("OKTA_DOMAIN is used, not the older OKTA_TENANT, which is also set");
  }
  return tenants;
}

Result<std::vector<ConstantField>> environment_fields(const Environment& environment) {
  std::vector<ConstantField> fields;
  const std::string_view text = ascii::trim(environment.get("ENV_ID").value_or(""));
  if (text.empty()) return fields;
  if (is_quoted(text))
    return fail("ENV_ID: it has quotes around it, which docker's --env-file keeps; write it without them");
  Result<std::string> constant = read_constant(text);
  if (!constant) return fail("ENV_ID: " + constant.error().text);
  fields.push_back({.name = "env_id", .value = std::move(*constant)});
  return fields;
}

}  // namespace logzio_okta
