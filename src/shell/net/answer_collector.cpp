#include "shell/net/answer_collector.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

// The most to reserve before the first byte: a server may announce any length.
constexpr std::size_t reserve_bytes_max = limits::MiB;

std::string in_kib(std::size_t bytes) {
  return std::to_string(bytes / limits::KiB) + " KiB";
}

}  // namespace

bool AnswerCollector::header_line(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > limits::header_bytes_max) {
    complaint_ = "headers of more than " + in_kib(limits::header_bytes_max);
    return false;
  }
  if (line.starts_with("HTTP/")) {
    headers_.clear();
    begun_ = true;
    in_headers_ = true;
    return true;
  }
  const std::string_view text = ascii::trim(line);
  if (text.empty()) {
    in_headers_ = false;
    return true;
  }
  if (!in_headers_) return true;
  if (line.front() == ' ' || line.front() == '\t') {
    // A folded line (RFC 9112 section 5.2) belongs to the one before.
    if (!headers_.empty()) headers_.back().value.append(" ").append(text);
    return true;
  }
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    headers_.push_back({.name = std::string(ascii::trim(text.substr(0, colon))),
                        .value = std::string(ascii::trim(text.substr(colon + 1)))});
  }
  return true;
}

bool AnswerCollector::body_bytes(std::string_view bytes, std::optional<std::size_t> announced) {
  const bool too_much_announced = announced.value_or(0) > body_bytes_max_;
  const std::size_t taken_max =
      too_much_announced ? std::min(limits::beginning_bytes_max, body_bytes_max_) : body_bytes_max_;
  if (body_.size() + bytes.size() > taken_max) {
    complaint_ = "a body of more than " + in_kib(body_bytes_max_);
    keep_beginning(bytes);
    return false;
  }
  if (body_.size() + bytes.size() > limits::ask_reserve &&
      bodies_bytes_ + bytes.size() > limits::bodies_bytes_max) {
    complaint_ = "a body too large to hold with the other answers";
    return false;
  }
  bodies_bytes_ += bytes.size();
  if (body_.empty() && announced) body_.reserve(std::min(*announced, reserve_bytes_max));
  body_.append(bytes);
  return true;
}

// The same bytes however they arrived, without spare capacity.
void AnswerCollector::keep_beginning(std::string_view bytes) {
  bodies_bytes_ -= body_.size();
  std::string beginning(std::string_view(body_).substr(0, limits::beginning_bytes_max));
  beginning.append(bytes.substr(0, limits::beginning_bytes_max - beginning.size()));
  body_ = std::move(beginning);
  bodies_bytes_ += body_.size();
  cut_off_ = true;
}

HttpAnswer AnswerCollector::take(int status) {
  bodies_bytes_ -= body_.size();
  return {.status = status,
          .headers = std::move(headers_),
          .body = std::exchange(body_, {}),
          .cut_off = cut_off_};
}

}  // namespace logzio_okta
