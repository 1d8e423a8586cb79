// Environment: the program's environment variables as a value, so that tests need no setenv.
//
//     Environment environment = Environment::of_process();
//     if (auto host = environment.get("LOGZIO_LISTENER_HOST")) use(*host);
//
// The original variables are also in /proc/PID/environ and in every crash dump, and libraries read them. So
// of_process() removes the credentials from there: a variable that looks like one, by its name or its value,
// is overwritten in place and kept only here. It also drops variables that would make OpenSSL or libcurl
// disclose keys or load code:
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
  /// Call once, before any thread starts and before a library reads its variables.
  static Environment of_process();
  Environment(Environment&&) noexcept = default;
  Environment& operator=(Environment&&) = delete;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  /// Wipes the values: some are credentials.
  ~Environment();

  /// Names of variables that were set and are ignored, for the log.
  [[nodiscard]] const std::vector<std::string>& dropped() const { return dropped_; }

  /// An empty variable counts as unset. Valid while this object lives.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  /// The names of set variables with this prefix, in order. Valid while this object lives.
  [[nodiscard]] std::vector<std::string_view> set_with_prefix(std::string_view prefix) const;

 private:
  Variables variables_;
  std::vector<std::string> dropped_;
};

}  // namespace logzio_okta
