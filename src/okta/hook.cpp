#include "logzio_okta/okta/hook.hpp"

#include <algorithm>
#include <optional>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/okta/member.hpp"

namespace logzio_okta {
namespace {

/// A member that is a string, with its quotes; empty if there is none.
std::string_view string_member(std::string_view object, std::string_view key) {
  std::string_view value;
  if (!find_member(object, key, value) || !value.starts_with('"')) return {};
  return value;
}

/// The text of a JSON string that holds a URL: only its slashes may be escaped.
std::optional<std::string> plain_url(std::string_view quoted) {
  std::string text(quoted.substr(1, quoted.size() - 2));
  for (std::size_t at = 0; (at = text.find('\\', at)) != std::string::npos; ++at) {
    if (text.compare(at, 2, "\\/") != 0) return std::nullopt;
    text.erase(at, 1);
  }
  return text;
}

Result<Domain> source_of(std::string_view body) {
  const std::string_view quoted = string_member(body, "source");
  if (quoted.empty()) return fail("\"source\" is missing");
  const auto text = plain_url(quoted);
  const auto url = text ? parse_url(*text) : std::nullopt;
  auto domain = url ? Domain::parse(url->origin.text()) : Result<Domain>(fail(""));
  if (!domain) return fail("\"source\" is not the address of an Okta org");
  return domain;
}

}  // namespace

std::expected<Hook, HookFault> read_hook(std::string_view body, PageCutter& cutter) {
  const auto refuse = [](std::string text) { return std::unexpected(HookFault{.text = std::move(text)}); };
  body = ascii::trim(body);
  std::string_view data;
  std::string_view events;
  const bool listed = find_member(body, "data", data) && find_member(data, "events", events);
  const bool cut = listed && cutter.cut(events, limits::hook_events_max);
  // Before the strict parser, which is slow with millions of values.
  if (listed && cutter.too_many()) {
    return std::unexpected(HookFault{.text = "it has more than " + std::to_string(limits::hook_events_max) +
                                             " events; send them in several deliveries",
                                     .too_many = true});
  }
  if (!is_strict_json_object(body)) return refuse("the body is not a JSON object");
  if (!cut) return refuse("\"data\" has no list \"events\"");
  if (!std::ranges::all_of(cutter.events(), &EventSlice::object)) return refuse("an event is not an object");
  auto source = source_of(body);
  if (!source) return refuse(std::move(source.error().text));
  return Hook{.source = std::move(*source),
              .source_text = string_member(body, "source"),
              .event_id = string_member(body, "eventId"),
              .event_time = string_member(body, "eventTime")};
}

std::string verification_answer(std::string_view challenge) {
  std::string answer = R"({"verification":")";
  for (const char c : challenge) {
    if (c == '"' || c == '\\') answer.push_back('\\');
    answer.push_back(c);
  }
  return answer + "\"}";
}

}  // namespace logzio_okta
