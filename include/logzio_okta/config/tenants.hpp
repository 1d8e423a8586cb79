// Tenants: the contents of the tenants file, valid by construction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/logzio/endpoint.hpp"
#include "logzio_okta/logzio/line_constants.hpp"
#include "logzio_okta/okta/domain.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {

class SigningKey;  // The shell's.

/// An OAuth service app, instead of an API key.
struct ServiceAppEntry {
  std::string client_id;
  std::shared_ptr<const SigningKey> private_key;  ///< It was verified.
  std::string key_id;                             ///< As in the entry; empty if it has none.
  std::string thumbprint;
};

/// One entry of `tenants_credentials`: an org, a key, and the settings that differ from the options.
struct TenantEntry {
  Domain domain;
  Secret api_key;
  int line = 0;  ///< In the file, from 1; 0 when it came from the environment.
  /// The file that `api_key` or the private key was read from, if it has its own.
  std::string api_key_file{};
  std::string api_key_variable{};  ///< The ${VARIABLE} it was read from, if any.

  std::optional<ServiceAppEntry> service_app{};

  std::optional<Since> since{};
  LogQuery query{};
  std::optional<Endpoint> listener{};
  Secret token{};            ///< For the tenant's own account; empty: the default one.
  std::string token_file{};  ///< The file that `token` was read from, if any.
  std::string type = std::string(LineConstants::usual_type);
  std::vector<ConstantField> fields{};
};

/// The first setting, by its key in the file, in which two entries of one domain differ; empty if there is
/// none.
[[nodiscard]] std::string_view difference_of(const TenantEntry& a, const TenantEntry& b);
/// The same domain and the same credential.
[[nodiscard]] bool have_same_key(const TenantEntry& a, const TenantEntry& b);

enum class TenantsFrom : std::uint8_t {
  file,
  text_variable,     ///< LOGZIO_OKTA_TENANTS_YAML.
  single_variables,  ///< OKTA_API_KEY and OKTA_DOMAIN.
};

/// Entries with the same domain are ONE stream with several keys, in the file's order; all else in them is
/// equal.
struct Tenants {
  std::vector<TenantEntry> entries;  ///< At least one, at most limits::tenants_max.
  std::string source;                ///< "/etc/logzio-okta/tenants-credentials.yml", or the variable.
  TenantsFrom from = TenantsFrom::file;
  std::vector<std::string> warnings;  ///< One line each, for the log.
  std::vector<std::string> problems;  ///< About entries that were left out; empty unless requested.
};

}  // namespace logzio_okta
