#include "logzio_okta/okta/page.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/json_block.hpp"

namespace logzio_okta {
namespace {

// The meaning of a byte outside of strings.
enum class Kind : std::uint8_t { other, open, close, colon, comma, newline };

constexpr std::array<Kind, 256> kinds = [] {
  std::array<Kind, 256> table{};
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

// The open brackets, one bit per level (set for '{'): the innermost 64 in one word, the outer ones spilled.
// Nothing is allocated for fewer than 65 levels, and no depth can overflow a stack.
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

// A key with its escapes resolved, as far as it can be one of the names we look for, which are short and
// ASCII.
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

  std::array<char, 16> bytes_{};  // Longer than the longest name: a key cut here is none of them.
  std::size_t size_ = 0;
};

// The quote that ends the string whose first byte is at `at`; null if none does.
const char* closing_quote(const char* at, const char* end) {
  const char* const begin = at;
  for (; (at = std::find(at, end, '"')) != end; ++at) {
    const char* before = at;
    while (before != begin && before[-1] == '\\') --before;
    if (between(before, at).size() % 2 == 0) return at;
  }
  return nullptr;
}

// Scans elements up to the bracket that closes their array or to the end of the text. It steps from bracket
// to bracket and, at an element's top level, from colon to colon; the bytes in between are skipped.
class ElementScan {
 public:
  enum class Until : std::uint8_t { closing_bracket, end_of_text };

  ElementScan(const char* begin, const char* end, std::vector<EventSlice>& events, std::size_t elements_max)
      : block_at_(begin), end_(end), events_(events), elements_max_(elements_max) {
    begin_element(begin);
  }

  /// Where it ended; null if the elements do not end there with all quotes and brackets closed, or if there
  /// are too many.
  const char* run(Until until) {
    for (; block_at_ < end_; block_at_ += JsonBlock::size) {
      const bool in_string_before = in_string();
      block_ = blocks_.next(between(block_at_, end_));
      uncounted_ = ~std::uint64_t{0};
      if (in_string_before) look_at_length();
      if (const char* ended = nullptr; !walk(until, ended)) return ended;
      fields_ += json_block::count_bits(block_.colons & uncounted_);
      remember_quotes();
    }
    if (until != Until::end_of_text || brackets_.depth() != 0 || in_string()) return nullptr;
    finish(end_);
    return end_;
  }

  /// If run() found no end: whether it was within an object; unfinished() is what is known of it.
  [[nodiscard]] bool within_an_object() const {
    return begin_ != end_ && *begin_ == '{' && closed_at_ == nullptr;
  }
  [[nodiscard]] const EventSlice& unfinished() const { return event_; }

 private:
  /// At the end of the last block.
  [[nodiscard]] bool in_string() const { return block_.in_string >> 63U != 0; }

  // Checks the string that the block begins in. Any other long string ends in a later block.
  void look_at_length() {
    if (block_.quotes == 0) return;
    const char* const closing = block_at_ + std::countr_zero(block_.quotes);
    too_long_ = too_long_ || between(quote_ + 1, closing).size() > limits::field_chars_max;
  }

  [[nodiscard]] std::uint64_t of_interest() const {
    const std::uint64_t always = block_.opens | block_.closes | block_.newlines;
    if (brackets_.depth() > 1) return always;
    return always | (brackets_.depth() == 1 ? block_.colons : blocks_.commas(block_));
  }

  // False at the end; `ended` is then the result of run().
  bool walk(Until until, const char*& ended) {
    std::uint64_t left = ~std::uint64_t{0};
    while (const std::uint64_t next = of_interest() & left) {
      const auto place = static_cast<std::size_t>(std::countr_zero(next));
      left = ~bits_below(place + 1);
      const char* const at = block_at_ + place;
      switch (kind_of(*at)) {
        case Kind::open:
          brackets_.open(*at);
          depth_max_ = std::max(depth_max_, brackets_.depth());
          break;
        case Kind::close:
          if (brackets_.depth() == 0) {
            if (*at == ']' && until == Until::closing_bracket && end_element(at, place)) ended = at;
            return false;
          }
          if (!brackets_.close(*at)) return false;
          if (brackets_.depth() == 0 && closed_at_ == nullptr) closed_at_ = at + 1;
          break;
        case Kind::colon:
          take_key(at, place);
          break;
        case Kind::comma:
          if (until == Until::end_of_text) return false;
          if (!end_element(at, place)) return false;
          begin_element(at + 1);
          break;
        case Kind::newline:
          take_newline(at, place);
          break;
        case Kind::other:
          break;
      }
    }
    return true;
  }

  void take_newline(const char* at, std::size_t place) {
    if ((block_.in_string >> place & 1U) != 0) {
      event_.newline_inside = true;
    } else if (first_newline_ == nullptr && at > begin_) {
      first_newline_ = at;
    }
  }

  // The string right before the colon, between the last two quotes.
  void take_key(const char* colon, std::size_t place) {
    const char* closing = quote_;
    const char* opening = quote_before_;
    if (const std::uint64_t quotes = block_.quotes & bits_below(place); quotes != 0) {
      closing = block_at_ + (std::bit_width(quotes) - 1);
      const std::uint64_t others = quotes & bits_below(between(block_at_, closing).size());
      opening = others != 0 ? block_at_ + (std::bit_width(others) - 1) : quote_;
    }
    if (opening == nullptr || opening < begin_ || skip_spaces(closing + 1, colon) != colon) return;
    const std::string_view key = between(opening + 1, closing);
    if (key.contains('\\')) {
      event_.top_keys.add_unknown();
      recognise(PlainKey(key).text(), colon);
    } else {
      event_.top_keys.add(key);
      recognise(key, colon);
    }
  }

  void recognise(std::string_view key, const char* colon) {
    switch (key.size()) {  // Most keys are none of these, which their length shows without a comparison.
      case 4:
        if (key == "uuid") event_.uuid = inside_the_quotes(value_behind(colon));
        if (key == "type") event_.own_keys.add(OwnKey::type);
        break;
      case 5:
        if (key == "token") event_.own_keys.add(OwnKey::token);
        break;
      case 7:
        if (key == "message") event_.own_keys.add(OwnKey::message);
        break;
      case 9:
        if (key == "published") event_.published = inside_the_quotes(value_behind(colon));
        break;
      case 10:
        if (key == "@timestamp") event_.own_keys.add(OwnKey::timestamp);
        break;
      case 11:
        if (key == "tenant_name") event_.own_keys.add(OwnKey::tenant_name);
        if (key == "logzio_okta") event_.own_keys.add(OwnKey::logzio_okta);
        break;
      case 14:
        if (key == "displayMessage") event_.display_message = value_behind(colon);
        break;
      default:
        break;
    }
  }

  // A string with its quotes; empty for any other value, even if the key occurred before with a string.
  [[nodiscard]] std::string_view value_behind(const char* colon) const {
    const char* const at = skip_spaces(colon + 1, end_);
    if (at == end_ || *at != '"') return {};
    const char* const closing = closing_quote(at + 1, end_);
    return closing != nullptr ? between(at, closing + 1) : std::string_view();
  }
  [[nodiscard]] static std::string_view inside_the_quotes(std::string_view quoted) {
    return quoted.empty() ? quoted : quoted.substr(1, quoted.size() - 2);
  }

  void remember_quotes() {
    const std::uint64_t quotes = block_.quotes;
    if (quotes == 0) return;
    const auto last = static_cast<std::size_t>(std::bit_width(quotes) - 1);
    const std::uint64_t others = quotes & bits_below(last);
    quote_before_ = others != 0 ? block_at_ + (std::bit_width(others) - 1) : quote_;
    quote_ = block_at_ + last;
  }

  void begin_element(const char* at) {
    begin_ = skip_spaces(at, end_);
    event_ = {};
    closed_at_ = first_newline_ = nullptr;
    depth_max_ = fields_ = 0;
    too_long_ = false;
  }

  // Nothing between two commas is a missing element, not a lost event. False at the first element too many.
  bool end_element(const char* at, std::size_t place) {
    fields_ += json_block::count_bits(block_.colons & uncounted_ & bits_below(place));
    uncounted_ = ~bits_below(place);
    if (at != begin_) finish(at);
    return events_.size() <= elements_max_;
  }

  void finish(const char* end) {
    while (ascii::is_space(end[-1])) --end;  // Its first byte is not a space, so this ends.
    event_.bytes = between(begin_, end);
    event_.object = *begin_ == '{' && closed_at_ == end;
    event_.newline_between = first_newline_ != nullptr && first_newline_ < end;
    event_.will_be_flattened = depth_max_ > limits::depth_max || fields_ > limits::fields_max || too_long_;
    if (event_.object) {
      event_.published_at = parse_rfc3339(event_.published);
    } else {
      event_.uuid = event_.published = event_.display_message = {};
      event_.own_keys = {};
      event_.top_keys = {};
    }
    event_.hash = EventHash::of(event_.uuid, event_.bytes);
    events_.push_back(event_);
  }

  const char* block_at_;
  const char* end_;
  std::vector<EventSlice>& events_;
  std::size_t elements_max_;
  JsonBlocks blocks_;
  JsonBlock block_;
  std::uint64_t uncounted_ = 0;         // The block's bytes in the current element.
  const char* quote_ = nullptr;         // The last one before the block,
  const char* quote_before_ = nullptr;  // and the one before that.
  OpenBrackets brackets_;

  // The current element:
  const char* begin_ = nullptr;
  EventSlice event_;
  const char* closed_at_ = nullptr;      // After the bracket that closed the first one.
  const char* first_newline_ = nullptr;  // Outside of strings; it may turn out to be after the element.
  std::size_t depth_max_ = 0;
  std::size_t fields_ = 0;
  bool too_long_ = false;
};

// After the bracket that opens the array; null if there is none.
const char* first_element(std::string_view body) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  const char* const end = body.data() + body.size();
  const char* const begin = skip_spaces(body.data(), end);
  return begin == end || *begin != '[' ? nullptr : begin + 1;
}

bool cut_array(std::string_view body, std::vector<EventSlice>& events, std::size_t elements_max) {
  const char* const end = body.data() + body.size();
  const char* const begin = first_element(body);
  if (begin == nullptr) return false;
  const char* const closing =
      ElementScan(begin, end, events, elements_max).run(ElementScan::Until::closing_bracket);
  return closing != nullptr && skip_spaces(closing + 1, end) == end;
}

}  // namespace

bool PageCutter::cut(std::string_view body, std::size_t elements_max) {
  constexpr std::size_t kept = 2 * limits::page_elements_max;
  events_.clear();
  if (events_.capacity() > kept) events_.shrink_to_fit();
  too_many_ = false;
  if (cut_array(body, events_, elements_max)) return true;
  too_many_ = events_.size() > elements_max;
  events_.clear();
  return false;
}

bool PageCutter::begins_with_one_event(std::string_view beginning) {
  const char* const begin = first_element(beginning);
  if (begin == nullptr) return false;
  std::vector<EventSlice> whole;
  ElementScan scan(begin, beginning.data() + beginning.size(), whole, 0);
  if (scan.run(ElementScan::Until::closing_bracket) != nullptr || !whole.empty()) return false;
  if (!scan.within_an_object()) return false;
  return !scan.unfinished().uuid.empty() || !scan.unfinished().published.empty();
}

bool PageCutter::cut_one(std::string_view bytes, EventSlice& event) {
  bytes = ascii::trim(bytes);
  if (bytes.empty()) return false;
  std::vector<EventSlice> found;
  const char* const end = bytes.data() + bytes.size();
  if (ElementScan(bytes.data(), end, found, 1).run(ElementScan::Until::end_of_text) != end) return false;
  event = found.front();
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
  // The stream marks its end by a NUL, so a NUL in the text would pass for the end.
  return whole && stream.Tell() == text.size();
}

}  // namespace logzio_okta
