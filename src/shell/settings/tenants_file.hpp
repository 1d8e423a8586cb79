// The tenants: from tenants-credentials.yml in the format of the old image, from a variable with the same
// text, or one from the environment.
//
//     tenants_credentials:
//       - okta_api_key: 00abc...
//         okta_domain: acme.okta.com           # or instead of the key: okta_api_key_file: acme-key
//         since: 24h                           # from here on all may be left out
//         filter: eventType eq "user.session.start"
//         q: login
//         logzio_token: ...                    # or logzio_token_file: /run/secrets/acme
//         logzio_listener_host: listener-eu.logz.io
//         type: okta-acme
//         fields: {customer: acme, tier: 2}
//
// In keys, domains, tokens, listeners and files' names ${NAME} is replaced by that variable. Where a file's
// name has no slash in front, find_secret_file() says where it is looked for.
//
// Every error is one line, "FILE:LINE:COLUMN: what is wrong; what to write", and never holds a key. FILE is
// the variable where the text came from there.
//
// ENV_ID is a constant field env_id of every tenant whose `fields` have none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/tenants.hpp"

#include "shell/os/environment.hpp"

namespace logzio_okta {

/// Where a tenants file is looked for when none is named.
[[nodiscard]] std::span<const std::string_view> tenants_places();

/// Holds the text of a tenants file, where no file can be mounted.
inline constexpr std::string_view tenants_variable = "LOGZIO_OKTA_TENANTS_YAML";

/// The file that was named (--tenants); else what tenants_variable says; else the first of `places` that
/// exists, with a warning if there are more; else the one tenant of OKTA_API_KEY and OKTA_DOMAIN (or the
/// older OKTA_TENANT). A file that exists but cannot be used is an error, never skipped.
[[nodiscard]] Result<Tenants> find_tenants(const std::optional<std::string>& named,
                                           const Environment& environment,
                                           std::span<const std::string_view> places = tenants_places());

/// Likewise, with what is wrong with single entries in Tenants::problems instead of an error, so that all of
/// it can be told at once; the entries may then be none.
[[nodiscard]] Result<Tenants> examine_tenants(const std::optional<std::string>& named,
                                              const Environment& environment,
                                              std::span<const std::string_view> places = tenants_places());

/// One file; also for reading it anew after it changed (Tenants::source names it).
[[nodiscard]] Result<Tenants> read_tenants_file(const std::string& path, const Environment& environment);

/// ENV_ID as a constant field of every line, if it is set.
[[nodiscard]] Result<std::vector<ConstantField>> environment_fields(const Environment& environment);

}  // namespace logzio_okta
