// What a stranger sends to the event hook's port, up to the events in a delivery: however the bytes are
// split, they are read the same way and within the bounds; what is taken for a delivery is one, and its
// events keep their bytes.
#include <string>
#include <vector>

#include "logzio_okta/http/forwarded.hpp"
#include "logzio_okta/http/request.hpp"
#include "logzio_okta/okta/hook.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;
using Stage = RequestReader::Stage;

namespace {

constexpr std::size_t body_max = 2000;

/// Everything that is said of one request.
struct Read {
  std::size_t taken = 0;
  int status = 0;
  std::string method;
  std::string target;
  std::string token;
  std::string body;
  bool keeps_alive = false;
  friend bool operator==(const Read&, const Read&) = default;
};

/// Requests until the bytes end or one is broken.
std::vector<Read> converse(std::string_view bytes, std::size_t piece) {
  RequestReader reader(body_max);
  std::vector<Read> all;
  std::size_t taken = 0;
  for (;;) {
    if (reader.stage() == Stage::headed) reader.take_body();
    CHECK(reader.body().size() <= body_max);
    if (reader.stage() == Stage::whole || reader.stage() == Stage::broken) {
      Read& read = all.emplace_back();
      read.taken = taken;
      if (reader.stage() == Stage::broken) {
        read.status = reader.fault().status;
        CHECK(read.status >= 400 && read.status < 600 && !reader.fault().why.empty());
        CHECK(reader.feed(bytes.substr(taken)) == 0);
        return all;
      }
      read.method = reader.method();
      read.target = reader.target();
      read.token = reader.header("logzio_token").value_or("");
      read.body = reader.body();
      read.keeps_alive = reader.keeps_alive();
      reader.next();
      CHECK(!reader.begun());
    }
    if (taken == bytes.size()) return all;
    const std::size_t took = reader.feed(bytes.substr(taken, piece));
    CHECK(took <= std::min(piece, bytes.size() - taken));
    taken += took;
  }
}

/// A proxy's preamble is read the same way however it is split, and nothing after it is touched.
void judge_proxy(std::string_view bytes, std::size_t piece) {
  using Said = ProxyHeader::Stage;
  ProxyHeader whole;
  const std::size_t taken = whole.feed(bytes);
  CHECK(whole.taken() == bytes.substr(0, taken) && taken <= limits::proxy_header_bytes_max);
  CHECK(whole.stage() == Said::whole || !whole.client());
  ProxyHeader cut;
  std::size_t at = 0;
  while (at < bytes.size() && cut.stage() == Said::reading) at += cut.feed(bytes.substr(at, piece));
  CHECK(at == taken && cut.stage() == whole.stage() && cut.client() == whole.client());
}

/// The client that the headers name is not a proxy, and what they say is bounded by the head.
void judge_forwarded(std::string_view bytes) {
  static const std::vector<IpBlock> proxies = {IpBlock::parse("10.0.0.0/8").value()};
  RequestReader reader(body_max);
  reader.feed("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(bytes) + "\r\n\r\n");
  if (reader.stage() != Stage::headed) return;
  const auto client = forwarded_client(reader, proxies);
  CHECK(!client || !proxies.front().contains(*client));
}

void judge_delivery(const std::string& body) {
  PageCutter cutter;
  const auto hook = read_hook(body, cutter);
  if (!hook) {
    CHECK(!hook.error().text.empty());
    return;
  }
  CHECK(is_strict_json_object(body));
  CHECK(!hook->source.name().empty());
  for (const std::string_view part : {hook->event_id, hook->event_time, hook->source_text}) {
    CHECK(part.empty() || (part.size() >= 2 && part.starts_with('"') && part.ends_with('"')));
  }
  // As they wait on disk they are the same events.
  std::string list;
  const std::vector<EventSlice> events = cutter.events();
  for (const EventSlice& event : events) list.append(list.empty() ? "[" : ",").append(event.bytes);
  if (list.empty()) return;
  list += "]";
  PageCutter again;
  CHECK(again.cut(list));
  CHECK(again.events().size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    CHECK(is_strict_json_object(events[i].bytes));
    CHECK(again.events()[i].bytes == events[i].bytes);
    CHECK(again.events()[i].hash == events[i].hash);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece = 1 + input.below(20);
  const std::string_view bytes = input.rest();
  const std::vector<Read> whole = converse(bytes, bytes.size() + 1);
  const std::vector<Read> in_pieces = converse(bytes, piece);
  CHECK(whole.size() == in_pieces.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    // A fault may be seen earlier when the bytes come together; the error is the same.
    CHECK(whole[i].status == in_pieces[i].status);
    if (whole[i].status == 0) CHECK(whole[i] == in_pieces[i]);
    judge_delivery(whole[i].body);
  }
  judge_delivery(std::string(bytes));
  judge_proxy(bytes, piece);
  judge_forwarded(bytes);
  return 0;
}
