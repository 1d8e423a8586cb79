// Environment: the variables the program was started with, as a value, so that tests need no setenv.
//
//     Environment environment = Environment::of_process();
//     if (auto host = environment.get("LOGZIO_LISTENER_HOST")) use(*host);
//
// What the process was started with is also in /proc/PID/environ, in every crash dump, and read by libraries
// on their own account. So of_process() moves the credentials out of there: what looks like one, by its name
// or by itself, is overwritten in place and lives on only here. And it drops variables by which whoever sets
// our environment would have OpenSSL or libcurl give away keys or load code:
//     SSLKEYLOGFILE                                        libcurl writes the keys of every connection there
//     OPENSSL_CONF, OPENSSL_MODULES, OPENSSL_ENGINES, ...  load libraries into this process; the system's own
//                                                          openssl.cnf, which sets what the machine trusts,
//                                                          stays in force
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logzio_okta {

class Environment {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  explicit Environment(Variables variables) : variables_(std::move(variables)) {}
  /// Once, before any thread and before a library looks at its variables.
  static Environment of_process();
  Environment(Environment&&) noexcept = default;
  Environment& operator=(Environment&&) = delete;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  /// Wipes the values: some are credentials.
  ~Environment();

  /// Names of variables that were set and are not obeyed, for the log.
  [[nodiscard]] const std::vector<std::string>& dropped() const { return dropped_; }

  /// An empty variable is unset. Valid while this object lives.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  /// The names that begin so and are set, in their order. Valid while this object lives.
  [[nodiscard]] std::vector<std::string_view> set_with_prefix(std::string_view prefix) const;

 private:
  Variables variables_;
  std::vector<std::string> dropped_;
};

}  // namespace logzio_okta
