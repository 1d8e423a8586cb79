#include "model/listener.hpp"

#include <algorithm>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/page.hpp"

#include "model/json.hpp"
#include "model/query.hpp"

namespace logzio_okta::model {
namespace {

constexpr std::size_t inflated_bytes_max = std::size_t{256} << 20U;
constexpr std::size_t records_max = 1'000'000;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

bool acts_before_body(const ListenerFault& fault) {
  return std::holds_alternative<fault::CutRequest>(fault);
}
bool acts_on_answer(const ListenerFault& fault) {
  return !acts_before_body(fault) && !std::holds_alternative<fault::SilentEnd>(fault);
}
/// Whether the lines are taken before the fault acts.
bool leaves_lines_out(const ListenerFault& fault) {
  if (std::holds_alternative<fault::Status>(fault)) return true;
  const auto* unanswered = std::get_if<fault::Unanswered>(&fault);
  return unanswered != nullptr && !unanswered->stored;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Answer plain_answer(int status, std::string text) {
  Answer answer;
  answer.status = status;
  if (!text.empty()) answer.headers.push_back({"Content-Type", "text/plain"});
  answer.set_body(std::move(text));
  return answer;
}

bool will_be_flattened(std::string_view line) {
  const Shape shape = shape_of(line);
  return shape.depth > limits::depth_max || shape.fields > limits::fields_max ||
         shape.string_chars > limits::field_chars_max;
}

void bend_with(const ListenerFault& fault, Answer& answer) {
  std::visit(Overloaded{
                 [&](const fault::Status& status) { bend(answer, status); },
                 [&](const fault::Cut& cut) { bend(answer, cut); },
                 [&](const fault::Delay& delay) { bend(answer, delay); },
                 [&](const fault::CloseAfter& close) { bend(answer, close); },
                 [&](const fault::StoredThen& then) { bend(answer, then.status); },
                 [&](const fault::Unanswered& silent) {
                   bend(answer, fault::Cut{.bytes = 0, .ending = silent.ending});
                 },
                 [](const fault::CutRequest&) {},  // Done by admit() and connect().
                 [](const fault::SilentEnd&) {},
             },
             fault);
}

}  // namespace

void Listener::inject(ListenerFault fault, std::size_t times, Matcher matches) {
  faults_.inject(std::move(fault), times, std::move(matches));
}

Intake Listener::admit(const Request& head) {
  const auto due = faults_.take(head, acts_before_body);
  if (due.empty()) return {};
  const auto& cut = std::get<fault::CutRequest>(due.front());
  return {.bytes_max = cut.bytes, .ending = cut.ending};
}

Answer Listener::handle(const Request& request, WallTime wall) {
  const auto due = faults_.take(request, acts_on_answer);
  BulkRecord record;
  record.at = wall;
  record.target = request.target;
  record.user_agent = find_header(request.headers, "User-Agent").value_or("");
  record.wire_bytes = request.body.size();
  Answer answer;
  if (std::ranges::none_of(due, leaves_lines_out)) {
    const Parameters parameters = parameters_of(request.target);
    answer = honest_answer(request, find_parameter(parameters, "token").value_or(""), record, wall);
  }
  for (const ListenerFault& fault : due) bend_with(fault, answer);
  record.status = answer.delivery.bytes_max == 0 ? 0 : answer.status;
  remember(std::move(record));
  return answer;
}

Answer Listener::honest_answer(const Request& request, std::string_view token, BulkRecord& record,
                               WallTime wall) {
  if (request.target.substr(0, request.target.find('?')) != "/") return plain_answer(404, "Not Found");
  if (request.method != "POST") return plain_answer(405, "Method Not Allowed");
  if (!knows(token)) {
    ++counts_.token_refused;
    return plain_answer(401, token.empty() ? "Logging token is missing" : "Logging token is not valid");
  }
  if (!settings_.count_inflated && request.body.size() > settings_.body_bytes_max)
    return plain_answer(413, {});
  return take_body(request, record, wall);
}

Answer Listener::take_body(const Request& request, BulkRecord& record, WallTime wall) {
  const std::string_view encoding = find_header(request.headers, "Content-Encoding").value_or("");
  std::string inflated;
  std::string_view body = request.body;
  if (encoding == "gzip") {
    auto plain = gunzip(body, inflated_bytes_max);
    if (!plain) return plain_answer(400, counts_text({.malformed = 1}));
    inflated = std::move(*plain);
    body = inflated;
  } else if (!encoding.empty()) {
    return plain_answer(400, counts_text({.malformed = 1}));
  }
  if (settings_.count_inflated && body.size() > settings_.body_bytes_max) return plain_answer(413, {});

  if (!settings_.forbidden.empty() && body.contains(settings_.forbidden)) {
    Answer answer;
    bend(answer, fault::proxy_forbidden());
    return answer;
  }
  const Parameters parameters = parameters_of(request.target);
  const Tally tally = take_lines(body, find_parameter(parameters, "type").value_or(""), wall);
  record.stored = tally.successful;
  if (tally.malformed + tally.oversized + tally.empty == 0)
    return plain_answer(200, settings_.yes_counts ? counts_text(tally) : settings_.yes_body);
  Answer answer = plain_answer(400, counts_text(tally));
  answer.set_header("Content-Type", "application/json");
  return answer;
}

Listener::Tally Listener::take_lines(std::string_view body, std::string_view query_type, WallTime wall) {
  Tally tally;
  const bool takes = settings_.counting != Counting::all_or_nothing || all_good(body);
  while (!body.empty()) {  // A line break at the very end opens no further line.
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = without_return(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
    switch (judge(line)) {
      case LineFault::none:
        if (!takes) break;
        store(line, query_type, wall);
        ++tally.successful;
        break;
      case LineFault::empty:
        ++tally.empty;
        break;
      case LineFault::oversized:
        ++tally.oversized;
        break;
      case LineFault::malformed:
        ++tally.malformed;
        break;
    }
  }
  counts_.lines_refused += tally.empty + tally.oversized + tally.malformed;
  return tally;
}

bool Listener::all_good(std::string_view body) const {
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    if (judge(without_return(body.substr(0, end))) != LineFault::none) return false;
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return true;
}

Listener::LineFault Listener::judge(std::string_view line) const {
  if (is_blank(line)) return LineFault::empty;
  if (line.size() > settings_.line_bytes_max) return LineFault::oversized;
  if (!settings_.objects_to.empty() && line.contains(settings_.objects_to)) return LineFault::malformed;
  if (settings_.judge_lines && !is_strict_json_object(line)) return LineFault::malformed;
  return LineFault::none;
}

void Listener::store(std::string_view line, std::string_view query_type, WallTime wall) {
  StoredLine stored{.text = std::string(line), .type = std::string(query_type), .at = wall};
  if (settings_.judge_lines) {
    stored.flattened = will_be_flattened(line);
    const auto object = read_object(line);
    const auto own_type = object ? object->text("type") : std::nullopt;
    if (own_type && (query_type.empty() || !settings_.query_type_wins)) stored.type = *own_type;
  }
  if (stored.type.empty()) stored.type = "http-bulk";
  ++counts_.lines_stored;
  counts_.bytes_stored += line.size();
  if (stored.flattened) ++counts_.flattened;
  if (on_stored) on_stored(stored);
  if (settings_.keep_lines) lines_.push_back(std::move(stored));
}

std::string Listener::counts_text(const Tally& tally) const {
  const bool hides = settings_.counting == Counting::without_refused;
  std::string text = R"({"malformedLines":)" + std::to_string(hides ? 0 : tally.malformed);
  if (settings_.counting != Counting::without_successful)
    text += R"(,"successfulLines":)" + std::to_string(tally.successful);
  text += R"(,"oversizedLines":)" + std::to_string(hides ? 0 : tally.oversized);
  const std::size_t empty = tally.empty + (settings_.counting == Counting::with_final_break ? 1 : 0);
  if (empty > 0 || !settings_.omit_zero_empty) text += R"(,"emptyLogLines":)" + std::to_string(empty);
  return text + '}';
}

bool Listener::knows(std::string_view token) const {
  return std::ranges::find(settings_.tokens, token) != settings_.tokens.end();
}

LineConnection Listener::connect(WallTime wall) {
  LineConnection connection;
  const Request lines{.method = "LINES", .target = "", .headers = {}, .body = {}};
  for (const ListenerFault& fault :
       faults_.take(lines, [](const ListenerFault& due) { return !acts_on_answer(due); })) {
    if (const auto* cut = std::get_if<fault::CutRequest>(&fault)) {
      connection.intake = {.bytes_max = cut->bytes, .ending = cut->ending};
    } else {
      connection.answers_end = false;
    }
  }
  connection.record = records_forgotten_ + records_.size();
  remember({.at = wall, .target = "lines", .user_agent = {}});
  return connection;
}

bool Listener::feed(LineConnection& connection, std::string_view bytes, WallTime wall) {
  const std::size_t room = connection.intake.bytes_max - connection.bytes_read;
  bytes = bytes.substr(0, room);
  connection.bytes_read += bytes.size();
  connection.rest += bytes;
  BulkRecord unknown;  // Its own may be forgotten by now.
  const bool known = connection.record >= records_forgotten_;
  BulkRecord& record = known ? records_[connection.record - records_forgotten_] : unknown;
  record.wire_bytes = connection.bytes_read;

  std::string_view unread = connection.rest;
  for (std::size_t end = unread.find('\n'); end != std::string_view::npos; end = unread.find('\n')) {
    take_terminated(without_return(unread.substr(0, end)), record, wall);
    unread.remove_prefix(end + 1);
  }
  connection.rest.erase(0, connection.rest.size() - unread.size());
  return connection.bytes_read < connection.intake.bytes_max;
}

void Listener::take_terminated(std::string_view line, BulkRecord& record, WallTime wall) {
  if (judge(line) != LineFault::none) {
    ++counts_.lines_refused;
    return;
  }
  const auto object = read_object(line);
  const auto token = object ? object->text("token") : std::nullopt;
  if (!token || !knows(*token)) {
    ++counts_.token_refused;
    return;
  }
  ++record.stored;
  store(line, "", wall);
}

bool Listener::finish(LineConnection& connection) {
  if (!connection.rest.empty()) ++counts_.unterminated;
  connection.rest.clear();
  return connection.answers_end;
}

void Listener::remember(BulkRecord record) {
  ++counts_.bulks;
  records_.push_back(std::move(record));
  if (records_.size() > records_max) {
    records_.pop_front();
    ++records_forgotten_;
  }
}

bool lines_settled(Listener& listener, std::string_view bytes, WallTime wall) {
  LineConnection connection = listener.connect(wall);
  const bool whole = listener.feed(connection, bytes, wall);
  return listener.finish(connection) && whole;
}

}  // namespace logzio_okta::model
