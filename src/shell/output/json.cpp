#include "shell/output/json.hpp"

#include <algorithm>

#include <rapidjson/encodings.h>
#include <rapidjson/memorystream.h>

namespace logzio_okta {
namespace {

bool is_utf8(std::string_view text) {
  using Utf8 = rapidjson::UTF8<>;
  rapidjson::MemoryStream in(text.data(), text.size());
  while (in.Tell() < text.size()) {
    unsigned codepoint = 0;
    if (!Utf8::Decode(in, &codepoint)) return false;
  }
  return in.Tell() == text.size();
}

}  // namespace

void Json::begin(const char* key) {
  writer_.Key(key);
  writer_.StartObject();
}

void Json::begin_list(const char* key) {
  writer_.Key(key);
  writer_.StartArray();
}

void Json::member(const char* key, bool value) {
  writer_.Key(key);
  writer_.Bool(value);
}

void Json::member(const char* key, std::uint64_t value) {
  writer_.Key(key);
  writer_.Uint64(value);
}

void Json::member(const char* key, std::int64_t value) {
  writer_.Key(key);
  writer_.Int64(value);
}

void Json::member(const char* key, std::string_view value) {
  writer_.Key(key);
  string(value);
}

void Json::member(const char* key, WallTime value) {
  member(key, format_rfc3339(value));
}

void Json::member(const char* key, Duration value) {
  writer_.Key(key);
  seconds(value);
}

void Json::element(std::optional<std::int64_t> value) {
  if (!value) {
    writer_.Null();
    return;
  }
  writer_.Int64(*value);
}

void Json::element(std::optional<Duration> value) {
  if (value) return seconds(*value);
  writer_.Null();
}

void Json::seconds(Duration value) {
  writer_.Double(static_cast<double>(to_ms(value).count()) / 1000);
}

void Json::string(std::string_view value) {
  std::string text(value);
  if (!is_utf8(text)) {
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

}  // namespace logzio_okta
