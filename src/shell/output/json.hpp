// Writes a JSON object, for status and check; valid UTF-8 whatever the strings contain.
//
//     Json json;
//     json.begin();
//     json.member("version", "1.0.0");
//     json.begin_list("tenants");
//     json.element("acme.okta.com");
//     json.end_list();
//     json.end();
//     print(json.text());
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

class Json {
 public:
  void begin() { writer_.StartObject(); }
  void begin(const char* key);
  void end() { writer_.EndObject(); }
  void begin_list(const char* key);
  void end_list() { writer_.EndArray(); }

  void member(const char* key, bool value);
  void member(const char* key, std::uint64_t value);
  void member(const char* key, std::int64_t value);
  void member(const char* key, const char* value) { member(key, std::string_view(value)); }
  void member(const char* key, std::string_view value);
  void member(const char* key, const std::string& value) { member(key, std::string_view(value)); }
  void member(const char* key, WallTime value);  ///< RFC 3339.
  void member(const char* key, Duration value);  ///< Seconds.
  template <class T>
  void member(const char* key, const std::optional<T>& value) {
    if (value) return member(key, *value);
    writer_.Key(key);
    writer_.Null();
  }
  /// An element of a list.
  void element(std::string_view value) { string(value); }
  void element(std::uint64_t value) { writer_.Uint64(value); }
  void element(std::optional<Duration> value);  ///< Seconds, or null.
  void element(std::optional<std::int64_t> value);

  [[nodiscard]] std::string text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  void string(std::string_view value);
  void seconds(Duration value);

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace logzio_okta
