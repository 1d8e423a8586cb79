// Bench: the real program against a World of its own, for short tests.
//
//     Bench bench;
//     const auto acme = bench.add_org();
//     bench.add_listener();
//     bench.world.issue_past(acme, 100, 24h);
//     bench.start();
//     REQUIRE(bench.all_arrive());
//     REQUIRE(bench.stop() == 0);
//     CHECK(bench.proven_once());
//
// The program runs with --log-level trace, and at the end of every test no credential may be in anything the
// program has said or kept, nor a sanitizer's report in its log. LOGZIO_OKTA_E2E_BINARY in the environment
// names another program to test than the one built beside the tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"

#include "catch.hpp"
#include "sandbox/process.hpp"
#include "sandbox/temp_dir.hpp"
#include "sandbox/world.hpp"

namespace logzio_okta::e2e {

using sandbox::Daemon;
using sandbox::PortId;
using sandbox::World;
using sandbox::write_file;
namespace fault = model::fault;
using model::always;

/// Long enough for what must come, even on a machine busy with other things. Only a test that fails waits
/// this long; the bench measures how fast the program is (docs/performance.md).
inline constexpr Duration patience = 120s;

using Words = std::vector<std::string>;
using Variables = std::vector<std::pair<std::string, std::string>>;

/// How the program is started; the rest (tenants, listener, state, trust) is the bench's business.
struct Run {
  std::string poll_interval = "100ms";
  std::string rate_share = "1";
  std::string admin = "off";
  Words flags = {};    ///< After the bench's own.
  Variables env = {};  ///< In addition to LOGZIO_TOKEN.
};

class Bench {
 public:
  explicit Bench(std::uint64_t seed = 1);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  World world;

  /// As World's; without a given rate limit there is none to meet, and the keys become secrets.
  std::size_t add_org(sandbox::OrgSpec spec = {});
  std::size_t add_listener(sandbox::ListenerSpec spec = {});
  /// From now on this must not appear in a log or the state.
  void add_secret(std::string secret) { secrets_.push_back(std::move(secret)); }
  [[nodiscard]] const Words& secrets() const { return secrets_; }

  // Files.

  [[nodiscard]] std::string path(std::string_view name) const { return (files_.path() / name).string(); }
  [[nodiscard]] std::string tenants_file() const { return path("tenants.yml"); }
  [[nodiscard]] std::string state_dir() const { return path("state"); }
  /// Replaces the tenants file, by default with all orgs of the world.
  void write_tenants() { write_file(tenants_file(), world.tenants_yaml()); }
  void write_tenants(std::string_view yaml) { write_file(tenants_file(), yaml); }
  /// The first column of this query's result on the state.
  [[nodiscard]] Words query_state(const std::string& sql) const;
  /// What is set aside, inflated.
  [[nodiscard]] Words set_aside() const;

  // The program.

  [[nodiscard]] static std::filesystem::path binary();
  /// Whether its memory and processor time mean anything: not with sanitizers.
  [[nodiscard]] static bool measurable();
  /// For whatever is started here: no leak checker, where it cannot work.
  [[nodiscard]] static Variables sanitizer_variables();
  /// The flags and variables of start(), for a test that starts it in its own way.
  [[nodiscard]] Words flags_of(const Run& run) const;
  [[nodiscard]] Variables environment_of(const Run& run) const;

  /// Starts it, with the tenants file as it is, or for all orgs if there is none.
  Daemon& start(const Run& run = {});
  /// Starts it (or the named binary) with exactly these words and variables.
  Daemon& start_process(sandbox::ProcessSpec spec);
  /// Runs it with --once to its end; returns its exit code.
  std::optional<int> run_once(Run run = {}, Duration limit = patience);
  [[nodiscard]] Daemon& daemon() { return *daemon_; }
  /// Sends TERM; returns its exit code if it ends in time.
  std::optional<int> stop(Duration limit = patience);
  /// kill -9; when this returns, every model has received what it had sent.
  void kill();
  [[nodiscard]] bool says(std::string_view text, Duration limit = patience);

  // What is seen from outside.

  /// Every event that belongs in Logz.io has been delivered.
  [[nodiscard]] bool all_arrive(Duration limit = patience);
  /// Waits until this holds, checked often, and says more about a failure.
  template <class Done>
  [[nodiscard]] bool wait(Done done, Duration limit = patience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    // Not everything that is waited for happens in the world.
    while (!world.wait(20ms, done)) {
      if (std::chrono::steady_clock::now() < end) continue;
      tell();
      return false;
    }
    return true;
  }
  /// Lets time pass, to see that something does not happen.
  void pass(Duration span) {
    (void)world.wait(span, [] { return false; });
  }
  /// Nothing missing, altered, alien, misnamed, or repeated without a mark.
  [[nodiscard]] bool proven();
  /// Likewise, and every event came once and without a mark.
  [[nodiscard]] bool proven_once();

  [[nodiscard]] std::size_t requests(std::size_t org);
  [[nodiscard]] std::size_t requests_of_all();
  [[nodiscard]] std::size_t bulks(std::size_t listener = 0);
  [[nodiscard]] std::size_t lines(std::size_t listener = 0);
  [[nodiscard]] std::size_t accepted(std::size_t listener = 0) const {
    return world.accepted(world.listener_port(listener));
  }
  void inject(std::size_t org, model::OktaFault fault, std::size_t times = always);
  void inject_listener(model::ListenerFault fault, std::size_t times = always);
  void heal_listener();

 private:
  void end_daemon();
  /// For the next assertion that fails: the judge's findings and the end of the program's log.
  void tell();
  void look_for_secrets();

  sandbox::TempDir files_;
  Words secrets_;
  std::optional<Daemon> daemon_;
  std::string logs_;  ///< Logs of daemons that have ended.
};

/// A line that says `"possible_duplicate":true`.
[[nodiscard]] bool is_marked(std::string_view line);
/// The text of a member of a line, read naively; empty if there is none.
[[nodiscard]] std::string member(std::string_view line, std::string_view name);
[[nodiscard]] std::string read_whole(const std::filesystem::path& file);

struct HttpReply {
  int status = 0;
  std::string body;
};
/// GET from a port of 127.0.0.1; status 0 if nobody answers.
[[nodiscard]] HttpReply http_get(std::uint16_t port, const std::string& target,
                                 const std::string& host = "127.0.0.1");
/// A connection to a port of 127.0.0.1, with ten seconds of patience; none if nobody listens.
[[nodiscard]] sandbox::Fd connect_to(std::uint16_t port);
/// A port that was free a moment ago.
[[nodiscard]] std::uint16_t free_port();

}  // namespace logzio_okta::e2e
