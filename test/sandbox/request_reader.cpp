#include "sandbox/request_reader.hpp"

#include <algorithm>
#include <charconv>

namespace logzio_okta::sandbox {
namespace {

constexpr std::size_t head_bytes_max = std::size_t{64} << 10U;
constexpr std::size_t body_bytes_max = std::size_t{256} << 20U;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool parse_number(std::string_view text, int base, std::size_t& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return fault == std::errc() && end == text.data() + text.size() && number <= body_bytes_max;
}

}  // namespace

std::size_t RequestReader::feed(std::string_view bytes) {
  switch (stage_) {
    case Stage::head:
      return feed_head(bytes);
    case Stage::body:
      return chunked_ ? feed_chunked(bytes) : feed_body(bytes);
    case Stage::head_done:
    case Stage::done:
    case Stage::bad:
      break;
  }
  return 0;
}

std::size_t RequestReader::feed_head(std::string_view bytes) {
  const std::size_t before = head_.size();
  head_ += bytes;
  const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (head_.size() > head_bytes_max) stage_ = Stage::bad;
    return bytes.size();
  }
  const std::size_t taken = end + 4 - before;
  head_.resize(end);
  stage_ = parse_head() ? Stage::head_done : Stage::bad;
  return taken;
}

bool RequestReader::parse_head() {
  std::string_view rest = head_;
  const auto next_line = [&] {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(line.size() + 2, rest.size()));
    return line;
  };
  const std::string_view first = next_line();
  const std::size_t method_end = first.find(' ');
  const std::size_t target_end = first.rfind(' ');
  if (method_end == std::string_view::npos || target_end <= method_end) return false;
  if (!first.substr(target_end + 1).starts_with("HTTP/1.")) return false;
  request_.method = first.substr(0, method_end);
  request_.target = first.substr(method_end + 1, target_end - method_end - 1);
  while (!rest.empty()) {
    const std::string_view line = next_line();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    request_.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))});
  }
  chunked_ = find_header(request_.headers, "Transfer-Encoding").value_or("") == "chunked";
  const auto length = find_header(request_.headers, "Content-Length");
  return !length || parse_number(*length, 10, body_left_);
}

void RequestReader::go_on() {
  stage_ = chunked_ || body_left_ > 0 ? Stage::body : Stage::done;
  if (!chunked_) request_.body.reserve(body_left_);
}

std::size_t RequestReader::feed_body(std::string_view bytes) {
  bytes = bytes.substr(0, body_left_);
  request_.body += bytes;
  body_left_ -= bytes.size();
  if (body_left_ == 0) stage_ = Stage::done;
  return bytes.size();
}

std::size_t RequestReader::feed_chunked(std::string_view bytes) {
  if (body_left_ > 0) {
    bytes = bytes.substr(0, body_left_);
    request_.body += bytes;
    body_left_ -= bytes.size();
    return bytes.size();
  }
  const std::size_t line_end = bytes.find('\n');
  const std::size_t taken = line_end == std::string_view::npos ? bytes.size() : line_end + 1;
  chunk_line_ += bytes.substr(0, taken);
  if (line_end == std::string_view::npos) return taken;
  const std::string line = chunk_line_.substr(0, chunk_line_.find_first_of("\r;\n"));
  chunk_line_.clear();
  if (last_chunk_) {
    if (line.empty()) stage_ = Stage::done;  // Else a trailer, of which there may be more.
  } else if (!line.empty()) {                // Empty after a chunk's bytes.
    if (!parse_number(line, 16, body_left_) || request_.body.size() > body_bytes_max) stage_ = Stage::bad;
    last_chunk_ = body_left_ == 0;
  }
  return taken;
}

model::Request RequestReader::take() {
  model::Request request = std::move(request_);
  *this = RequestReader();
  return request;
}

bool RequestReader::expects_continue() const {
  return find_header(request_.headers, "Expect").value_or("") == "100-continue";
}

bool RequestReader::keeps_alive() const {
  return !same_name(find_header(request_.headers, "Connection").value_or(""), "close");
}

}  // namespace logzio_okta::sandbox
