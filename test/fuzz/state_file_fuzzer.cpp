// A damaged state file: a real one with any of its bytes changed, cut or lengthened, or not a state at all.
// Opening it gives a store that works, or an error with its cure; a Poller can follow what it contains;
// nothing is deleted, and what was moved aside is never opened again.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <unistd.h>

#include "logzio_okta/flow/poller.hpp"

#include "fuzz/input.hpp"
#include "shell/state/store.hpp"

using namespace logzio_okta;

namespace {

namespace fs = std::filesystem;

const WallTime birth = *parse_rfc3339("2026-11-23T12:00:00Z");
const Now now{.steady = Instant(1h), .wall = birth};
const Domain domain = Domain::parse("acme.okta.com").value();

/// A directory in memory where there is one.
struct Directory {
  Directory() {
    std::string name = fs::exists("/dev/shm") ? "/dev/shm/fuzz-state-XXXXXX" : "/tmp/fuzz-state-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() { fs::remove_all(path); }
  fs::path path;
};

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

Place some_place() {
  Place place{.next = "/api/v1/logs?after=17&limit=1000", .since = birth - 168h, .first_start = birth - 24h};
  place.pages = 2;
  place.watermark = birth - 1h;
  place.caught_up = birth - 1h;
  place.in_doubt = InDoubt{.events_left = 1000, .before = birth - 2h};
  place.recovering = birth - 1h;
  place.quiet_until = birth + 1min;
  return place;
}

/// A store as the daemon leaves it, with a place, a window and something set aside.
std::string make_true_state() {
  const Directory directory;
  auto store = Store::open(directory.path, birth, Store::OnDamage::move_aside, [] { return Instant{}; });
  CHECK(store.has_value());
  store->open_stream({.stream = StreamId{1}, .key = domain.name()});
  Save save{.stream = StreamId{1}, .number = 1, .place = some_place()};
  save.rows.push_back({.page = 1, .newest = birth - 3h, .events = {{1, 2}, {3, 4}}});
  save.rows.push_back({.page = 2, .newest = std::nullopt, .events = {{0, 5}}});
  save.set_aside.push_back({.reason = "not JSON", .answer = "", .events = 1, .bytes = "{"});
  store->save(std::move(save), now.steady);
  CHECK(store->close(true).has_value());
  return bytes_of(directory.path / "state.sqlite");
}

/// A changed file: `input` says where and how.
std::string change(std::string bytes, fuzz::Input& input) {
  for (int changes = 1 + static_cast<int>(input.below(6)); changes > 0 && !input.empty(); --changes) {
    const std::size_t at = bytes.empty() ? 0 : input.number() % bytes.size();
    switch (input.below(4)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes += input.line();
        break;
      default:
        const std::string_view patch = input.line();
        for (std::size_t i = 0; i < patch.size() && at + i < bytes.size(); ++i) bytes[at + i] = patch[i];
        break;
    }
  }
  return bytes;
}

/// Follows what the store brought, as far as the first questions go.
void follow(const Opened& opened, const WindowRead& window) {
  Poller poller(StreamId{1}, TenantSpec{.domain = domain, .credentials = {}}, Policy{}, Random(1));
  poller.start(now.steady);
  poller.opened(now, opened, now.steady, {});
  const auto drain = [&] {
    while (auto output = poller.next_output()) {
      if (std::holds_alternative<ReadWindow>(*output)) poller.window_read(now, window);
      if (const auto* save = std::get_if<Save>(&*output)) poller.saved(now, save->number);
    }
  };
  drain();
  poller.watch_retention(now, {});
  PageReader reader;
  Now later = now;
  for (int i = 0; i < 12; ++i) {
    later.steady += 2min;
    if (!poller.wants_to_ask(later)) continue;
    CHECK(poller.ask(later).size() < 100'000);
    HttpAnswer answer{.status = i < 6 ? 400 : 200, .headers = {}, .body = "[]"};
    static_cast<void>(poller.answered(later, OktaReply(std::move(answer)), {}, reader));
    drain();
  }
  static_cast<void>(poller.report(later));
}

void use(Store& store) {
  store.open_stream({.stream = StreamId{1}, .key = domain.name()});
  store.read_window({.stream = StreamId{1}});
  std::optional<Opened> opened;
  std::optional<WindowRead> window;
  while (auto answer = store.next_answer()) {
    if (auto* place = std::get_if<Opened>(&*answer)) opened = std::move(*place);
    if (auto* read = std::get_if<WindowRead>(&*answer)) window = std::move(*read);
  }
  if (!opened || !window) {
    // It cannot be read, and says so again and again; nothing restarts from it.
    CHECK(!store.take_warnings().empty());
    return;
  }
  CHECK(std::ranges::is_sorted(window->rows, {}, &WindowRow::page));
  follow(*opened, *window);
  store.save({.stream = StreamId{1}, .number = 1, .place = some_place()}, now.steady);
  store.work(now.steady, true);
  const auto answer = store.next_answer();
  CHECK(answer && (std::holds_alternative<Saved>(*answer) || std::holds_alternative<SaveFailed>(*answer)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string true_state = make_true_state();
  static const Directory directory;
  for (const auto& entry : fs::directory_iterator(directory.path)) fs::remove_all(entry.path());
  fuzz::Input input(data, size);
  const bool log_too = input.flag();
  const std::string bytes = input.below(8) == 0 ? std::string(input.rest()) : change(true_state, input);
  std::ofstream(directory.path / "state.sqlite", std::ios::binary) << bytes;
  if (log_too) std::ofstream(directory.path / "state.sqlite-wal", std::ios::binary) << input.rest();

  auto store = Store::open(directory.path, birth, Store::OnDamage::move_aside, [] { return Instant{}; });
  if (!store) {
    CHECK(store.error().exit_code == 74 && !store.error().text.empty());
    CHECK(bytes_of(directory.path / "state.sqlite") == bytes);
    return 0;
  }
  bool moved = false;
  for (const auto& entry : fs::directory_iterator(directory.path)) {
    if (!entry.path().filename().string().starts_with("state.sqlite.damaged-")) continue;
    moved = moved || bytes_of(entry.path()) == bytes;
  }
  bool lost = false;
  for (const std::string& warning : store->take_warnings()) lost = lost || warning.contains("LOST");
  CHECK(lost == moved);
  use(*store);
  static_cast<void>(store->close(true));
  return 0;
}
