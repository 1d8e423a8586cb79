#include "logzio_okta/okta/page.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

std::vector<std::string> elements_of(std::string_view body) {
  PageCutter cutter;
  REQUIRE(cutter.cut(body));
  std::vector<std::string> elements;
  for (const EventSlice& event : cutter.events()) elements.emplace_back(event.bytes);
  return elements;
}

bool is_page(std::string_view body) {
  PageCutter cutter;
  const bool cut = cutter.cut(body);
  if (!cut) REQUIRE(cutter.events().empty());
  return cut;
}

using Elements = std::vector<std::string>;

// The one event in `text`, by both doors, which must agree. `text` must outlive the slice.
EventSlice event_in(std::string_view text) {
  EventSlice alone;
  REQUIRE(PageCutter::cut_one(text, alone));
  const std::string page = "[" + std::string(text) + "]";
  PageCutter cutter;
  REQUIRE(cutter.cut(page));
  REQUIRE(cutter.events().size() == 1);
  const EventSlice& paged = cutter.events().front();
  REQUIRE(paged.bytes == alone.bytes);
  REQUIRE(paged.uuid == alone.uuid);
  REQUIRE(paged.published == alone.published);
  REQUIRE(paged.display_message == alone.display_message);
  REQUIRE(paged.newline_between == alone.newline_between);
  REQUIRE(paged.newline_inside == alone.newline_inside);
  REQUIRE(paged.will_be_flattened == alone.will_be_flattened);
  REQUIRE(paged.object == alone.object);
  return alone;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  text.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

}  // namespace

TEST_CASE("cutter: every element is a slice of the page's own bytes") {
  const std::string body = R"([{"uuid":"1"},{"a":[1,{"b":"]}"}]},{}])";
  PageCutter cutter;
  REQUIRE(cutter.cut(body));
  REQUIRE(cutter.events().size() == 3);
  for (const EventSlice& event : cutter.events()) {
    REQUIRE(event.object);
    REQUIRE(event.bytes.data() >= body.data());
    REQUIRE(event.bytes.data() + event.bytes.size() <= body.data() + body.size());
  }
  REQUIRE(cutter.events()[1].bytes == R"({"a":[1,{"b":"]}"}]})");
}

TEST_CASE("cutter: an empty array has no events") {
  REQUIRE(elements_of("[]").empty());
  REQUIRE(elements_of(" \r\n[ \t\n] \n").empty());
}

TEST_CASE("cutter: white space and a byte order mark around the page are allowed") {
  REQUIRE(elements_of("\xEF\xBB\xBF [ {} , {} ] ") == Elements{"{}", "{}"});
  REQUIRE(elements_of("\t\r\n[\r\n{\r\n}\r\n,\r\n{}\r\n]\r\n") == Elements{"{\r\n}", "{}"});
}

TEST_CASE("cutter: what is not one whole array is refused") {
  for (const auto* body :
       {"",     " ",    "\xEF\xBB\xBF", "{}",          "null",   "<html></html>",     "[",     "[{}", "[{},",
        "[{}}", "[{]}", "[[}]",         "[{\"a\":[}]", "[{\"a]", "[{\"a\":\"b\\\"}]", "[\"\\", "]",   "[]]",
        "[][]", "[] x", "[{}]{}",       "[}",          "x[]",    "[{}] \xEF\xBB\xBF"}) {
    INFO(body);
    REQUIRE_FALSE(is_page(body));
  }
  REQUIRE_FALSE(is_page(std::string_view("[]\0", 3)));
}

TEST_CASE("cutter: every cut of a page is seen") {
  const std::string body = R"([{"uuid":"1","a":[{"b":"x\"y\\"},2]},{"uuid":"2"}] )";
  REQUIRE(is_page(body));
  for (std::size_t size = 0; size < body.size() - 1; ++size) {
    INFO(body.substr(0, size));
    REQUIRE_FALSE(is_page(body.substr(0, size)));
  }
}

TEST_CASE("cutter: a missing element is passed over") {
  REQUIRE(elements_of("[{},,{}]") == Elements{"{}", "{}"});
  REQUIRE(elements_of("[{},]") == Elements{"{}"});
  REQUIRE(elements_of("[ , \n, ]").empty());
}

TEST_CASE("cutter: elements that are no objects are given, and said to be none") {
  const std::string body =
      R"([1, "two, ]" ,null,[3,{"uuid":"x"}],{} {},{}x, true false,{"uuid":"y"}z,{"a":1}])";
  PageCutter cutter;
  REQUIRE(cutter.cut(body));
  const Elements expected{"1",         R"("two, ]")", "null",       R"([3,{"uuid":"x"}])",
                          "{} {}",     "{}x",         "true false", R"({"uuid":"y"}z)",
                          R"({"a":1})"};
  REQUIRE(elements_of(body) == expected);
  for (const EventSlice& event : cutter.events()) {
    INFO(event.bytes);
    REQUIRE(event.object == (event.bytes == R"({"a":1})"));
    REQUIRE(event.uuid.empty());
  }
}

TEST_CASE("cutter: brackets, quotes and backslashes inside strings are text") {
  for (const auto* string : {R"("]}")", R"("\"]}")", R"("\\")", R"("\\\"]")", R"("\\\\")", R"("{[,:")",
                             R"("\u005D\u0022")", R"("1234567\"90")", R"("123456\\")", R"("1234567\\")",
                             R"("12345678\"]")", "\"M\xC3\xBCller \xF0\x9F\x94\x91 \xff\"", R"("")"}) {
    INFO(string);
    const std::string event = std::string("{\"a\":") + string + ",\"" + std::string(string).substr(1) + ":1}";
    REQUIRE(elements_of("[" + event + "," + event + "]") == Elements{event, event});
  }
}

TEST_CASE("cutter: an odd byte is seen wherever it is in a string") {
  for (std::size_t size = 0; size < 40; ++size) {
    for (std::size_t place = 0; place <= size; ++place) {
      const auto event = [&](std::string_view odd) {
        std::string inside(size, '\x80');  // The high bit must not look like one that marks a find.
        inside.insert(place, odd);
        return "{\"a\":\"" + inside + "\",\"uuid\":\"u\"}";
      };
      CAPTURE(size, place);
      for (const auto* odd : {"", "\\\"", "\\\\", "]", "\t", "!", "#", "[", "\x7f"}) {
        const std::string text = event(odd);
        REQUIRE(event_in(text).uuid == "u");
        REQUIRE_FALSE(event_in(text).newline_inside);
      }
      REQUIRE(event_in(event("\n")).newline_inside);
      REQUIRE(event_in(event("\r")).newline_inside);
      EventSlice unclosed;
      REQUIRE_FALSE(PageCutter::cut_one(event("\""), unclosed));
    }
  }
}

TEST_CASE("event: uuid, published and displayMessage are noted from the top level only") {
  const EventSlice event = event_in(
      R"({"actor":{"uuid":"no","published":"no"},"uuid":"u-1","list":["uuid","x"],"published":"2026-11-23T12:00:00.123Z",)"
      R"("displayMessage":"User \"x\" logs in","target":[{"displayMessage":"no","uuid":"no"}]})");
  REQUIRE(event.uuid == "u-1");
  REQUIRE(event.published == "2026-11-23T12:00:00.123Z");
  REQUIRE(event.published_at == parse_rfc3339("2026-11-23T12:00:00.123Z"));
  REQUIRE(event.display_message == R"("User \"x\" logs in")");
  REQUIRE(event.object);
}

TEST_CASE("event: a value that is not a string is none") {
  for (const auto* value :
       {"null", "7", "true", "{\"a\":\"b\"}", "[\"a\"]", "{}", "[]", "{\"uuid\":\"b\"}", "\"\""}) {
    INFO(value);
    const std::string text = std::string(R"({"uuid":)") + value + R"(,"published":)" + value +
                             R"(,"displayMessage" : )" + value + R"(,"a":"b"})";
    const EventSlice event = event_in(text);
    REQUIRE(event.uuid.empty());
    REQUIRE(event.published.empty());
    REQUIRE_FALSE(event.published_at);
    REQUIRE((event.display_message.empty() || event.display_message == "\"\""));
  }
}

TEST_CASE("event: if a key is there twice, the last one counts, even when it is null") {
  REQUIRE(event_in(R"({"uuid":"a","uuid":"b"})").uuid == "b");
  REQUIRE(event_in(R"({"uuid":"a","uuid":null})").uuid.empty());
  REQUIRE(event_in(R"({"uuid":null,"uuid":"b"})").uuid == "b");
  REQUIRE(event_in(R"({"uuid":"a","\u0075uid":"b"})").uuid == "b");
}

TEST_CASE("event: a string that is a value is not taken for a key") {
  REQUIRE(event_in(R"({"a":"uuid","b":"x"})").uuid.empty());
  REQUIRE(event_in(R"({"uuid":"published","b":"x"})").published.empty());
  REQUIRE_FALSE(event_in(R"({"a":"type","b":"token"})").own_keys.has(OwnKey::type));
}

TEST_CASE("event: our own key names at the top level are noticed") {
  constexpr std::array<std::pair<std::string_view, OwnKey>, own_keys_count> names{{
      {"type", OwnKey::type},
      {"tenant_name", OwnKey::tenant_name},
      {"@timestamp", OwnKey::timestamp},
      {"message", OwnKey::message},
      {"logzio_okta", OwnKey::logzio_okta},
      {"token", OwnKey::token},
  }};
  for (const auto& [name, key] : names) {
    const std::string text = "{\"a\":1,\"" + std::string(name) + "\" : null}";
    INFO(text);
    const EventSlice event = event_in(text);
    for (const auto& [other_name, other] : names) REQUIRE(event.own_keys.has(other) == (other == key));
    REQUIRE_FALSE(event_in("{\"a\":{\"" + std::string(name) + "\":1}}").own_keys.has(key));
    REQUIRE_FALSE(event_in("{\"" + std::string(name) + "s\":1}").own_keys.has(key));
  }
}

TEST_CASE("event: keys are read after unescaping") {
  for (const auto* key : {R"(\u0074ype)", R"(ty\u0070e)", R"(typ\u0065)", R"(\u0074\u0079\u0070\u0065)"}) {
    INFO(key);
    REQUIRE(event_in(std::string("{\"") + key + "\":1}").own_keys.has(OwnKey::type));
  }
  REQUIRE(event_in(R"({"\u0040timestamp":1})").own_keys.has(OwnKey::timestamp));
  REQUIRE(event_in(R"({"pu\u0062lished":"x"})").published == "x");
  for (const auto* key :
       {R"(\type)", R"(\u74ype)", R"(typ\u65)", R"(\u0174ype)", R"(\u00zzype)", R"(\\u0074ype)", R"(typ\u)",
        R"(typ\u006)", R"(t\/ype)", R"(type\u0000)", R"(\"type)"}) {
    INFO(key);
    REQUIRE_FALSE(event_in(std::string("{\"") + key + "\":1}").own_keys.has(OwnKey::type));
  }
}

TEST_CASE("event: line ends between the tokens are told from line ends inside strings") {
  const EventSlice pretty = event_in("{\r\n  \"a\": 1\r\n}");
  REQUIRE(pretty.newline_between);
  REQUIRE_FALSE(pretty.newline_inside);
  REQUIRE(event_in("{\"a\"\n:1}").newline_between);
  REQUIRE(event_in("{\"a\":1\r}").newline_between);
  for (const auto* text : {"{\"a\":\"x\ny\"}", "{\"a\":\"x\ry\"}", "{\"\n\":1}", "{\"a\":\"x\\\n\"}",
                           "{\"a\":\"12345678\n\"}"}) {
    INFO(text);
    const EventSlice event = event_in(text);
    REQUIRE(event.newline_inside);
    REQUIRE_FALSE(event.newline_between);
  }
  const EventSlice plain = event_in("{\"a\":\"x\\ny\t\"}");
  REQUIRE_FALSE(plain.newline_inside);
  REQUIRE_FALSE(plain.newline_between);
}

TEST_CASE("event: line ends around an event are not its own") {
  PageCutter cutter;
  REQUIRE(cutter.cut("[\n{\"a\":1}\n,\r\n{\"b\":2}\r\n]"));
  for (const EventSlice& event : cutter.events()) REQUIRE_FALSE(event.newline_between);
  EventSlice event;
  REQUIRE(PageCutter::cut_one("\n{}\n", event));
  REQUIRE(event.bytes == "{}");
  REQUIRE_FALSE(event.newline_between);
}

TEST_CASE("event: what Logz.io will flatten is foreseen at each limit") {
  const auto deep = [](std::size_t depth) {
    return repeated("{\"a\":", depth - 1) + "{}" + repeated("}", depth - 1);
  };
  REQUIRE_FALSE(event_in(deep(limits::depth_max)).will_be_flattened);
  REQUIRE(event_in(deep(limits::depth_max + 1)).will_be_flattened);
  REQUIRE(event_in("{\"a\":" + repeated("[", limits::depth_max) + repeated("]", limits::depth_max) + "}")
              .will_be_flattened);

  const auto wide = [](std::size_t fields) {
    return "{\"x\":{" + repeated("\"k\":\":\",", fields - 2) + "\"k\":\"::\"}}";
  };
  REQUIRE_FALSE(event_in(wide(limits::fields_max)).will_be_flattened);
  REQUIRE(event_in(wide(limits::fields_max + 1)).will_be_flattened);

  const auto long_string = [](std::size_t size) { return "{\"x\":[\"" + std::string(size, 'x') + "\"]}"; };
  REQUIRE_FALSE(event_in(long_string(limits::field_chars_max)).will_be_flattened);
  REQUIRE(event_in(long_string(limits::field_chars_max + 1)).will_be_flattened);
}

TEST_CASE("event: its hash is of its uuid and of its bytes") {
  const EventSlice event = event_in(R"({"uuid":"u","a":1})");
  REQUIRE(event.hash == EventHash{hash64("u"), hash64(R"({"uuid":"u","a":1})")});
  REQUIRE(event_in(R"({"a":1})").hash.uuid == 0);
}

TEST_CASE("cut_one: one event and nothing else") {
  EventSlice event;
  REQUIRE(PageCutter::cut_one(" {\"uuid\":\"u\"} ", event));
  REQUIRE(event.uuid == "u");
  for (const auto* text : {"", " ", "{", "{}}", "{},{}", "{},", ",{}", "]", "{}]", "{]", "{\"a", "[{}"}) {
    INFO(text);
    REQUIRE_FALSE(PageCutter::cut_one(text, event));
    REQUIRE(event.uuid == "u");
  }
  REQUIRE_FALSE(PageCutter::cut_one({}, event));
  REQUIRE(PageCutter::cut_one("17", event));
  REQUIRE_FALSE(event.object);
  REQUIRE(event.uuid.empty());  // Nothing is left of the event before.
}

TEST_CASE("cutter: used again it forgets the page before") {
  PageCutter cutter;
  REQUIRE(cutter.cut("[{},{}]"));
  REQUIRE(cutter.cut("[1]"));
  REQUIRE(cutter.events().size() == 1);
  REQUIRE_FALSE(cutter.cut("[{},{}"));
  REQUIRE(cutter.events().empty());
}

TEST_CASE("cutter: a million levels overflow nothing, and their kinds are still told apart") {
  constexpr std::size_t levels = 1'000'000;
  const std::string opened = "[" + repeated("{\"a\":[", levels / 2);
  const std::string closed = repeated("]}", levels / 2) + "]";
  PageCutter cutter;
  REQUIRE(cutter.cut(opened + closed));
  REQUIRE(cutter.events().size() == 1);
  REQUIRE(cutter.events()[0].will_be_flattened);
  REQUIRE_FALSE(cutter.cut(opened + "}" + closed));
  std::string one_wrong = opened + closed;
  one_wrong[opened.size() + levels / 2 + 64] = one_wrong[opened.size() + levels / 2 + 64] == ']' ? '}' : ']';
  REQUIRE_FALSE(cutter.cut(one_wrong));
  REQUIRE_FALSE(cutter.cut(opened));
  REQUIRE(is_strict_json_object(repeated("{\"a\":", levels) + "{}" + repeated("}", levels)));
  REQUIRE_FALSE(is_strict_json_object(repeated("{\"a\":", levels)));
}

TEST_CASE("strict judge: complete JSON objects and nothing else") {
  for (const auto* text :
       {"{}", " {\"a\" : [1, -2.5e-3, true, null, \"\\u00e9\\n\"]} \r\n", "{\"a\":1,\"a\":2}",
        "{\"a\":\"M\xC3\xBCller \xF0\x9F\x94\x91\"}", "{\"a\":123456789012345678901234567890}"}) {
    INFO(text);
    REQUIRE(is_strict_json_object(text));
  }
  for (const auto* text : {"",
                           " ",
                           "[]",
                           "1",
                           "\"{}\"",
                           "{",
                           "{}}",
                           "{}{}",
                           "{},",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\":tru}",
                           "{\"a\":01}",
                           "{\"a\":.5}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\xff\"}",
                           "{\"a\":\"\xC3\"}",
                           "{\"a\":\"\xC0\x80\"}",
                           "{\"a\":NaN}",
                           "{\"a\":1e999}",
                           "{/**/}",
                           "\xEF\xBB\xBF{}",
                           "{\"a\":\"\xED\xA0\x80\"}"}) {
    INFO(text);
    REQUIRE_FALSE(is_strict_json_object(text));
  }
}

TEST_CASE("strict judge: a NUL is an error, not an end") {
  REQUIRE_FALSE(is_strict_json_object(std::string_view("{}\0", 3)));
  REQUIRE_FALSE(is_strict_json_object(std::string_view("{}\0{}", 5)));
  REQUIRE_FALSE(is_strict_json_object(std::string_view("{\0}", 3)));
  REQUIRE_FALSE(is_strict_json_object(std::string_view("{\"a\":\"\0\"}", 9)));
}

namespace {

// Writes random JSON in random spacing, with everything in its strings that could mislead a cutter. It
// appends piece by piece, since the order in which a sum's parts are evaluated is the compiler's choice.
class PageWriter {
 public:
  explicit PageWriter(std::uint64_t seed) : random_(seed) {}

  std::string page(std::size_t& events) {
    events = random_.below(6);
    std::string text = spaces();
    text.append("[").append(spaces());
    for (std::size_t i = 0; i < events; ++i) {
      if (i > 0) text.append(",").append(spaces());
      text += object(0);
      text += spaces();
    }
    return text + "]" + spaces();
  }

 private:
  template <std::size_t count>
  std::string pick(const std::array<const char*, count>& choices) {
    return choices[random_.below(count)];
  }
  std::string spaces() { return pick(std::array{"", "", "", "", " ", "\n", "\r\n  ", "\t"}); }
  std::string string() {
    std::string text = "\"";
    for (std::uint64_t i = random_.below(12); i > 0; --i) {
      text += pick(std::array{"a", "xyz", "\\\"", "\\\\", "\\/", "\\n", "\\u0041", "\\ud83d\\udd11", "{", "}",
                              "[", "]", ":", ",", "\xC3\xBC", "\xF0\x9F\x94\x91", " ", "uuid"});
    }
    return text + "\"";
  }
  std::string key() {
    if (random_.below(2) == 0) return string();
    return pick(std::array{R"("uuid")", R"("published")", R"("displayMessage")", R"("type")", R"("message")",
                           R"("@timestamp")", R"("tenant_name")", R"("logzio_okta")", R"("token")",
                           R"("\u0075uid")", R"("to\u006Ben")", R"("publishe\u0064")"});
  }
  std::string value(int depth) {
    switch (random_.below(depth < 6 ? 8 : 6)) {
      case 0:
        return pick(std::array{"null", "true", "false", "0", "-1.5e+3", "12345678901234567890123"});
      case 1:
        return R"("2026-11-23T12:00:00.000Z")";
      case 6:
        return array(depth + 1);
      case 7:
        return object(depth + 1);
      default:
        return string();
    }
  }
  std::string object(int depth) {
    std::string text = "{" + spaces();
    for (std::uint64_t i = random_.below(6); i > 0; --i) {
      text += spaces();
      text += key();
      text += spaces();
      text += ':';
      text += spaces();
      text += value(depth);
      text += spaces();
      if (i > 1) text += ',';
    }
    return text + "}";
  }
  std::string array(int depth) {
    std::string text = "[" + spaces();
    for (std::uint64_t i = random_.below(4); i > 0; --i) {
      text += spaces();
      text += value(depth);
      text += spaces();
      if (i > 1) text += ',';
    }
    return text + "]";
  }

  Random random_;
};

// What RapidJSON finds in one event: the cutter's notes, by another road. Its strings are unescaped.
struct Reading : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Reading> {
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    ++fields;
    if (depth == 1) {
      key.assign(text, size);
      keys.push_back(key);
      if (key == "uuid") uuid.clear();
      if (key == "published") published.clear();
    }
    return true;
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    if (depth == 1 && key == "uuid") uuid.assign(text, size);
    if (depth == 1 && key == "published") published.assign(text, size);
    return true;
  }
  bool StartObject() { return ++depth > 0; }
  bool StartArray() { return ++depth > 0; }
  bool EndObject(rapidjson::SizeType /*members*/) { return --depth >= 0; }
  bool EndArray(rapidjson::SizeType /*elements*/) { return --depth >= 0; }
  bool Default() { return true; }

  [[nodiscard]] bool has(std::string_view name) const {
    return std::find(keys.begin(), keys.end(), name) != keys.end();
  }

  int depth = 0;
  std::size_t fields = 0;
  std::string key;
  std::vector<std::string> keys;
  std::string uuid;
  std::string published;
};

Reading read(std::string_view event) {
  rapidjson::MemoryStream stream(event.data(), event.size());
  rapidjson::Reader reader;
  Reading reading;
  REQUIRE_FALSE(reader.Parse<rapidjson::kParseIterativeFlag>(stream, reading).IsError());
  return reading;
}

// The text inside quotes as RapidJSON would give it.
std::string unescaped(std::string_view inside) {
  return read(R"({"uuid":")" + std::string(inside) + "\"}").uuid;
}

// A copy that ends where its memory ends, so that AddressSanitizer sees a read beyond it.
struct Tight {
  explicit Tight(std::string_view text)
      : bytes(std::make_unique_for_overwrite<char[]>(text.size())),
        size(text.copy(bytes.get(), text.size())) {}
  [[nodiscard]] std::string_view view() const { return {bytes.get(), size}; }
  std::unique_ptr<char[]> bytes;
  std::size_t size;
};

}  // namespace

TEST_CASE("cutter: it finds in generated pages what RapidJSON finds") {
  PageCutter cutter;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    std::size_t written = 0;
    const std::string body = PageWriter(seed).page(written);
    const Tight tight(body);
    CAPTURE(seed, body);
    REQUIRE(cutter.cut(tight.view()));
    REQUIRE(cutter.events().size() == written);
    for (const EventSlice& event : cutter.events()) {
      REQUIRE(is_strict_json_object(event.bytes));
      const Reading reading = read(event.bytes);
      REQUIRE(event.object);
      REQUIRE(unescaped(event.uuid) == reading.uuid);
      REQUIRE(unescaped(event.published) == reading.published);
      REQUIRE(event.published_at == parse_rfc3339(reading.published));
      REQUIRE(event.own_keys.has(OwnKey::type) == reading.has("type"));
      REQUIRE(event.own_keys.has(OwnKey::tenant_name) == reading.has("tenant_name"));
      REQUIRE(event.own_keys.has(OwnKey::timestamp) == reading.has("@timestamp"));
      REQUIRE(event.own_keys.has(OwnKey::message) == reading.has("message"));
      REQUIRE(event.own_keys.has(OwnKey::logzio_okta) == reading.has("logzio_okta"));
      REQUIRE(event.own_keys.has(OwnKey::token) == reading.has("token"));
    }
  }
}

TEST_CASE("cutter: flipped bytes never lead outside of the page, and what is cut stays in order") {
  Random random(11);
  PageCutter cutter;
  int cut = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    std::size_t written = 0;
    std::string body = PageWriter(seed % 500).page(written);
    for (std::uint64_t flips = random.between(Duration(1), Duration(3)).count() > 2 ? 8 : 1; flips > 0;
         --flips) {
      body[random.below(body.size())] = static_cast<char>(random.below(256));
    }
    const Tight tight(body);
    CAPTURE(seed, body);
    if (!cutter.cut(tight.view())) continue;
    ++cut;
    const char* behind = tight.bytes.get();
    for (const EventSlice& event : cutter.events()) {
      REQUIRE_FALSE(event.bytes.empty());
      REQUIRE(event.bytes.data() > behind);
      behind = event.bytes.data() + event.bytes.size();
      REQUIRE(behind < tight.bytes.get() + tight.size);
    }
  }
  REQUIRE(cut > 1000);
}

TEST_CASE("cutter: one poisoned event leaves its neighbours whole") {
  const std::string good = R"({"uuid":"good","a":[1,2]})";
  for (const auto* poison :
       {"{\"a\":tru}", "{\"a\":\"\xff\"}", "{\"a\" 1}", "{,}", "{\"a\":\"\n\"}", "{\"a\":01}", "nonsense"}) {
    INFO(poison);
    REQUIRE(elements_of("[" + good + "," + poison + "," + good + "]") == Elements{good, poison, good});
    REQUIRE_FALSE(is_strict_json_object(poison));
  }
}

TEST_CASE("cutter: it stops at the first element that is too many") {
  PageCutter cutter;
  REQUIRE(cutter.cut("[1,2,3]", 3));
  REQUIRE_FALSE(cutter.too_many());
  for (const char* page : {"[1,2,3,4]", "[1,2,3,4,5", "[1,2,3,4,}", "[1,2,3, 4 ]"}) {
    INFO(page);
    REQUIRE_FALSE(cutter.cut(page, 3));
    REQUIRE(cutter.too_many());
    REQUIRE(cutter.events().empty());
  }
  REQUIRE(cutter.cut("[{},,{},,{}]", 3));
  REQUIRE_FALSE(cutter.cut("[1,2,3", 3));
  REQUIRE_FALSE(cutter.too_many());
  std::string many = "[";
  for (std::size_t i = 0; i <= limits::elements_max; ++i) many += "{},";
  many.back() = ']';
  REQUIRE_FALSE(cutter.cut(many));
  REQUIRE(cutter.too_many());
}

TEST_CASE("cutter: the beginning of a page shows whether it is one event that goes on") {
  for (const char* event : {R"([{"uuid":"u","a":")", R"( [ {"published":"2026-11-23T12:00:00Z","a":{"b":[)",
                            R"([{"a":{"uuid":"x"},"uuid":"u","b":"},{)"}) {
    INFO(event);
    REQUIRE(PageCutter::begins_with_one_event(event));
  }
  for (const char* none :
       {"", "[", "     ", "[{", R"([{"a":")", R"([{"uuid":"u"},{"uuid":"v","a":")", R"([{"uuid":"u"}   )",
        R"([["uuid":"u","a":")", R"([1 {"uuid":"u","a":")", R"({"uuid":"u","a":")", R"([{"uuid":"u"}])"}) {
    INFO(none);
    REQUIRE_FALSE(PageCutter::begins_with_one_event(none));
  }
}
