#include "logzio_okta/base/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::milliseconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads a text from the left. After the first mismatch every later step fails too, so the parsers below read
// like their formats and check once, at the end.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }
  [[nodiscard]] bool next_is(char c) const { return !rest_.empty() && ascii::lower(rest_.front()) == c; }

  /// A number of exactly `digits` digits, from `low` to `high`.
  unsigned number(std::size_t digits, unsigned low, unsigned high) {
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = take();
      good_ = good_ && ascii::is_digit(c);
      value = value * 10 + static_cast<unsigned char>(c - '0');
    }
    good_ = good_ && value >= low && value <= high;
    return value;
  }
  /// The letter in either case, or the punctuation mark.
  void letter(char c) { good_ = ascii::lower(take()) == ascii::lower(c) && good_; }
  void exactly(std::string_view word) {
    good_ = good_ && rest_.starts_with(word);
    rest_.remove_prefix(std::min(word.size(), rest_.size()));
  }
  /// The index of the next three letters.
  template <std::size_t count>
  unsigned one_of(const std::array<std::string_view, count>& words) {
    const auto found = std::ranges::find(words, rest_.substr(0, 3));
    good_ = good_ && found != words.end();
    rest_.remove_prefix(std::min<std::size_t>(3, rest_.size()));
    return static_cast<unsigned>(found - words.begin());
  }
  /// One digit or more after the point, cut to milliseconds.
  unsigned fraction() {
    unsigned value = 0;
    unsigned weight = 100;
    std::size_t digits = 0;
    for (; !rest_.empty() && ascii::is_digit(rest_.front()); ++digits, weight /= 10) {
      value += weight * static_cast<unsigned char>(take() - '0');
    }
    good_ = good_ && digits > 0;
    return value;
  }

 private:
  char take() {
    if (rest_.empty()) {
      good_ = false;
      return '\0';
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  std::string_view rest_;
  bool good_ = true;
};

struct TimeOfDay {
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
};

TimeOfDay read_time_of_day(Reader& reader) {
  TimeOfDay time;
  time.hour = reader.number(2, 0, 23);
  reader.exactly(":");
  time.minute = reader.number(2, 0, 59);
  reader.exactly(":");
  // Our count of milliseconds has no leap seconds; the second before it is the nearest.
  time.second = std::min(reader.number(2, 0, 60), 59U);
  return time;
}

// The offset to subtract from a local time to get UTC.
milliseconds read_offset(Reader& reader) {
  if (reader.next_is('z')) {
    reader.letter('z');
    return 0ms;
  }
  const bool ahead = reader.next_is('+');
  reader.letter(ahead ? '+' : '-');
  const auto hours = std::chrono::hours(reader.number(2, 0, 23));
  reader.exactly(":");
  const milliseconds offset = hours + std::chrono::minutes(reader.number(2, 0, 59));
  return ahead ? offset : -offset;
}

std::optional<WallTime> join(unsigned year, unsigned month, unsigned day, const TimeOfDay& time) {
  const year_month_day date(std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                            std::chrono::day(day));
  if (!date.ok()) return std::nullopt;
  return WallTime(milliseconds(sys_days(date).time_since_epoch()) + std::chrono::hours(time.hour) +
                  std::chrono::minutes(time.minute) + std::chrono::seconds(time.second));
}

// A moment in its parts, for printing. Both formats have four-digit years only, so anything outside is shown
// as the first or last moment they can express.
struct Calendar {
  explicit Calendar(WallTime time) {
    constexpr milliseconds first = sys_days(std::chrono::year(0) / 1 / 1).time_since_epoch();
    constexpr milliseconds last = sys_days(std::chrono::year(10'000) / 1 / 1).time_since_epoch() - 1ms;
    const milliseconds moment = std::clamp(time.time_since_epoch(), first, last);
    day_count = sys_days(floor<days>(moment));
    date = year_month_day(day_count);
    clock = std::chrono::hh_mm_ss(moment - day_count.time_since_epoch());
  }

  sys_days day_count;
  year_month_day date;
  std::chrono::hh_mm_ss<milliseconds> clock;
};

void append_padded(std::string& text, long long number, std::size_t digits) {
  std::array<char, 24> buffer{};
  const auto written = std::to_chars(buffer.begin(), buffer.end(), number);
  const auto size = static_cast<std::size_t>(written.ptr - buffer.begin());
  text.append(digits - std::min(digits, size), '0').append(buffer.data(), size);
}

void append_clock(std::string& text, const Calendar& calendar) {
  append_padded(text, calendar.clock.hours().count(), 2);
  text += ':';
  append_padded(text, calendar.clock.minutes().count(), 2);
  text += ':';
  append_padded(text, calendar.clock.seconds().count(), 2);
}

struct Unit {
  std::string_view written;  // As in a setting.
  std::string_view spoken;   // As in a sentence.
  Duration length;
};
constexpr std::array<Unit, 5> units{{
    {"d", " d", 24h},
    {"h", " h", 1h},
    {"m", " min", 1min},
    {"s", " s", 1s},
    {"ms", " ms", 1ms},
}};

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  const unsigned year = reader.number(4, 0, 9999);
  reader.exactly("-");
  const unsigned month = reader.number(2, 1, 12);
  reader.exactly("-");
  const unsigned day = reader.number(2, 1, 31);
  reader.letter('T');
  const TimeOfDay time = read_time_of_day(reader);
  unsigned thousandths = 0;
  if (reader.next_is('.')) {
    reader.exactly(".");
    thousandths = reader.fraction();
  }
  const milliseconds offset = read_offset(reader);
  if (!reader.complete()) return std::nullopt;
  const std::optional<WallTime> local = join(year, month, day, time);
  if (!local) return std::nullopt;
  return *local + milliseconds(thousandths) - offset;
}

std::string format_rfc3339(WallTime time) {
  const Calendar calendar(time);
  std::string text;
  append_padded(text, static_cast<int>(calendar.date.year()), 4);
  text += '-';
  append_padded(text, static_cast<unsigned>(calendar.date.month()), 2);
  text += '-';
  append_padded(text, static_cast<unsigned>(calendar.date.day()), 2);
  text += 'T';
  append_clock(text, calendar);
  text += '.';
  append_padded(text, calendar.clock.subseconds().count(), 3);
  text += 'Z';
  return text;
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  Reader reader(text);
  reader.one_of(weekdays);  // A wrong weekday is ignored: the date alone counts.
  reader.exactly(", ");
  const unsigned day = reader.number(2, 1, 31);
  reader.exactly(" ");
  const unsigned month = reader.one_of(months) + 1;
  reader.exactly(" ");
  const unsigned year = reader.number(4, 0, 9999);
  reader.exactly(" ");
  const TimeOfDay time = read_time_of_day(reader);
  reader.exactly(" GMT");
  if (!reader.complete()) return std::nullopt;
  return join(year, month, day, time);
}

std::string format_http_date(WallTime time) {
  const Calendar calendar(time);
  std::string text(weekdays[std::chrono::weekday(calendar.day_count).c_encoding()]);
  text += ", ";
  append_padded(text, static_cast<unsigned>(calendar.date.day()), 2);
  text += ' ';
  text += months[static_cast<unsigned>(calendar.date.month()) - 1];
  text += ' ';
  append_padded(text, static_cast<int>(calendar.date.year()), 4);
  text += ' ';
  append_clock(text, calendar);
  text += " GMT";
  return text;
}

Result<Duration> parse_duration(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::uint64_t> count = ascii::whole_number(text.substr(0, digits));
  const auto* const unit = std::ranges::find(units, text.substr(digits), &Unit::written);
  if (!count || unit == units.end()) {
    return fail(ascii::quote(text) +
                " is not a duration: write a whole number and a unit, as in 500ms, 10s, 5m, 24h or 7d");
  }
  if (*count == 0) return fail(ascii::quote(text) + " is not a duration: it must be more than zero");
  if (*count > static_cast<std::uint64_t>(Duration::max() / unit->length)) {
    return fail(ascii::quote(text) + " is longer than this program can count: write something shorter");
  }
  return unit->length * static_cast<Duration::rep>(*count);
}

std::string describe(Duration duration) {
  if (duration < Duration::zero()) return '-' + describe(-std::max(duration, -Duration::max()));
  const auto* const unit = std::ranges::find_if(units.begin(), units.end() - 1,
                                                [&](const Unit& u) { return duration >= u.length; });
  std::string text = std::to_string(duration / unit->length).append(unit->spoken);
  // Below a minute the smaller unit would not help anyone.
  const bool two_parts = unit->length >= 1min;
  if (two_parts) {
    const Unit& smaller = *(unit + 1);
    const auto rest = duration % unit->length / smaller.length;
    if (rest > 0) text.append(" ").append(std::to_string(rest)).append(smaller.spoken);
  }
  return text;
}

}  // namespace logzio_okta
