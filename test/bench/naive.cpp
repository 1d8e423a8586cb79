#include "bench/limit.hpp"

#ifndef __clang__

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <zlib.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta::bench {
namespace {

// As libcurl decodes: pieces of 16 KB, appended by the write callback.
std::string zlib_gunzip(const std::string& packed) {
  constexpr int gzip_window = 15 + 16;
  constexpr std::size_t piece_bytes = 16 * 1024;
  z_stream stream{};
  CHECK(inflateInit2(&stream, gzip_window) == Z_OK);
  // zlib knows no const; it does not write to its input.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string plain;
  std::string piece(piece_bytes, '\0');
  for (int state = Z_OK; state == Z_OK;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    CHECK(state == Z_OK || state == Z_STREAM_END);
    plain.append(piece, 0, piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return plain;
}

}  // namespace

std::optional<double> naive_us(const Pages& pages, std::size_t pages_measured) {
  std::size_t events = 0;
  std::size_t packed_bytes = 0;
  std::string bulk;
  const double before = thread_cpu_s();
  for (std::size_t page = 0; page < pages_measured; ++page) {
    rapidjson::Document document;
    document.Parse(zlib_gunzip(pages.packed()[page % pages.packed().size()]).c_str());
    CHECK(!document.HasParseError() && document.IsArray());
    for (auto& event : document.GetArray()) {
      event.AddMember("type", "okta", document.GetAllocator());
      event.AddMember("tenant_name", "tenant-1.localhost:12345", document.GetAllocator());
      event.AddMember("@timestamp", rapidjson::Value(event["published"], document.GetAllocator()),
                      document.GetAllocator());
      event.AddMember("message", rapidjson::Value(event["displayMessage"], document.GetAllocator()),
                      document.GetAllocator());
      rapidjson::StringBuffer line;
      rapidjson::Writer<rapidjson::StringBuffer> writer(line);
      event.Accept(writer);
      bulk.append(line.GetString(), line.GetSize()) += '\n';
      ++events;
      if (bulk.size() < limits::bulk_bytes_max) continue;
      packed_bytes += zlib_gzip(bulk, Z_DEFAULT_COMPRESSION).size();
      bulk.clear();
    }
  }
  packed_bytes += zlib_gzip(bulk, Z_DEFAULT_COMPRESSION).size();
  CHECK(packed_bytes > 0);
  return (thread_cpu_s() - before) * 1e6 / static_cast<double>(events);
}

}  // namespace logzio_okta::bench

#else

namespace logzio_okta::bench {

std::optional<double> naive_us(const Pages& /*pages*/, std::size_t /*pages_measured*/) {
  return std::nullopt;
}

}  // namespace logzio_okta::bench

#endif
