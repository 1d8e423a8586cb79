#include "model/events.hpp"

#include <array>

#include "logzio_okta/base/check.hpp"

#include "model/json.hpp"

namespace logzio_okta::model {
namespace {

using namespace std::string_view_literals;

constexpr std::array event_types{
    "user.session.start"sv,         "user.session.end"sv,
    "user.authentication.sso"sv,    "policy.evaluate_sign_on"sv,
    "user.authentication.verify"sv, "user.authentication.auth_via_mfa"sv,
    "app.oauth2.token.grant"sv,     "user.account.update_profile"sv,
    "group.user_membership.add"sv,  "application.user_membership.add"sv,
};
constexpr std::array messages{
    "User login to Okta"sv,   "Evaluation of sign-on policy"sv,   "User single sign on to app"sv,
    "Verify user identity"sv, "Authentication of user via MFA"sv, "Update user profile for Okta"sv,
};
constexpr std::array people{
    "Zoë Müller"sv,      "Søren Ångström"sv,
    "李小龍"sv,          "Łukasz Żółć"sv,
    "Ana María Nuñez"sv, "Ελένη Παπαδάκη"sv,
    "Юлия Ковалёва"sv,   "John O'Neill"sv,
    "佐藤 健"sv,         "Grace \\\"Amazing\\\" Hopper"sv,
};
constexpr std::array mailboxes{
    "zoe.mueller"sv, "soren"sv, "bruce.lee"sv, "lukasz"sv,
    "ana.nunez"sv,   "eleni"sv, "julia"sv,     "john.oneill"sv,
};
constexpr std::array cities{
    "\"city\":\"Kraków\",\"state\":\"Małopolskie\",\"country\":\"Poland\",\"postalCode\":\"30-001\""sv,
    "\"city\":\"São Paulo\",\"state\":\"São Paulo\",\"country\":\"Brazil\",\"postalCode\":\"01001-000\""sv,
    "\"city\":\"Zürich\",\"state\":\"Zürich\",\"country\":\"Switzerland\",\"postalCode\":\"8001\""sv,
    "\"city\":\"San Francisco\",\"state\":\"California\",\"country\":\"United States\",\"postalCode\":\"94105\""sv,
};
constexpr std::array agents{
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"sv,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"sv,
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"sv,
};
constexpr std::array results{"SUCCESS"sv, "SUCCESS"sv, "SUCCESS"sv, "FAILURE"sv, "ALLOW"sv, "CHALLENGE"sv};
constexpr std::array severities{"INFO"sv, "INFO"sv, "INFO"sv, "WARN"sv, "DEBUG"sv};

constexpr std::array specials{
    Special::no_uuid,       Special::null_uuid,      Special::no_published,   Special::bad_published,
    Special::no_message,    Special::pretty_printed, Special::duplicate_keys, Special::clashing_keys,
    Special::escaped_clash, Special::long_field,     Special::many_fields,    Special::deep,
    Special::numbers,       Special::empty_object,   Special::oversized,      Special::bad_utf8,
    Special::bad_literal,   Special::raw_newline,    Special::not_an_object,
};
static_assert(specials.size() == specials_count);

std::string member(std::string_view key, std::string_view text) {
  return '"' + std::string(key) + "\":" + quoted(text) + ',';
}

/// `{"a":{"a":...}}`, this many levels.
std::string nested(std::size_t levels) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += "{\"a\":";
  return text + "1" + std::string(levels, '}');
}

/// Breaks and indents a compact object as a person would.
std::string pretty(std::string_view compact) {
  std::string text;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < compact.size(); ++i) {
    const char c = compact[i];
    if (in_string) {
      text += c;
      if (c == '\\') text += compact[++i];
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    if (c == '}' || c == ']') text += "\r\n" + std::string(2 * --depth, ' ');
    text += c;
    if (c == '{' || c == '[') ++depth;
    if (c == '{' || c == '[' || c == ',') text += "\n" + std::string(2 * depth, ' ');
    if (c == ':') text += ' ';
  }
  return text;
}

}  // namespace

std::span<const Special> all_specials() {
  return specials;
}

std::string_view name_of(Special special) {
  static constexpr std::array names{
      "no_uuid"sv,        "null_uuid"sv,      "no_published"sv,  "bad_published"sv, "no_message"sv,
      "pretty_printed"sv, "duplicate_keys"sv, "clashing_keys"sv, "escaped_clash"sv, "long_field"sv,
      "many_fields"sv,    "deep"sv,           "numbers"sv,       "empty_object"sv,  "oversized"sv,
      "bad_utf8"sv,       "bad_literal"sv,    "raw_newline"sv,   "not_an_object"sv,
  };
  static_assert(names.size() == specials_count);
  return names.at(static_cast<std::size_t>(special));
}

Fate fate_of(Special special, bool over_lines) {
  if (over_lines && special == Special::clashing_keys) return Fate::set_aside;
  if (special == Special::oversized) return Fate::reduced;
  return special < Special::oversized ? Fate::whole : Fate::set_aside;
}

std::string EventMaker::hex(std::size_t digits) {
  static constexpr std::string_view alphabet = "0123456789abcdef";
  std::string text;
  while (text.size() < digits) {
    std::uint64_t bits = random_.next();
    for (int i = 0; i < 16 && text.size() < digits; ++i, bits >>= 4U) text += alphabet[bits & 15U];
  }
  return text;
}

std::string EventMaker::name_like(std::size_t characters) {
  static constexpr std::string_view alphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  std::string text;
  while (text.size() < characters) {
    std::uint64_t bits = random_.next();
    for (int i = 0; i < 10 && text.size() < characters; ++i, bits >>= 6U) text += alphabet[bits & 63U];
  }
  return text;
}

std::string_view EventMaker::pick(std::span<const std::string_view> choices) {
  return choices[random_.below(choices.size())];
}

std::string EventMaker::uuid() {
  std::string text = hex(32);
  text[12] = '4';
  text[16] = "89ab"[random_.below(4)];
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

std::string EventMaker::ip_address() {
  return "203.0." + std::to_string(random_.below(256)) + '.' + std::to_string(random_.below(256));
}

std::string EventMaker::place() {
  return "{" + std::string(pick(cities)) + ",\"geolocation\":{\"lat\":" + std::to_string(random_.below(90)) +
         '.' + std::to_string(random_.below(10'000)) + ",\"lon\":-" + std::to_string(random_.below(180)) +
         '.' + std::to_string(random_.below(10'000)) + "}}";
}

std::string EventMaker::build(std::string_view uuid_member, std::string_view published_member,
                              std::string_view message, std::string_view debug_extra) {
  const std::string ip = ip_address();
  const std::string geography = place();
  const std::string_view person = pick(people);
  const std::string mail = std::string(pick(mailboxes)) + "@example.com";
  const std::string session = "102" + name_like(22);
  const std::string request_id = name_like(27);
  const std::string_view agent = pick(agents);
  const std::string user = "00u" + name_like(17);

  std::string event;
  event.reserve(2600 + debug_extra.size());
  event += "{\"actor\":{\"id\":\"" + user + R"(","type":"User","alternateId":")" + mail +
           R"(","displayName":")" + std::string(person) + R"(","detailEntry":null},)";
  event +=
      R"("client":{"userAgent":{"rawUserAgent":")" + std::string(agent) +
      R"(","os":"Windows 10","browser":"CHROME"},"zone":"null","device":"Computer","id":null,"ipAddress":")" +
      ip + R"(","geographicalContext":)" + geography + "},";
  event +=
      R"("device":{"id":"guo)" + name_like(17) + R"(","name":"LAPTOP-)" + hex(6) +
      R"(","os_platform":"WINDOWS","os_version":"10.0.19045","managed":true,"registered":true,"disk_encryption_type":"ALL_INTERNAL_VOLUMES"},)";
  event +=
      R"("authenticationContext":{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":")" +
      session + R"(","externalSessionId":")" + session + "\"},";
  event += std::string(message) + "\"eventType\":\"" + std::string(pick(event_types)) +
           R"(","outcome":{"result":")" + std::string(pick(results)) + R"(","reason":null},)";
  event += published_member;
  event +=
      R"("securityContext":{"asNumber":)" + std::to_string(1000 + random_.below(60'000)) +
      R"(,"asOrg":"example networks","isp":"example \/ télécom","domain":"example.net","isProxy":false},)";
  event += R"("severity":")" + std::string(pick(severities)) + "\",";
  event +=
      R"("debugContext":{"debugData":{"requestId":")" + request_id + R"(","dtHash":")" + hex(64) +
      R"(","requestUri":"\/idp\/idx\/identify","threatSuspected":"false","url":"\/idp\/idx\/identify?","behaviors":"{\"New Geo-Location\":\"NEGATIVE\",\"New Device\":\"POSITIVE\",\"Velocity\":\"NEGATIVE\"}","risk":"{\"level\":\"LOW\",\"reasons\":\"Anomalous Device\"}","logOnlySecurityData":"{\"risk\":{\"level\":\"LOW\"},\"behaviors\":{\"New IP\":\"NEGATIVE\"}}")";
  event += std::string(debug_extra) + "}},";
  event += R"("legacyEventType":"core.user_auth.login_success","transaction":{"type":"WEB","id":")" +
           request_id + R"(","detail":{}},)";
  event += uuid_member;
  event += R"("version":"0","request":{"ipChain":[{"ip":")" + ip + R"(","geographicalContext":)" + geography +
           R"(,"version":"V4","source":null}]},)";
  event +=
      R"("target":[{"id":"0oa)" + name_like(17) +
      R"(","type":"AppInstance","alternateId":"Salesforce – Vertrieb","displayName":"Salesforce","detailEntry":{"signOnModeType":"SAML_2_0"}},{"id":")" +
      user + R"(","type":"AppUser","alternateId":")" + mail + R"(","displayName":")" + std::string(person) +
      R"(","detailEntry":null,"changeDetails":null}]})";
  return event;
}

std::string EventMaker::make(WallTime published) {
  return build(member("uuid", uuid()), member("published", format_rfc3339(published)),
               member("displayMessage", pick(messages)), "");
}

std::string EventMaker::special(Special special, WallTime published) {
  const std::string id = member("uuid", uuid());
  const std::string at = member("published", format_rfc3339(published));
  const std::string message = member("displayMessage", pick(messages));
  const auto with_extra = [&](std::string_view extra) { return build(id, at, message, extra); };
  const auto with_front = [&](std::string_view front) { return build(id, at, message, "").insert(1, front); };
  switch (special) {
    case Special::no_uuid:
      return build("", at, message, "");
    case Special::null_uuid:
      return build("\"uuid\":null,", at, message, "");
    case Special::no_published:
      return build(id, "", message, "");
    case Special::bad_published:
      return build(id, "\"published\":\"yesterday, about noon\",", message, "");
    case Special::no_message:
      return build(id, at, "\"displayMessage\":null,", "");
    case Special::pretty_printed:
      return pretty(build(id, at, message, ""));
    case Special::duplicate_keys:
      return with_front(R"("published":"2001-01-01T00:00:00.000Z","eventType":"first",)");
    case Special::clashing_keys:
      return with_front(R"("type":"mine","message":"mine too","@timestamp":"2001-01-01T00:00:00.000Z",)"
                        R"("tenant_name":"elsewhere","logzio_okta":{"mine":true},"token":"not a token",)");
    case Special::escaped_clash:
      return with_front(R"("t\u0079pe":"mine",)");
    case Special::long_field:
      return with_extra(",\"samlResponse\":\"" + hex(33'000) + '"');
    case Special::many_fields: {
      std::string extra;
      for (int i = 0; i < 1100; ++i) extra += ",\"field" + std::to_string(i) + "\":\"" + hex(8) + '"';
      return with_extra(extra);
    }
    case Special::deep:
      return with_extra(",\"tree\":" + nested(40));
    case Special::numbers:
      return with_extra(R"(,"n":[1.10,1E5,12345678901234567890123,-0,1e-7,0.1e+10])");
    case Special::empty_object:
      return "{}";
    case Special::oversized:
      return with_extra(",\"changes\":\"" + hex(600'000) + '"');
    case Special::bad_utf8:
      return with_extra(",\"name\":\"M\xFCller \xC3\x28\"");
    case Special::bad_literal:
      return with_extra(",\"suspected\":tru");
    case Special::raw_newline:
      return with_extra(",\"text\":\"two\nlines\"");
    case Special::not_an_object:
      return R"(["not","an","event",)" + std::to_string(random_.below(1'000'000)) + "]";
  }
  CHECK(false);
}

}  // namespace logzio_okta::model
