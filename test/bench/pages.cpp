#include "bench/pages.hpp"

#include <algorithm>
#include <chrono>

#include <zlib.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/hash.hpp"

#include "model/events.hpp"

namespace logzio_okta::bench {
namespace {

constexpr std::string_view uuid_key = "\"uuid\":\"";
constexpr std::size_t uuid_bytes = 36;

std::string_view uuid_in(std::string_view text) {
  const std::size_t at = text.find(uuid_key);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + uuid_key.size(), uuid_bytes);
}

// Published after the daemon's first start, so that no line says "backfill": as at the tail, and after an
// outage.
WallTime first_published() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return WallTime(std::chrono::duration_cast<std::chrono::milliseconds>(since_1970)) + 1h;
}

// The models' events repeat the same text. With these ids, like those in debugData, a page packs to a seventh
// of its size: the ratio measured on a corpus made from Okta's documentation. Real logs shrink further.
std::string with_ids(std::string event, model::EventMaker& maker) {
  constexpr std::string_view where = "\"debugData\":{";
  const std::string ids = "\"traceId\":\"" + maker.uuid() + "\",\"deviceFingerprint\":\"" + maker.uuid() +
                          "\",\"authnRequestId\":\"" + maker.uuid() + "\",";
  return event.insert(event.find(where) + where.size(), ids);
}

}  // namespace

std::string zlib_gzip(std::string_view plain, int level) {
  constexpr int gzip_window = 15 + 16;
  constexpr int default_memory = 8;
  z_stream stream{};
  CHECK(deflateInit2(&stream, level, Z_DEFLATED, gzip_window, default_memory, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  // zlib knows no const; it does not write to its input.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

Pages::Pages(std::size_t count) {
  model::EventMaker maker(1);
  WallTime published = first_published();
  for (std::size_t page = 0; page < count; ++page) {
    std::string plain = "[";
    for (std::size_t i = 0; i < page_events; ++i) {
      std::string& event = events_.emplace_back(with_ids(maker.make(published), maker));
      published += std::chrono::milliseconds(1);
      (plain += event) += i + 1 < page_events ? ',' : ']';
      const std::string_view rest = std::string_view(event).substr(1);
      known_.push_back({.uuid_hash = hash64(uuid_in(event)),
                        .rest_hash = hash64(rest),
                        .rest_bytes = static_cast<std::uint32_t>(rest.size()),
                        .ordinal = static_cast<std::uint32_t>(events_.size() - 1)});
    }
    plain_bytes_ += plain.size();
    packed_.push_back(zlib_gzip(plain, Z_DEFAULT_COMPRESSION));
  }
  std::ranges::sort(known_, {}, &KnownEvent::uuid_hash);
}

std::string Pages::pack(std::size_t first, std::size_t count) const {
  std::string plain = "[";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) plain += ',';
    plain += events_[(first + i) % events_.size()];
  }
  return gzip(plain += ']');
}

std::optional<std::size_t> Pages::ordinal_of(std::string_view line) const {
  const std::uint64_t hash = hash64(uuid_in(line));
  const auto known = std::ranges::lower_bound(known_, hash, {}, &KnownEvent::uuid_hash);
  if (known == known_.end() || known->uuid_hash != hash || line.size() < known->rest_bytes)
    return std::nullopt;
  if (hash64(line.substr(line.size() - known->rest_bytes)) != known->rest_hash) return std::nullopt;
  return known->ordinal;
}

}  // namespace logzio_okta::bench
