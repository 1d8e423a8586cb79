// Environment: the variables the program was started with, as a value, so that tests need no setenv.
//
//     Environment environment = Environment::of_process();
//     if (auto host = environment.get("LOGZIO_LISTENER_HOST")) ...
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace logzio_okta {

class Environment {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  explicit Environment(Variables variables) : variables_(std::move(variables)) {}
  static Environment of_process();
  Environment(Environment&&) noexcept = default;
  Environment& operator=(Environment&&) = delete;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  /// Wipes the values: some are credentials.
  ~Environment();

  /// An empty variable is unset. Valid while this object lives.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;

 private:
  Variables variables_;
};

}  // namespace logzio_okta
