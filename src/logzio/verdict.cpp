#include "logzio_okta/logzio/verdict.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "logzio_okta/http/retry_after.hpp"
#include "logzio_okta/logzio/quote.hpp"

namespace logzio_okta {
namespace {

/// Reads the listener's 400: a flat object of counts, every one optional, others ignored (logzio.md section
/// 2).
class CountsReader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, CountsReader> {
 public:
  /// Of each count; what is more is not an answer to these lines.
  explicit CountsReader(std::size_t lines) : lines_(lines) {}

  // Named by RapidJSON, whose Reader calls them.
  bool Default() { return depth_ > 0 && count_ == nullptr; }
  bool Uint(unsigned number) { return Uint64(number); }
  bool Uint64(std::uint64_t number) {
    if (count_ == nullptr) return depth_ > 0;
    if (number > lines_) return false;
    *count_ = number;
    return true;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    count_ = depth_ == 1 ? named({text, size}) : nullptr;
    return true;
  }
  bool StartObject() {
    if (count_ != nullptr) return false;
    ++depth_;
    return true;
  }
  bool EndObject(rapidjson::SizeType /*members*/) {
    --depth_;
    return true;
  }
  bool StartArray() { return depth_ > 0 && count_ == nullptr; }
  bool EndArray(rapidjson::SizeType /*elements*/) { return true; }

  verdict::PartlyTaken counts;

 private:
  std::size_t* named(std::string_view key) {
    if (key == "malformedLines") return &counts.malformed;
    if (key == "oversizedLines") return &counts.oversized;
    if (key == "emptyLogLines") return &counts.empty;
    if (key == "successfulLines") return &counts.successful;
    return nullptr;
  }

  std::size_t lines_;
  std::size_t depth_ = 0;         ///< Of objects; the listener's is the outermost.
  std::size_t* count_ = nullptr;  ///< Where the value of the key just read goes.
};

/// The listener's own 400 to a bulk of `lines` lines.
std::optional<verdict::PartlyTaken> read_counts(std::string_view body, std::size_t lines) {
  rapidjson::MemoryStream stream(body.data(), body.size());
  rapidjson::Reader reader;
  CountsReader handler(lines);
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  if (reader.Parse<flags>(stream, handler).IsError()) return std::nullopt;
  verdict::PartlyTaken& counts = handler.counts;
  if (counts.successful + counts.refused() != lines) return std::nullopt;
  counts.answer = quotable(body);
  return std::move(counts);
}

/// Whether the lines may be in although the answer does not say so: it came from something that could have
/// passed them on, or that failed while it had them.
bool perhaps_taken(int status) {
  if (status >= 500) return status != 503;
  return status < 300 || status == 408;
}

std::string_view what_it_means(int status) {
  if (status < 300) return "not the listener's answer to a bulk, perhaps a proxy's";
  switch (status) {
    case 400:
      return "not the listener's own 400, perhaps a proxy's";
    case 403:
      return "something between here and the listener, a proxy or firewall, forbids it";
    case 404:
    case 405:
      return "no bulk listener is there; check host and port of the listener";
    case 407:
      return "the proxy wants a user and password; write them into HTTPS_PROXY";
    case 408:
    case 504:
      return "it ran out of time";
    case 429:
      return "it asks us to slow down";
    case 502:
      return "the gateway got no answer from the listener";
    case 503:
      return "it is overloaded or being restarted";
    default:
      break;
  }
  if (status < 400) return "redirects are not followed; write the listener's own host";
  return status < 500 ? "it refuses the request" : "it failed";
}

/// An overload or an outage passes; what is no listener, or lets nobody through, does not.
Urgency urgency_of_status(int status) {
  return status >= 500 || status == 408 || status == 429 ? Urgency::waits : Urgency::lasting;
}

Verdict retry_later(const HttpAnswer& answer, WallTime wall) {
  verdict::Retry retry{.perhaps_taken = perhaps_taken(answer.status),
                       .answered = true,
                       .status = answer.status,
                       .retry_after = retry_after(answer.headers, wall),
                       .text = "it answered " + std::to_string(answer.status) + ": ",
                       .urgency = urgency_of_status(answer.status)};
  retry.text += what_it_means(answer.status);
  if (!answer.body.empty()) retry.text += " (\"" + quotable(answer.body) + "\")";
  return retry;
}

Verdict judge_answer(const HttpAnswer& answer, std::size_t lines, WallTime wall) {
  switch (answer.status) {
    case 200:
      if (answer.body.empty()) return verdict::Taken{};
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

std::string_view what_happened(TransportFault fault) {
  switch (fault) {
    case TransportFault::unresolved:
      return "its host name could not be resolved";
    case TransportFault::unreachable:
      return "no connection to it";
    case TransportFault::proxy_refused:
      return "the proxy opened no tunnel to it";
    case TransportFault::untrusted:
      return "its certificate is not trusted";
    case TransportFault::tls_failed:
      return "TLS with it failed";
    case TransportFault::timed_out:
      return "it did not answer in time";
    case TransportFault::cut:
      return "the connection broke before it answered";
    case TransportFault::answer_too_large:
      return "its answer is too large to be a listener's";
    case TransportFault::refused_by_us:
      return "nothing was sent, by our own rules";
  }
  std::unreachable();
}

}  // namespace

Verdict judge(const BulkResult& result, std::size_t lines, WallTime wall) {
  if (std::holds_alternative<LinesTaken>(result)) return verdict::Taken{};
  if (const auto* answer = std::get_if<HttpAnswer>(&result)) return judge_answer(*answer, lines, wall);
  const auto& error = std::get<TransportError>(result);
  verdict::Retry retry{.perhaps_taken = error.sent, .text = std::string(what_happened(error.fault))};
  if (!error.text.empty()) retry.text += " (" + quotable(error.text) + ")";
  if (!error.cure.empty()) retry.text += "; " + quotable(error.cure);
  retry.urgency = urgency_of(error);
  return retry;
}

}  // namespace logzio_okta
