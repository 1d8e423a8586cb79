#include "logzio_okta/config/tenant_values.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/logzio/line_constants.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {
namespace {

bool is_placeholder(std::string_view text) {
  return text.starts_with('<') || text.ends_with('>') || text.starts_with('$') || text.contains("${") ||
         text.contains("{{");
}

}  // namespace

Result<void> check_api_key(std::string_view key) {
  constexpr const char* cure = "; copy the key as Okta shows it under Security, API, Tokens";
  if (key.empty()) return fail(std::string("the API key is empty") + cure);
  if (is_placeholder(key)) return fail(std::string("the API key is a placeholder") + cure);
  if (ascii::equal_ignoring_case(key.substr(0, 5), "SSWS "))
    return fail("write the API key without \"SSWS\" in front");
  if (key.contains("://") || key.contains(".okta")) {
    return fail("the API key looks like a domain; okta_api_key and okta_domain may be swapped");
  }
  if (!std::ranges::all_of(key, ascii::is_visible)) {
    return fail(
        std::string("the API key contains a space, a line break or another character that no key has") +
        cure);
  }
  if (key.size() > limits::secret_bytes_max) return fail(std::string("the API key is far too long") + cure);
  return {};
}

Result<void> check_client_id(std::string_view id) {
  constexpr const char* cure =
      "; copy it as Okta shows it for the service app under General, for example 0oa1b2c3d4E5f6G7h8i9";
  if (id.empty()) return fail(std::string("the client id is empty") + cure);
  if (is_placeholder(id)) return fail(std::string("the client id is a placeholder") + cure);
  const bool fits = std::ranges::all_of(id, [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '.';
  });
  if (!fits || id.size() > limits::nonce_bytes_max)
    return fail(std::string("the client id is too long or contains a character that no client id has") +
                cure);
  return {};
}

bool looks_like_api_key(std::string_view text) {
  constexpr std::size_t letters_at_least = 20;
  return text.size() >= letters_at_least && text.find_first_of(".:/") == std::string_view::npos;
}

Result<Domain> read_domain(std::string_view text) {
  constexpr const char* cure = "; write the org's domain, for example acme.okta.com";
  if (ascii::trim(text).empty()) return fail(std::string("the domain is empty") + cure);
  if (is_quoted(text)) {
    return fail("the domain has quotes around it, which docker's --env-file keeps; write it without them");
  }
  if (is_placeholder(text)) return fail(std::string("the domain is a placeholder") + cure);
  if (text.contains('@')) return fail(std::string("the domain contains a user or password") + cure);
  if (looks_like_api_key(text)) {
    return fail("the domain looks like an API key; okta_api_key and okta_domain may be swapped");
  }
  return Domain::parse(text);
}

Result<Since> read_since(std::string_view text, WallTime now) {
  const std::optional<WallTime> at = parse_rfc3339(ascii::trim(text));
  if (at && *at <= now) return SinceAt{*at};
  return parse_since(text, now);
}

Result<std::string> read_constant(std::string_view text) {
  if (text.size() > limits::constant_value_bytes_max) {
    return fail("this is longer than " + std::to_string(limits::constant_value_bytes_max) +
                " bytes, and every line would carry it; write a shorter one");
  }
  std::string json = json_string(text);
  if (!is_strict_json_object("{\"text\":" + json + "}"))
    return fail("this is not UTF-8; save it as UTF-8, or write something else");
  return json;
}

Result<void> check_query(std::string_view text) {
  if (ascii::trim(text).empty())
    return fail("this is empty; write what Okta should filter by, or leave it out");
  if (text.size() > limits::query_bytes_max)
    return fail("this is longer than " + std::to_string(limits::query_bytes_max) +
                " bytes; write a shorter one");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return fail("this contains a line break or another control character; write it on one line");
  return {};
}

}  // namespace logzio_okta
