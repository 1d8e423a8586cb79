#include "logzio_okta/logzio/verdict.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/retry_after.hpp"

namespace logzio_okta {
namespace {

/// A word for success, as a whole body or as the value of a member.
bool is_yes(std::string_view word) {
  constexpr std::array<std::string_view, 4> words = {"ok", "success", "accepted", "succeeded"};
  return std::ranges::find(words, ascii::lower(word)) != words.end();
}

/// Reads the listener's JSON object: its counts, all optional, with any other members (docs/logzio.md 2), and
/// whether it simply reports success.
class AnswerReader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, AnswerReader> {
 public:
  struct Count {
    bool named = false;
    std::optional<std::uint64_t> value;  ///< If it is a whole number.
  };
  Count malformed;
  Count oversized;
  Count empty;
  Count successful;
  bool says_yes = false;
  bool says_no = false;

  [[nodiscard]] bool any_count() const {
    return malformed.named || oversized.named || empty.named || successful.named;
  }

  // The names are RapidJSON's, whose Reader calls them.
  bool Default() { return value(std::nullopt); }
  bool Null() {
    key_.clear();
    return value(std::nullopt);
  }
  bool Bool(bool yes) {
    if (depth_ == 1 && (is_yes(key_) || key_ == "acknowledged")) (yes ? says_yes : says_no) = true;
    if (!yes) key_.clear();  // "error": false
    return value(std::nullopt);
  }
  bool Uint(unsigned number) { return value(number); }
  bool Uint64(std::uint64_t number) { return value(number); }
  bool Double(double number) {
    constexpr double most = 1e15;  // Up to this every whole number is exact.
    const bool whole = number >= 0 && number <= most && std::floor(number) == number;
    return value(whole ? std::optional(static_cast<std::uint64_t>(number)) : std::nullopt);
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    const std::string_view word(text, size);
    if (depth_ == 1 && is_yes(word)) says_yes = true;
    return value(ascii::whole_number(word));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    key_.assign(depth_ == 1 ? std::string_view(text, size) : std::string_view());
    count_ = named(key_);
    if (count_ != nullptr) count_->named = true;
    return true;
  }
  bool StartObject() { return open(); }
  bool EndObject(rapidjson::SizeType /*members*/) { return close(); }
  bool StartArray() { return depth_ > 0 && open(); }
  bool EndArray(rapidjson::SizeType /*elements*/) { return close(); }

 private:
  Count* named(std::string_view key) {
    if (key == "malformedLines") return &malformed;
    if (key == "oversizedLines") return &oversized;
    if (key == "emptyLogLines") return &empty;
    if (key == "successfulLines") return &successful;
    return nullptr;
  }
  bool value(std::optional<std::uint64_t> number) {
    if (depth_ == 1 && key_.starts_with("error")) says_no = true;
    if (Count* const count = std::exchange(count_, nullptr)) count->value = number;
    return depth_ > 0;
  }
  bool open() {
    if (depth_ > 0) static_cast<void>(value(std::nullopt));
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;   ///< Depth of objects and arrays; the outermost object is 1.
  std::string key_;         ///< A key of the outermost object; its value comes next.
  Count* count_ = nullptr;  ///< Where that value goes.
};

/// Nothing if the body is not a JSON object.
std::optional<AnswerReader> read_object(std::string_view body) {
  rapidjson::MemoryStream stream(body.data(), body.size());
  rapidjson::Reader reader;
  AnswerReader handler;
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  if (reader.Parse<flags>(stream, handler).IsError()) return std::nullopt;
  return handler;
}

/// The counts in an answer to a bulk of `lines` lines.
std::optional<verdict::PartlyTaken> read_counts(std::string_view body, std::size_t lines) {
  const auto answer = read_object(body);
  if (!answer || !answer->any_count()) return std::nullopt;
  const auto at_most = [&](const AnswerReader::Count& count) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(count.value.value_or(0), lines));
  };
  verdict::PartlyTaken counts{.lines = lines, .taken = {}, .answer = quotable(body)};
  const std::size_t bad = at_most(answer->malformed) + at_most(answer->oversized);
  counts.named = std::min(bad + at_most(answer->empty), lines);
  const auto& taken = answer->successful.value;
  if (taken && *taken <= lines) {
    counts.taken = static_cast<std::size_t>(*taken);
  } else if (!answer->successful.named && counts.named == lines) {
    counts.taken = 0;
  }
  return counts;
}

/// What a 200 with a body says about `lines` lines; nothing if the body is not the listener's. The documented
/// body is empty. A page of something in between is HTML, or text that no listener sends.
std::optional<Verdict> read_yes(std::string_view body, std::size_t lines) {
  body = ascii::trim(body);
  if (body.empty() || body == "{}") return verdict::Taken{};
  if (auto counts = read_counts(body, lines)) {
    const bool all = counts->taken.value_or(lines) == lines && (counts->taken || counts->named == 0);
    return all ? Verdict(verdict::Taken{}) : Verdict(std::move(*counts));
  }
  const auto object = read_object(body);
  if (object && object->says_yes && !object->says_no) return verdict::Taken{};
  if (body.size() > 2 && body.starts_with('"') && body.ends_with('"')) body = body.substr(1, body.size() - 2);
  if (is_yes(body)) return verdict::Taken{};
  return std::nullopt;
}

/// Whether the lines may have been taken although the answer does not say so: its sender could have passed
/// them on, or failed while it had them.
bool perhaps_taken(int status) {
  if (status >= 500) return status != 503;
  return status < 300 || status == 400 || status == 408;
}

std::string_view what_it_means(int status) {
  if (status < 300) return "not the listener's answer to a bulk, perhaps a proxy's";
  switch (status) {
    case 400:
      return "not the listener's own 400, perhaps a proxy's";
    case 403:
      return "a proxy or firewall on the way forbids it; allow requests to the listener there";
    case 404:
    case 405:
      return "no bulk listener is there; check host and port of the listener";
    case 407:
      return "the proxy needs a user and password; write them into HTTPS_PROXY";
    case 408:
    case 504:
      return "it timed out; check status.logz.io";
    case 429:
      return "it asks us to slow down; look in Logz.io for a limit of the account";
    case 502:
      return "the gateway got no answer from the listener; check status.logz.io";
    case 503:
      return "it is overloaded or being restarted; check status.logz.io";
    default:
      break;
  }
  if (status < 400) return "redirects are not followed; write the listener's own host";
  return status < 500 ? "it refuses the request" : "it failed; check status.logz.io";
}

Verdict retry_later(const HttpAnswer& answer, WallTime wall) {
  verdict::Retry retry{.perhaps_taken = perhaps_taken(answer.status),
                       .answered = true,
                       .status = answer.status,
                       .retry_after = retry_after(answer.headers, wall),
                       .text = "it answered " + std::to_string(answer.status) + ": "};
  retry.text += what_it_means(answer.status);
  if (!answer.body.empty()) retry.text += " (\"" + quotable(answer.body) + "\")";
  return retry;
}

Verdict judge_answer(const HttpAnswer& answer, std::size_t lines, WallTime wall) {
  switch (answer.status) {
    case 200:
      if (auto yes = read_yes(answer.body, lines)) return std::move(*yes);
      break;
    case 400:
      if (auto partly = read_counts(answer.body, lines)) return std::move(*partly);
      break;
    case 401:
      return verdict::TokenRefused{};
    case 413:
      return verdict::TooLarge{};
    default:
      break;
  }
  return retry_later(answer, wall);
}

}  // namespace

Verdict judge(const BulkResult& result, std::size_t lines, WallTime wall) {
  if (std::holds_alternative<LinesTaken>(result)) return verdict::Taken{};
  if (const auto* answer = std::get_if<HttpAnswer>(&result)) return judge_answer(*answer, lines, wall);
  const auto& error = std::get<TransportError>(result);
  verdict::Retry retry{.perhaps_taken = error.sent,
                       .timed_out = error.sent && error.fault == TransportFault::timed_out,
                       .text = quotable(error.text)};
  if (error.fault == TransportFault::held_by_us) retry.text = "nothing is sent (" + retry.text + ")";
  if (!error.cure.empty()) retry.text += "; " + quotable(error.cure);
  retry.urgency = urgency_of(error);
  return retry;
}

}  // namespace logzio_okta
