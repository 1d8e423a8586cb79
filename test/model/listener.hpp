// Listener: Logz.io's log listener, over HTTP bulk and as newline JSON over TCP (docs/logzio.md 10).
//
// HTTP: the token in the query (401 with the listener's own texts), 413 over 10 MB, and a 400 that takes the
// good lines all the same and only counts the bad ones. Lines: the token in each line, never an answer, a
// line with an unknown token vanishes silently, and so does an unterminated last line.
//
//     Listener listener({.tokens = {token}});
//     Intake intake = listener.admit(head);              // may it be read at all? (faults)
//     Answer answer = listener.handle(request, now);
//
//     LineConnection connection = listener.connect();    // lines
//     listener.feed(connection, bytes, now);             // any segments
//     bool answered = listener.finish(connection);       // the peer's end of stream
//
// A judge may listen in on every line that was taken: `on_stored`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "logzio_okta/base/time.hpp"

#include "model/answer.hpp"
#include "model/fault.hpp"

namespace logzio_okta::model {

/// How a listener's 400 counts, beside what is documented.
enum class Counting : std::uint8_t {
  honest,
  without_refused,    ///< What it refused is in no count.
  with_final_break,   ///< The line break at the end counts as an extra empty line.
  all_or_nothing,     ///< With one bad line it takes none.
  without_successful  ///< It does not say what it took.
};

struct ListenerSettings {
  std::vector<std::string> tokens;
  std::size_t body_bytes_max = 10'485'760;
  std::size_t line_bytes_max = 500'000;
  bool count_inflated = false;   ///< Which size the body limit means is not documented.
  bool omit_zero_empty = false;  ///< Leave a zero `emptyLogLines` out of the 400, as seen in 2023.
  bool query_type_wins = false;  ///< Contradictory in the documentation.
  std::string objects_to;        ///< A line with this text counts as malformed although it is JSON.
  std::string forbidden;         ///< A firewall before it answers 403 to a body with this text.
  Counting counting = Counting::honest;
  std::string yes_body;     ///< The body of its 200, documented as empty.
  bool yes_counts = false;  ///< The body of its 200 holds the counts.
  bool judge_lines = true;  ///< Off, every line counts as good: for measurements.
  bool keep_lines = true;   ///< Off, lines are only counted (and heard by `on_stored`).
};

struct StoredLine {
  std::string text;  ///< Without its line break.
  std::string type;
  WallTime at;
  bool flattened = false;  ///< Over a limit that Logz.io applies after its 200.
};

/// One bulk, or one line connection, and what became of it.
struct BulkRecord {
  WallTime at;
  std::string target;
  std::string user_agent;
  std::size_t wire_bytes = 0;
  std::size_t stored = 0;
  int status = 0;  ///< 0 for lines, and for a bulk that was never answered.
};

struct ListenerCounts {
  std::size_t bulks = 0;
  std::size_t lines_stored = 0;
  std::size_t bytes_stored = 0;
  std::size_t lines_refused = 0;  ///< Malformed, oversized or empty.
  std::size_t flattened = 0;
  std::size_t token_refused = 0;  ///< Bulks, or lines.
  std::size_t unterminated = 0;   ///< Line connections that ended within a line.
};

/// How much of a request's body, or of a line connection, is read; then the ending.
struct Intake {
  std::size_t bytes_max = unlimited;
  Ending ending = Ending::keep;
};

using ListenerFault = std::variant<fault::Status, fault::Cut, fault::Delay, fault::CloseAfter,
                                   fault::StoredThen, fault::Unanswered, fault::CutRequest, fault::SilentEnd>;

struct LineConnection {
  Intake intake;
  std::string rest;  ///< What came after the last line break.
  std::size_t bytes_read = 0;
  std::size_t record = 0;  ///< Its number among all records.
  bool answers_end = true;
};

class Listener {
 public:
  explicit Listener(ListenerSettings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] Intake admit(const Request& head);
  [[nodiscard]] Answer handle(const Request& request, WallTime wall);

  [[nodiscard]] LineConnection connect(WallTime wall);
  /// Takes bytes as far as the connection's intake allows; true while more may come.
  bool feed(LineConnection& connection, std::string_view bytes, WallTime wall);
  /// The peer has ended its side. True if the listener ends its own in answer.
  bool finish(LineConnection& connection);

  void inject(ListenerFault fault, std::size_t times = always, Matcher matches = match::any());
  void clear_faults() { faults_.clear(); }

  [[nodiscard]] ListenerSettings& settings() { return settings_; }
  [[nodiscard]] const std::vector<StoredLine>& lines() const { return lines_; }
  [[nodiscard]] const std::deque<BulkRecord>& records() const { return records_; }
  [[nodiscard]] const ListenerCounts& counts() const { return counts_; }
  void forget_lines() { lines_.clear(); }

  std::function<void(const StoredLine&)> on_stored;

 private:
  enum class LineFault : std::uint8_t { none, empty, oversized, malformed };
  struct Tally {
    std::size_t malformed = 0;
    std::size_t oversized = 0;
    std::size_t empty = 0;
    std::size_t successful = 0;
  };

  [[nodiscard]] Answer honest_answer(const Request& request, std::string_view token, BulkRecord& record,
                                     WallTime wall);
  [[nodiscard]] Answer take_body(const Request& request, BulkRecord& record, WallTime wall);
  [[nodiscard]] Tally take_lines(std::string_view body, std::string_view query_type, WallTime wall);
  [[nodiscard]] bool all_good(std::string_view body) const;
  [[nodiscard]] LineFault judge(std::string_view line) const;
  void take_terminated(std::string_view line, BulkRecord& record, WallTime wall);
  void store(std::string_view line, std::string_view query_type, WallTime wall);
  [[nodiscard]] std::string counts_text(const Tally& tally) const;
  [[nodiscard]] bool knows(std::string_view token) const;
  void remember(BulkRecord record);

  ListenerSettings settings_;
  FaultPlan<ListenerFault> faults_;
  std::vector<StoredLine> lines_;
  std::deque<BulkRecord> records_;
  std::size_t records_forgotten_ = 0;
  ListenerCounts counts_;
};

/// What a client of lines makes of a connection on which it sends these bytes, ends its side and waits.
[[nodiscard]] bool lines_settled(Listener& listener, std::string_view bytes, WallTime wall);

}  // namespace logzio_okta::model
