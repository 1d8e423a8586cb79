#include "shell/settings/store_url.hpp"

#include <charconv>
#include <cstdint>
#include <memory>
#include <ranges>
#include <string>
#include <system_error>

#include <libpq-fe.h>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr const char* example = "write for example postgresql://okta@db.example.com/okta";

struct OptionsFree {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

bool names_a_password(std::string_view url) {
  const std::size_t begin = url.find("://") + 3;
  const std::string_view rest = url.substr(begin);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  const std::size_t at = authority.rfind('@');
  const bool of_user = at != std::string_view::npos && authority.substr(0, at).contains(':');
  // A slash or a question mark in a password that was not encoded.
  const bool beyond = at == std::string_view::npos && rest.contains('@') && authority.contains(':');
  return of_user || beyond || ascii::lower(rest).contains("password=");
}

std::unexpected<Error> has_password() {
  return fail(
      "there is a password in it, which every user of this machine could read; put it into PGPASSWORD, a "
      "file of PGPASSFILE, or a file of its own that LOGZIO_OKTA_STORE_PASSWORD_FILE names");
}

/// One for all hosts, or one each; an empty one is the usual port.
bool are_ports(std::string_view ports) {
  for (const auto& part : std::views::split(ports, ',')) {
    const std::string_view port(part);
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (!port.empty() && (error != std::errc{} || end != port.data() + port.size() || number == 0))
      return false;
  }
  return true;
}

}  // namespace

Result<void> check_store_url(std::string_view url) {
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://"))
    return fail(std::string("it does not begin with postgresql://; ") + example);
  if (names_a_password(url)) return has_password();
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, OptionsFree> options(
      PQconninfoParse(std::string(url).c_str(), &complaint));
  const std::unique_ptr<char, decltype(&PQfreemem)> text(complaint, PQfreemem);
  if (!options)
    return fail("it cannot be read (" + quotable(ascii::trim(text ? text.get() : "no memory")) + "); " +
                example);
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view name = option->keyword;
    if (name.ends_with("password")) return has_password();  // However its name was written.
    if (name == "port" && !are_ports(option->val))
      return fail("its port is not a number from 1 to 65535; " + std::string(example));
  }
  return {};
}

}  // namespace logzio_okta
