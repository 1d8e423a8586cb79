#include "logzio_okta/okta/page.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

// What a byte means outside of strings.
enum class Kind : std::uint8_t { other, quote, open, close, colon, comma, newline };

constexpr std::array<Kind, 256> kinds = [] {
  std::array<Kind, 256> table{};
  table['"'] = Kind::quote;
  table['{'] = table['['] = Kind::open;
  table['}'] = table[']'] = Kind::close;
  table[':'] = Kind::colon;
  table[','] = Kind::comma;
  table['\r'] = table['\n'] = Kind::newline;
  return table;
}();

Kind kind_of(char c) {
  return kinds[static_cast<unsigned char>(c)];
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

const char* skip_spaces(const char* at, const char* end) {
  while (at != end && ascii::is_space(*at)) ++at;
  return at;
}

// Which brackets are open, one bit a level (set for '{'): the innermost 64 in one word, those around them
// spilled. Nothing is allocated for less than 65 levels, and no depth can overflow a stack.
class OpenBrackets {
 public:
  [[nodiscard]] std::size_t depth() const { return depth_; }

  void open(char bracket) {
    if (depth_ % 64 == 0 && depth_ > 0) spilled_.push_back(word_);
    word_ = word_ << 1U | std::uint64_t{bracket == '{'};
    ++depth_;
  }
  /// False if that bracket does not close the innermost one. At least one must be open.
  [[nodiscard]] bool close(char bracket) {
    if ((word_ & 1U) != std::uint64_t{bracket == '}'}) return false;
    word_ >>= 1U;
    --depth_;
    if (depth_ % 64 == 0 && depth_ > 0) {
      word_ = spilled_.back();
      spilled_.pop_back();
    }
    return true;
  }

 private:
  std::uint64_t word_ = 0;
  std::size_t depth_ = 0;
  std::vector<std::uint64_t> spilled_;
};

// The bytes that matter inside a string: the quote that may end it, the backslash that may save the quote,
// and control characters, among them the line ends that must not be there.
constexpr bool matters_in_string(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

// Eight bytes at once: the high bit of each byte that matters. Borrows can set bits above a true one, never
// below, so that the lowest bit set is always right.
constexpr std::uint64_t matters_in_word(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t highs = ones << 7U;
  const std::uint64_t quotes = word ^ ones * '"';
  const std::uint64_t backslashes = word ^ ones * '\\';
  return (((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes) |
          ((word - ones * 0x20) & ~word)) &
         highs;
}

const char* find_what_matters(const char* at, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      if (const std::uint64_t found = matters_in_word(word); found != 0)
        return at + std::countr_zero(found) / 8;
    }
  }
  while (at != end && !matters_in_string(*at)) ++at;
  return at;
}

struct ScannedString {
  const char* begin = nullptr;  // Behind the opening quote.
  const char* end = nullptr;    // The closing quote; null if the string never ends.
  bool escapes = false;
  bool newline = false;

  [[nodiscard]] std::string_view inside() const { return between(begin, end); }
  [[nodiscard]] std::string_view quoted() const { return between(begin - 1, end + 1); }
};

ScannedString scan_string(const char* begin, const char* end) {
  ScannedString string{.begin = begin, .end = nullptr, .escapes = false, .newline = false};
  for (const char* at = find_what_matters(begin, end); at != end; at = find_what_matters(at, end)) {
    if (*at == '"') {
      string.end = at;
      break;
    }
    if (*at == '\\') {
      string.escapes = true;
      ++at;  // Only a quote or another backslash would be misread; the rest of an escape is plain text.
      if (at != end && (*at == '"' || *at == '\\')) ++at;
    } else {
      string.newline = string.newline || kind_of(*at) == Kind::newline;
      ++at;
    }
  }
  return string;
}

// A key with its escapes resolved, as far as it can be a name we look for: those are short and ASCII.
class PlainKey {
 public:
  explicit PlainKey(std::string_view key) {
    while (!key.empty() && size_ < bytes_.size()) bytes_[size_++] = take(key);
  }
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  static constexpr char unknown = '\x7f';  // In none of the names.

  static char take(std::string_view& key) {
    const char c = pop(key);
    if (c != '\\' || key.empty()) return c;
    const char escaped = pop(key);
    if (escaped == 'u') return take_code(key);
    return escaped == '"' || escaped == '\\' || escaped == '/' ? escaped : unknown;
  }
  static char take_code(std::string_view& key) {
    unsigned code = 0;
    for (int digit = 0; digit < 4; ++digit) {
      if (key.empty()) return unknown;
      code = code * 16 + hex_value(pop(key));
    }
    return code < unknown ? static_cast<char>(code) : unknown;
  }
  static unsigned hex_value(char c) {
    constexpr unsigned none = 0x10000;  // Makes any code that contains it too large.
    if (ascii::is_digit(c)) return static_cast<unsigned>(c - '0');
    const char letter = ascii::lower(c);
    return letter >= 'a' && letter <= 'f' ? static_cast<unsigned>(letter - 'a' + 10) : none;
  }
  static char pop(std::string_view& text) {
    const char c = text.front();
    text.remove_prefix(1);
    return c;
  }

  std::array<char, 16> bytes_{};  // More than the longest name has: a key cut here is none of them.
  std::size_t size_ = 0;
};

// Scans one element of a page, from its first byte to the comma or bracket that ends it.
class ElementScan {
 public:
  ElementScan(const char* begin, const char* end, EventSlice& event) : at_(begin), end_(end), event_(event) {}

  /// The byte behind the element: a comma, a closing bracket, or the end of the text. Null if there is no
  /// element or its strings and brackets do not close.
  const char* run() {
    const char* const begin = at_;
    if (!to_end() || at_ == begin) return nullptr;
    finish(begin);
    return at_;
  }

 private:
  // The field whose value comes next.
  enum class Wanted : std::uint8_t { nothing, uuid, published, display_message };

  // True where the element ends.
  bool to_end() {
    for (; at_ != end_; ++at_) {
      switch (kind_of(*at_)) {
        case Kind::other:
          break;
        case Kind::quote:
          if (!take_string()) return false;
          break;
        case Kind::open:
          brackets_.open(*at_);
          depth_max_ = std::max(depth_max_, brackets_.depth());
          break;
        case Kind::close:
          if (brackets_.depth() == 0) return *at_ == ']';
          if (!brackets_.close(*at_)) return false;
          if (brackets_.depth() == 0 && closed_at_ == nullptr) closed_at_ = at_ + 1;
          break;
        case Kind::colon:
          ++fields_;
          if (brackets_.depth() == 1) take_key();
          break;
        case Kind::comma:
          if (brackets_.depth() == 0) return true;
          if (brackets_.depth() == 1) forget_key();
          break;
        case Kind::newline:
          if (first_newline_ == nullptr) first_newline_ = at_;
          break;
      }
    }
    return brackets_.depth() == 0;
  }

  // Leaves the place on the closing quote.
  bool take_string() {
    const ScannedString string = scan_string(at_ + 1, end_);
    if (string.end == nullptr) return false;
    at_ = string.end;
    event_.newline_inside = event_.newline_inside || string.newline;
    longest_ = std::max(longest_, string.inside().size());
    if (brackets_.depth() == 1) note(string);
    return true;
  }

  // A string at the top level is the value we wait for, or else perhaps a key: the next colon tells.
  void note(const ScannedString& string) {
    switch (wanted_) {
      case Wanted::nothing:
        last_string_ = string;
        break;
      case Wanted::uuid:
        event_.uuid = string.inside();
        break;
      case Wanted::published:
        event_.published = string.inside();
        break;
      case Wanted::display_message:
        event_.display_message = string.quoted();
        break;
    }
    wanted_ = Wanted::nothing;
  }

  void take_key() {
    if (last_string_.end == nullptr) return;
    if (last_string_.escapes) {
      recognise(PlainKey(last_string_.inside()).text());
    } else {
      recognise(last_string_.inside());
    }
    last_string_ = {};
  }

  void recognise(std::string_view key) {
    switch (key.size()) {  // Most keys are none of these; their length tells without a comparison.
      case 4:
        if (key == "uuid") want(Wanted::uuid, event_.uuid);
        if (key == "type") event_.own_keys.add(OwnKey::type);
        break;
      case 5:
        if (key == "token") event_.own_keys.add(OwnKey::token);
        break;
      case 7:
        if (key == "message") event_.own_keys.add(OwnKey::message);
        break;
      case 9:
        if (key == "published") want(Wanted::published, event_.published);
        break;
      case 10:
        if (key == "@timestamp") event_.own_keys.add(OwnKey::timestamp);
        break;
      case 11:
        if (key == "tenant_name") event_.own_keys.add(OwnKey::tenant_name);
        if (key == "logzio_okta") event_.own_keys.add(OwnKey::logzio_okta);
        break;
      case 14:
        if (key == "displayMessage") want(Wanted::display_message, event_.display_message);
        break;
      default:
        break;
    }
  }

  // A key that stands a second time forgets the first one's value, whatever the second one's will be.
  void want(Wanted wanted, std::string_view& value) {
    wanted_ = wanted;
    value = {};
  }

  void forget_key() {
    wanted_ = Wanted::nothing;
    last_string_ = {};
  }

  void finish(const char* begin) {
    const char* end = at_;
    while (ascii::is_space(end[-1])) --end;  // Its first byte is not a space, so that this ends.
    event_.bytes = between(begin, end);
    event_.object = *begin == '{' && closed_at_ == end;
    event_.newline_between = first_newline_ != nullptr && first_newline_ < end;
    event_.will_be_flattened =
        depth_max_ > limits::depth_max || fields_ > limits::fields_max || longest_ > limits::field_chars_max;
    if (event_.object) {
      event_.published_at = parse_rfc3339(event_.published);
    } else {
      event_.uuid = event_.published = event_.display_message = {};
      event_.own_keys = {};
    }
  }

  const char* at_;
  const char* end_;
  EventSlice& event_;
  OpenBrackets brackets_;
  ScannedString last_string_;  // At the top level, if it may still turn out to be a key.
  Wanted wanted_ = Wanted::nothing;
  const char* closed_at_ = nullptr;      // Behind the bracket that closed the first one.
  const char* first_newline_ = nullptr;  // Outside of strings; it may turn out to stand behind the element.
  std::size_t depth_max_ = 0;
  std::size_t fields_ = 0;
  std::size_t longest_ = 0;
};

bool cut_array(std::string_view body, std::vector<EventSlice>& events) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  const char* const end = body.data() + body.size();
  const char* at = skip_spaces(body.data(), end);
  if (at == end || *at != '[') return false;
  for (at = skip_spaces(at + 1, end); at != end && *at != ']'; at = skip_spaces(at, end)) {
    if (*at == ',') {  // Between two elements, or where one is missing: no event is lost there.
      ++at;
      continue;
    }
    EventSlice event;
    at = ElementScan(at, end, event).run();
    if (at == nullptr) return false;
    events.push_back(event);
  }
  return at != end && skip_spaces(at + 1, end) == end;
}

}  // namespace

EventHash EventSlice::hash() const {
  return {.uuid = uuid.empty() ? 0 : hash64(uuid), .bytes = hash64(bytes)};
}

bool PageCutter::cut(std::string_view body) {
  events_.clear();
  if (cut_array(body, events_)) return true;
  events_.clear();
  return false;
}

bool PageCutter::cut_one(std::string_view bytes, EventSlice& event) {
  bytes = ascii::trim(bytes);
  const char* const end = bytes.data() + bytes.size();
  EventSlice found;
  if (bytes.empty() || ElementScan(bytes.data(), end, found).run() != end) return false;
  event = found;
  return true;
}

bool is_strict_json_object(std::string_view text) {
  struct Handler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Handler> {};
  if (!ascii::trim(text).starts_with('{')) return false;
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  Handler handler;
  const bool whole = !reader.Parse<flags>(stream, handler).IsError();
  // The stream shows its end as a NUL, so that a NUL in the text would pass for the end.
  return whole && stream.Tell() == text.size();
}

}  // namespace logzio_okta
