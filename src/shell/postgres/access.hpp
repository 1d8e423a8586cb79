// StoreAccess: how the database is reached, as libpq takes it: where it is from the URL, the password from
// where secrets are kept, and what we ask of every connection.
//
//     StoreAccess access{.url = "postgresql://okta@db.example.com/okta"};
//     Result<ConnectionParameters> parameters = parameters_of(access);
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/config/options.hpp"

#include "shell/os/environment.hpp"

namespace logzio_okta {

struct StoreAccess {
  std::string url;                           ///< In libpq's grammar; without a password (check_store_url).
  Secret password;                           ///< PGPASSWORD
  std::optional<std::string> password_file;  ///< Read at each connect: a token may live for minutes.
  std::optional<std::string> passfile;       ///< PGPASSFILE, libpq's own.
  std::optional<std::string> ca_file;        ///< The certificates to trust, unless the URL names some.
};

/// What the options and the environment say about it.
[[nodiscard]] StoreAccess access_of(const Options& options, const Environment& environment);
/// Whether it can work as far as that shows without connecting.
[[nodiscard]] Result<void> check_access(const StoreAccess& access);

/// A host as the URL has it; several are tried in turn.
struct StoreHost {
  std::string name;     ///< For the certificate; a directory for a socket in it.
  std::string address;  ///< Found by a look-up; empty for a socket.
  std::string port;
  [[nodiscard]] bool is_socket() const { return name.starts_with('/') || name.starts_with('@'); }
};

struct ConnectionParameters {
  std::vector<StoreHost> hosts;  ///< At least one.
  std::vector<std::pair<std::string, std::string>> others;
};

/// The environment's PG variables fill in what the URL leaves out.
[[nodiscard]] Result<ConnectionParameters> parameters_of(const StoreAccess& access);
/// What the password file holds, or the password that was given; empty for none: libpq then looks into its
/// own password file.
[[nodiscard]] Result<Secret> password_of(const StoreAccess& access);
/// "okta at db.example.com:5432 (database okta)": for people.
[[nodiscard]] std::string place_of(const StoreAccess& access);

}  // namespace logzio_okta
