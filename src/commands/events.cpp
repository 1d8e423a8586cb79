#include "commands/events.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/random.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/inspect/log_reader.hpp"

#include "shell/net/curl_client.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/clock.hpp"
#include "shell/output/printing.hpp"
#include "shell/output/progress.hpp"
#include "shell/process/harden.hpp"
#include "shell/process/privileges.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/tenants_file.hpp"

namespace logzio_okta {
namespace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
  return seed;
}

/// The entries of the named tenant, or of the only one.
Result<std::vector<TenantEntry>> choose(std::vector<TenantEntry>&& entries,
                                        std::optional<std::string_view> named) {
  std::optional<Domain> wanted;
  if (named) {
    auto parsed = Domain::parse(*named);
    if (!parsed) return fail("--tenant: " + parsed.error().text);
    wanted = std::move(*parsed);
  } else {
    const bool one = std::ranges::all_of(
        entries, [&](const TenantEntry& each) { return each.domain == entries.front().domain; });
    if (!one)
      return fail("there are several tenants; name one with --tenant, for example --tenant " +
                  entries.front().domain.name());
    wanted = entries.front().domain;
  }
  // By its name, as status shows it: without the http:// of a test server.
  const auto is_another = [&](const TenantEntry& each) { return each.domain.name() != wanted->name(); };
  if (std::ranges::all_of(entries, is_another))
    return fail("--tenant: " + not_among(wanted->name(), entries));
  std::erase_if(entries, is_another);
  return std::move(entries);
}

WallTime moment(const Since& since, WallTime now) {
  const auto* ago = std::get_if<SinceAgo>(&since);
  return ago != nullptr ? now - to_ms(ago->ago) : std::get<SinceAt>(since).at;
}

class Printer {
 public:
  Printer(LogReader& reader, CurlClient& client, const LogReader::Span& span)
      : reader_(reader),
        client_(client),
        progress_(stderr),
        // If the events scroll by on the same terminal, they show the progress.
        draws_(progress_.drawing() && span.until && !terminal_) {}

  /// False, with errno, if the output can no longer be written.
  bool run() {
    while (!reader_.done()) {
      if (const auto mint = reader_.next_mint(now())) client_.mint(*mint);
      if (const auto ask = reader_.next_ask(now())) client_.ask(*ask);
      const Instant until = reader_.deadline(now());
      client_.wait(
          {}, std::min<Duration>(until == never ? 1s : std::max<Duration>(until - steady_now(), 0s), 1s));
      while (auto input = client_.next_answer()) {
        if (const auto* token = std::get_if<TokenAnswer>(&*input)) reader_.minted(now(), *token);
        if (auto* answer = std::get_if<OktaAnswer>(&*input); answer != nullptr && !print(std::move(*answer)))
          return false;
      }
      say();
      draw();
    }
    progress_.clear();
    return true;
  }

 private:
  bool print(OktaAnswer&& answer) {
    for (const std::string_view event : reader_.answered(now(), std::move(answer))) {
      if (!print_event(event)) return false;
    }
    return std::fflush(stdout) == 0;
  }

  /// On a terminal a line stays one line.
  [[nodiscard]] bool print_event(std::string_view event) const {
    if (!terminal_) return logzio_okta::print(stdout, event) && logzio_okta::print(stdout, "\n");
    return logzio_okta::print(stdout, harmless(event) + "\n");
  }

  void say() {
    while (const auto note = reader_.next_note()) {
      progress_.clear();
      logzio_okta::print(stderr, note->tenant + ": " + note->text + "\n");
    }
  }

  void draw() {
    if (!draws_ || !reader_.moments()) return;
    const LogReader::Moments& span = *reader_.moments();
    const double whole = std::chrono::duration<double>(*span.until - span.since).count();
    const double read =
        std::chrono::duration<double>(reader_.reached().value_or(span.since) - span.since).count();
    const double share = whole > 0 ? read / whole : 1;
    progress_.draw(steady_now(),
                   progress_bar(share) + " " +
                       progress_text(share, reader_.reached(), reader_.events(), steady_now() - started_));
  }

  LogReader& reader_;
  CurlClient& client_;
  ProgressLine progress_;
  bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
  bool draws_;
  Instant started_ = steady_now();
};

}  // namespace

int events(Settings settings, const Environment& environment) {
  harden_process();
  std::signal(SIGPIPE, SIG_IGN);
  auto tenants = find_tenants(settings.options.tenants, environment);
  if (!tenants) return refuse(exit_configuration, tenants.error().text);
  auto entries = choose(std::move(tenants->entries), settings.value_of("tenant"));
  if (!entries) return refuse(exit_configuration, entries.error().text);

  const WallTime wall = wall_now();
  LogReader::Span span{.since = settings.options.policy.since, .until = SinceAgo{}};
  if (const auto until = settings.value_of("until")) {
    if (settings.has("follow")) return refuse(exit_usage, "--until and --follow cannot be combined");
    const auto parsed = parse_since(*until, wall);
    if (!parsed) return refuse(exit_configuration, "--until: " + parsed.error().text);
    span.until = *parsed;
  }
  if (settings.has("follow")) span.until.reset();
  if (span.until && moment(*span.until, wall) < moment(span.since, wall))
    return refuse(exit_configuration, "--until is before --since");

  auto trust = Trust::load(settings.options.ca_file);
  if (!trust) return refuse(exit_configuration, trust.error().text);
  if (const auto& warning = trust->warning()) print(stderr, *warning + "\n");
  if (settings.options.user) {
    // All files that only root may read have been read.
    if (auto became = give_up_privileges(*settings.options.user); !became)
      return refuse(exit_configuration, became.error().text);
  }
  Keyring keyring;
  TenantSpec spec = std::move(keyring.replace(std::move(*entries)).tenants.front());
  spec.query = {.filter = std::string(settings.value_of("filter").value_or("")),
                .q = std::string(settings.value_of("keywords").value_or(""))};
  auto client = CurlClient::create(keyring, *trust, settings.proxy);
  if (!client) return refuse(exit_configuration, client.error().text);

  LogReader reader(now(), spec, span, settings.options.policy, Random(random_seed()));
  if (!Printer(reader, **client, span).run()) {
    const int why = errno;
    if (why == EPIPE) return 0;  // The reader has closed the pipe.
    return refuse(exit_state, "cannot write to standard output: " + std::generic_category().message(why) +
                                  "; the output is incomplete");
  }
  if (reader.failure()) return refuse(exit_unavailable, *reader.failure());
  return 0;
}

}  // namespace logzio_okta
