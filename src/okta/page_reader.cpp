#include "logzio_okta/okta/page_reader.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

using Taken = std::expected<void, UnreadableBody>;

void keep_beginning(std::string& body) {
  if (body.size() > limits::beginning_bytes_max) body.resize(limits::beginning_bytes_max);
}

Taken unreadable(BodyFault fault, std::size_t bytes) {
  return std::unexpected(UnreadableBody{.fault = fault, .bytes = bytes});
}

/// The size that a gzip stream claims (RFC 1952); with several members, that of the last one.
std::size_t size_told(std::string_view packed) {
  std::size_t size = 0;
  for (const char c : packed.substr(packed.size() - std::min<std::size_t>(4, packed.size()))) {
    size = size >> 8U | std::size_t{static_cast<unsigned char>(c)} << 24U;
  }
  return size;
}

/// The beginning of an answer, of which nothing else was kept.
Taken take_beginning(HttpAnswer& answer, bool packed, std::string& body) {
  std::size_t bytes = limits::answer_bytes_max + 1;
  const auto length = find_header(answer.headers, "Content-Length");
  if (length && !packed) {
    std::size_t announced = 0;
    std::from_chars(length->data(), length->data() + length->size(), announced);
    bytes = std::max(bytes, announced);
  }
  if (packed) {
    const auto whole = gunzip(answer.body, limits::beginning_bytes_max, body);
    static_cast<void>(whole);  // It is cut off.
  } else {
    body = std::move(answer.body);
  }
  answer.body = {};
  keep_beginning(body);
  return unreadable(BodyFault::too_large, bytes);
}

Taken too_large(std::string_view packed, std::string& body) {
  const std::size_t bytes = std::max(limits::page_bytes_max + 1, size_told(packed));
  keep_beginning(body);
  return unreadable(BodyFault::too_large, bytes);
}

/// Inflates a little at first: too many elements show up there, without inflating all of it.
Taken inflate(std::string_view packed, std::string& body, PageCutter& cutter) {
  auto inflated = gunzip(packed, limits::page_first_look_bytes, body);
  if (!inflated && inflated.error() == GzipFault::too_large) {
    if (!cutter.cut(body, limits::page_elements_max) && cutter.too_many()) return {};
    inflated = gunzip(packed, limits::page_bytes_max, body);
    if (!inflated && inflated.error() == GzipFault::too_large) return too_large(packed, body);
  }
  if (!inflated) return unreadable(BodyFault::damaged, body.size());
  return {};
}

}  // namespace

std::string describe_fault(BodyFault fault) {
  switch (fault) {
    case BodyFault::damaged:
      return "a damaged or truncated gzip body";
    case BodyFault::encoding:
      return "a Content-Encoding that was not asked for";
    case BodyFault::too_large:
      return "a page of more than " + std::to_string(limits::answer_bytes_max / limits::MiB) +
             " MiB as received, or " + std::to_string(limits::page_bytes_max / limits::MiB) + " MiB inflated";
    case BodyFault::too_many:
      return "more elements than were asked for";
    case BodyFault::not_a_page:
      return "a body that is not a complete JSON array";
  }
  return "";
}

Taken PageReader::read(HttpAnswer& answer) {
  unfit_.clear();
  const Encoding encoding = encoding_of(answer.headers);
  const bool packed = encoding == Encoding::gzip;
  if (encoding == Encoding::other) {
    body_ = std::move(answer.body);
    return unreadable(BodyFault::encoding, body_.size());
  }
  if (answer.cut_off) return take_beginning(answer, packed, body_);
  if (packed) {
    const Taken inflated = inflate(answer.body, body_, cutter_);
    answer.body = {};
    if (!inflated) return inflated;
  } else {
    body_ = std::move(answer.body);
  }
  if (cutter_.cut(body_, limits::page_elements_max)) return {};
  const std::size_t bytes = body_.size();
  if (!cutter_.too_many()) return unreadable(BodyFault::not_a_page, bytes);
  keep_beginning(body_);
  return unreadable(BodyFault::too_many, bytes);
}

const std::vector<EventSlice>& PageReader::take_whole(std::string reason) {
  unfit_ = std::move(reason);
  whole_ = {whole()};
  return whole_;
}

void PageReader::let_go() {
  if (body_.capacity() > limits::bulk_bytes_max) std::string().swap(body_);
}

}  // namespace logzio_okta
