#include "logzio_okta/okta/error.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"

namespace logzio_okta {
namespace {

struct OktaError {
  std::string code;
  std::string summary;
  std::string id;
};

// Picks the needed strings from the top level of the object. The names are RapidJSON's.
class OktaErrorHandler : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, OktaErrorHandler> {
 public:
  bool StartObject() { return enter(); }
  bool EndObject(rapidjson::SizeType /*members*/) { return leave(); }
  bool StartArray() { return enter(); }
  bool EndArray(rapidjson::SizeType /*elements*/) { return leave(); }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    wanted_ = depth_ == 1 ? field(std::string_view(text, size)) : nullptr;
    return true;
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    if (wanted_ != nullptr) wanted_->assign(text, size);
    return Default();
  }
  bool Default() {
    wanted_ = nullptr;
    return true;
  }

  OktaError error;

 private:
  std::string* field(std::string_view key) {
    if (key == "errorCode") return &error.code;
    if (key == "errorSummary") return &error.summary;
    if (key == "errorId") return &error.id;
    return nullptr;
  }
  bool enter() {
    ++depth_;
    return Default();
  }
  bool leave() {
    --depth_;
    return Default();
  }

  std::string* wanted_ = nullptr;
  std::size_t depth_ = 0;
};

std::optional<OktaError> parse_error(std::string_view body) {
  rapidjson::MemoryStream stream(body.data(), body.size());
  rapidjson::Reader reader;
  OktaErrorHandler handler;
  const auto outcome = reader.Parse<rapidjson::kParseIterativeFlag>(stream, handler);
  if (outcome.IsError() || handler.error.code.empty()) return std::nullopt;
  return handler.error;
}

// The body as text, if it is short enough for one of Okta's errors.
std::optional<std::string> decoded_body(const HttpAnswer& answer) {
  if (answer.body.size() > limits::error_body_bytes_max) return std::nullopt;
  if (encoding_of(answer.headers) != Encoding::gzip) return answer.body;
  auto inflated = gunzip(answer.body, limits::error_body_bytes_max);
  if (!inflated) return std::nullopt;
  return std::move(*inflated);
}

std::string describe_foreign(const HttpAnswer& answer) {
  if (answer.body.empty()) return "an empty answer";
  const std::string kind(find_header(answer.headers, "Content-Type").value_or("no content type"));
  return "not an answer of Okta's API: " + kind + ", " + std::to_string(answer.body.size()) + " bytes";
}

/// Whoever answers could put a credential of ours there: an id is shorter than an API key.
std::string fit_request_id(std::string_view id) {
  constexpr std::size_t id_bytes_max = 40;
  const auto fits = [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '@';
  };
  return id.size() <= id_bytes_max && std::ranges::all_of(id, fits) ? std::string(id) : std::string();
}

}  // namespace

std::string request_id_of(const Headers& headers) {
  return fit_request_id(find_header(headers, "X-Okta-Request-Id").value_or(""));
}

bool is_okta_error(const HttpAnswer& answer) {
  const std::optional<std::string> body = decoded_body(answer);
  return body && parse_error(*body);
}

std::string describe_okta_error(const HttpAnswer& answer) {
  const std::optional<std::string> body = decoded_body(answer);
  const std::optional<OktaError> error = body ? parse_error(*body) : std::nullopt;
  const std::string text =
      error ? without_credentials(error->code + ' ' + error->summary) : describe_foreign(answer);
  // The id comes last and must survive the cut: Okta's support asks for it first.
  std::string id = request_id_of(answer.headers);
  if (id.empty() && error) id = fit_request_id(error->id);
  if (id.empty()) return printable(text);
  const std::string tail = " (request id " + id + ')';
  return printable(text, limits::error_text_bytes_max - tail.size()) + tail;
}

}  // namespace logzio_okta
