// The tenants: from tenants-credentials.yml in the format of the old image, from a variable with the same
// content, or a single one from the environment.
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
// In keys, domains, tokens, listeners and file names, ${NAME} is replaced by that variable. A file name that
// does not begin with a slash is searched by find_secret_file().
//
// Every error is one line, "FILE:LINE:COLUMN: what is wrong; what to write", and never holds a key. FILE is
// the variable if the text came from there.
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

/// The places searched for a tenants file if none is named.
[[nodiscard]] std::span<const std::string_view> tenants_places();

/// The variable with the content of a tenants file, for environments where no file can be mounted.
inline constexpr std::string_view tenants_variable = "LOGZIO_OKTA_TENANTS_YAML";

/// The named file (--tenants); else tenants_variable; else the first of `places` that exists, with a warning
/// if there are more; else the single tenant of OKTA_API_KEY and OKTA_DOMAIN (or the older OKTA_TENANT). A
/// file that exists but cannot be used is an error, never skipped.
[[nodiscard]] Result<Tenants> find_tenants(const std::optional<std::string>& named,
                                           const Environment& environment,
                                           std::span<const std::string_view> places = tenants_places());

/// The same, but errors of single entries go into Tenants::problems, so that all of them can be reported at
/// once; there may then be no entries.
[[nodiscard]] Result<Tenants> examine_tenants(const std::optional<std::string>& named,
                                              const Environment& environment,
                                              std::span<const std::string_view> places = tenants_places());

/// "acme.okta.com is not in the tenants file, which has globex.okta.com": the end of an error.
[[nodiscard]] std::string not_among(const std::string& domain, const std::vector<TenantEntry>& entries);

/// Reads one file; also for reading it again after a change (Tenants::source names it).
[[nodiscard]] Result<Tenants> read_tenants_file(const std::string& path, const Environment& environment);

}  // namespace logzio_okta
