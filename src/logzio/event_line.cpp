#include "logzio_okta/logzio/event_line.hpp"

#include <array>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/member.hpp"

namespace logzio_okta {
namespace {

/// The part of the line before the event: the opening brace and members, each followed by a comma.
class Splice {
 public:
  Splice(std::string& out, OwnKeys taken) : out_(out), taken_(taken) { out_ += '{'; }

  /// `value` is raw JSON. The event's own member of that name takes precedence.
  void member(OwnKey key, std::string_view name, std::string_view value) {
    if (!taken_.has(key)) raw(name, value);
  }
  void text(OwnKey key, std::string_view name, std::string_view inside_the_quotes) {
    if (taken_.has(key)) return;
    name_it(name);
    ((out_ += '"') += inside_the_quotes) += "\",";
  }
  void raw(std::string_view name, std::string_view value) {
    name_it(name);
    (out_ += value) += ',';
  }
  /// Only the closing brace follows: removes the last comma.
  void end() {
    if (out_.back() == ',') out_.pop_back();
  }

 private:
  void name_it(std::string_view name) { ((out_ += '"') += name) += "\":"; }

  std::string& out_;
  OwnKeys taken_;
};

/// The value of "logzio_okta"; empty if there is nothing to say. `reduced_from` is the size of Okta's event.
std::string saying(Mark mark, std::size_t reduced_from) {
  std::string said;
  if (mark.possible_duplicate) said += R"("possible_duplicate":true,)";
  if (mark.backfill) said += R"("backfill":true,)";
  if (reduced_from != 0) said += R"("reduced":true,"bytes":)" + std::to_string(reduced_from) + ",";
  if (said.empty()) return said;
  said.back() = '}';
  return "{" + said;
}

/// A line break between tokens is white space like any other; inside a string there is none (event_line.hpp).
void put_on_one_line(std::string& out, std::size_t from) {
  for (std::size_t at = from; (at = out.find_first_of("\r\n", at)) != std::string::npos;) out[at] = ' ';
}

void say_when_it_was(Splice& splice, const EventSlice& event) {
  if (event.published_at && event.published.size() <= limits::field_chars_max) {
    splice.text(OwnKey::timestamp, "@timestamp", event.published);
  }
}

void append_whole(std::string& out, const EventSlice& event, const LineConstants& constants, Mark mark,
                  std::size_t& event_at) {
  const std::size_t from = out.size();
  Splice splice(out, event.own_keys);
  constants.append(out, event);
  say_when_it_was(splice, event);
  if (!event.display_message.empty()) splice.member(OwnKey::message, "message", event.display_message);
  if (const std::string said = saying(mark, 0); !said.empty()) {
    splice.member(OwnKey::logzio_okta, "logzio_okta", said);
  }
  const std::string_view rest = event.bytes.substr(1);
  if (rest.find_first_not_of(" \t\r\n") == rest.size() - 1) splice.end();
  event_at = out.size() - from;
  out += rest;
}

/// Whether a value is small enough for a reduced line and valid: values that the strict parser rejects are
/// left out, the rest is delivered.
bool worth_keeping(std::string_view value) {
  return value.size() <= limits::field_chars_max &&
         is_strict_json_object("{\"value\":" + std::string(value) + "}");
}

/// The event for its reduced form: it keeps no key that our splice uses, but a constant field must not
/// duplicate a kept key.
EventSlice without_own_keys(EventSlice event) {
  event.own_keys = {};
  return event;
}

/// The most important fields. None of the keys that our splice uses is among them, so nothing clashes.
void append_reduced(std::string& out, const EventSlice& event, const LineConstants& constants, Mark mark,
                    std::size_t& event_at) {
  constexpr std::array kept = {"uuid",           "published", "eventType", "severity",
                               "displayMessage", "actor",     "outcome"};
  const std::size_t from = out.size();
  Splice line(out, OwnKeys{});
  constants.append(out, without_own_keys(event));
  say_when_it_was(line, event);
  if (!event.display_message.empty() && worth_keeping(event.display_message)) {
    line.raw("message", event.display_message);
  }
  line.raw("logzio_okta", saying(mark, event.bytes.size()));
  event_at = out.size() - from;

  for (const char* const name : kept) {
    std::string_view value;
    if (find_member(event.bytes, name, value) && worth_keeping(value)) line.raw(name, value);
  }
  std::string_view client;
  std::string_view address;
  if (find_member(event.bytes, "client", client) && find_member(client, "ipAddress", address) &&
      worth_keeping(address)) {
    line.raw("client", R"({"ipAddress":)" + std::string(address) + "}");
  }
  const bool nothing_kept = out.size() - from == event_at;
  line.end();
  if (nothing_kept) event_at = out.size() - from;
  out += '}';
}

}  // namespace

AppendedLine append_line(std::string& out, const EventSlice& event, const LineConstants& constants, Mark mark,
                         std::size_t extra_bytes) {
  CHECK(event.object && !event.newline_inside);
  const std::size_t from = out.size();
  AppendedLine line;
  append_whole(out, event, constants, mark, line.event_at);
  if (out.size() - from + extra_bytes > limits::line_bytes_max) {
    out.resize(from);
    append_reduced(out, event, constants, mark, line.event_at);
    line.reduced = true;
  }
  if (event.newline_between) put_on_one_line(out, from);
  out += '\n';
  return line;
}

}  // namespace logzio_okta
