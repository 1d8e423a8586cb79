#include "logzio_okta/http/request.hpp"

#include <algorithm>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t chunk_line_bytes_max = 256;  // A size, and extensions that are never used.

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || others.contains(c);
  });
}

// No control characters: a NUL or a bare CR would end the value for one reader but not for another.
bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= ' ' && byte != 0x7f);
  });
}

// Whether a comma-separated list has this word.
bool lists(std::string_view list, std::string_view word) {
  for (;;) {
    const std::size_t comma = list.find(',');
    if (ascii::equal_ignoring_case(ascii::trim(list.substr(0, comma)), word)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

std::optional<std::size_t> read_hexadecimal(std::string_view text) {
  constexpr std::size_t digits_max = 8;  // 4 GiB, far beyond any of our limits.
  constexpr std::string_view digits = "0123456789abcdef";
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  std::size_t number = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(ascii::lower(c));
    if (digit == std::string_view::npos) return std::nullopt;
    number = number * 16 + digit;
  }
  return number;
}

}  // namespace

RequestReader::~RequestReader() {
  wipe(head_);
}

std::size_t RequestReader::feed(std::string_view bytes) {
  switch (stage_) {
    case Stage::head:
      return feed_head(bytes);
    case Stage::body:
      return chunked_ ? feed_chunked(bytes) : feed_body(bytes);
    case Stage::headed:
    case Stage::whole:
    case Stage::broken:
      return 0;
  }
  return 0;
}

bool RequestReader::refuse(int status, std::string_view why) {
  fault_ = {.status = status, .why = why};
  stage_ = Stage::broken;
  return false;
}

// The head.

std::size_t RequestReader::feed_head(std::string_view bytes) {
  const std::size_t had = head_.size();
  head_.append(bytes.substr(0, limits::request_head_bytes_max + 1 - had));
  const std::size_t taken = head_.size() - had;
  if (head_.starts_with(line_end) && !skipped_line_) {
    skipped_line_ = true;
    head_.erase(0, line_end.size());
  }
  if (head_.starts_with(line_end)) {
    refuse(400, "an empty line before the request");
    return taken;
  }
  const std::size_t overlap = head_end.size() + line_end.size();
  const std::size_t end = head_.find(head_end, had < overlap ? 0 : had - overlap);
  if (end == std::string::npos) {
    if (head_.size() > limits::request_head_bytes_max) refuse(431, "the request's headers are too long");
    return taken;
  }
  const std::size_t beyond = head_.size() - (end + head_end.size());
  head_.resize(head_.size() - beyond);
  read_head();
  return taken - beyond;
}

void RequestReader::read_head() {
  std::string_view rest = head_;
  rest.remove_suffix(line_end.size());
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t end = rest.find(line_end);
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + line_end.size());
    if (!(first ? read_request_line(line) : read_field(line))) return;
  }
  if (read_framing()) stage_ = Stage::headed;
}

bool RequestReader::read_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return refuse(400, "not an HTTP request");
  method_ = line.substr(0, first);
  target_ = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method_) || target_.empty() || !std::ranges::all_of(target_, ascii::is_visible)) {
    return refuse(400, "not an HTTP request");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "only HTTP/1.1 is supported");
  keeps_alive_ = version == "HTTP/1.1";
  return true;
}

bool RequestReader::read_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return refuse(400, "a header line is malformed");
  }
  const std::string_view value = ascii::trim(line.substr(colon + 1));
  if (!is_field_value(value)) return refuse(400, "a header contains a control character");
  if (fields_.size() >= limits::request_fields_max) return refuse(431, "too many headers");
  fields_.push_back({.name = line.substr(0, colon), .value = value});
  return true;
}

// The length of the body, which must be unambiguous.
bool RequestReader::read_framing() {
  const bool http_1_1 = keeps_alive_;
  if (count("Host") > 1 || (http_1_1 && count("Host") == 0))
    return refuse(400, "exactly one Host header is needed");
  for (const Field& field : fields_) {
    if (!ascii::equal_ignoring_case(field.name, "Connection")) continue;
    if (lists(field.value, "close")) keeps_alive_ = false;
    if (!http_1_1 && lists(field.value, "keep-alive")) keeps_alive_ = true;
  }
  const std::size_t encodings = count("Transfer-Encoding");
  const std::size_t lengths = count("Content-Length");
  if (encodings + lengths > 1) return refuse(400, "the length of the body is given twice");
  if (encodings > 0) {
    if (!http_1_1) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    if (!ascii::equal_ignoring_case(*header("Transfer-Encoding"), "chunked")) {
      return refuse(501, "only the transfer encoding chunked is supported");
    }
    chunked_ = true;
  }
  if (lengths > 0 && !read_length(*header("Content-Length"))) return false;
  const auto expectation = header("Expect");
  expects_continue_ = expectation && ascii::equal_ignoring_case(*expectation, "100-continue");
  return true;
}

bool RequestReader::read_length(std::string_view text) {
  const auto length = ascii::whole_number(text);
  const bool digits = !text.empty() && std::ranges::all_of(text, ascii::is_digit);
  if (!digits) return refuse(400, "Content-Length is not a number");
  // Digits that do not parse are too large.
  if (!length || *length > body_bytes_max_) return refuse(413, "the body is too large");
  body_left_ = static_cast<std::size_t>(*length);
  return true;
}

std::size_t RequestReader::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields_, [&](const Field& field) { return ascii::equal_ignoring_case(field.name, name); }));
}

std::vector<std::string_view> RequestReader::values(std::string_view name) const {
  std::vector<std::string_view> all;
  for (const Field& field : fields_) {
    if (ascii::equal_ignoring_case(field.name, name)) all.push_back(field.value);
  }
  return all;
}

std::optional<std::string_view> RequestReader::header(std::string_view name) const {
  if (count(name) != 1) return std::nullopt;
  return std::ranges::find_if(
             fields_, [&](const Field& field) { return ascii::equal_ignoring_case(field.name, name); })
      ->value;
}

// The body.

void RequestReader::take_body() {
  CHECK(stage_ == Stage::headed);
  stage_ = chunked_ || body_left_ > 0 ? Stage::body : Stage::whole;
}

std::size_t RequestReader::feed_body(std::string_view bytes) {
  bytes = bytes.substr(0, body_left_);
  body_.append(bytes);
  body_left_ -= bytes.size();
  if (body_left_ == 0) stage_ = Stage::whole;
  return bytes.size();
}

std::size_t RequestReader::feed_chunked(std::string_view bytes) {
  const std::size_t all = bytes.size();
  while (!bytes.empty() && stage_ == Stage::body) {
    if (chunk_ != Chunk::data) {
      bytes.remove_prefix(feed_line(bytes));
      continue;
    }
    const std::string_view data = bytes.substr(0, body_left_);
    body_.append(data);
    body_left_ -= data.size();
    bytes.remove_prefix(data.size());
    if (body_left_ == 0) chunk_ = Chunk::data_end;
  }
  return all - bytes.size();
}

// Collects one line of the chunk framing, up to its maximum length.
std::size_t RequestReader::feed_line(std::string_view bytes) {
  const std::size_t feed_at = bytes.find('\n');
  const std::size_t taken = feed_at == std::string_view::npos ? bytes.size() : feed_at + 1;
  line_.append(bytes.substr(0, std::min(taken, chunk_line_bytes_max + 1)));
  if (line_.size() > chunk_line_bytes_max) {
    refuse(400, "a chunk is malformed");
  } else if (feed_at != std::string_view::npos) {
    if (line_.ends_with(line_end)) {
      line_.resize(line_.size() - line_end.size());
      end_line();
    } else {
      refuse(400, "a chunk is malformed");
    }
    line_.clear();
  }
  return taken;
}

void RequestReader::end_line() {
  switch (chunk_) {
    case Chunk::size: {
      const std::string_view line = line_;
      const std::string_view digits = ascii::trim(line.substr(0, line.find(';')));
      const auto size = read_hexadecimal(digits);
      padding_bytes_ += line.size() - digits.size();
      if (!size) {
        refuse(400, "a chunk is malformed");
      } else if (padding_bytes_ > limits::request_head_bytes_max) {
        refuse(400, "the chunk extensions are too long");
      } else if (*size > body_bytes_max_ - body_.size()) {
        refuse(413, "the body is too large");
      } else {
        body_left_ = *size;
        chunk_ = *size > 0 ? Chunk::data : Chunk::trailer;
      }
      break;
    }
    case Chunk::data_end:
      if (!line_.empty()) refuse(400, "a chunk is malformed");
      chunk_ = Chunk::size;
      break;
    case Chunk::trailer:
      trailer_bytes_ += line_.size();
      if (trailer_bytes_ > limits::request_head_bytes_max) refuse(431, "the request's trailers are too long");
      if (line_.empty()) stage_ = Stage::whole;
      break;
    case Chunk::data:
      CHECK(false);  // Has no lines.
  }
}

void RequestReader::next() {
  wipe(head_);
  fields_.clear();
  method_ = target_ = {};
  keeps_alive_ = expects_continue_ = chunked_ = false;
  skipped_line_ = false;
  body_left_ = trailer_bytes_ = padding_bytes_ = 0;
  chunk_ = Chunk::size;
  line_.clear();
  body_.clear();
  stage_ = Stage::head;
}

}  // namespace logzio_okta
