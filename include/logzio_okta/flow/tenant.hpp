// Tenant: a polled stream with its org, which the org's streams share, and the scheduler's data about it: its
// destination, and the memory to reserve for an answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/flow/org_facts.hpp"
#include "logzio_okta/flow/poller.hpp"
#include "logzio_okta/flow/source.hpp"

namespace logzio_okta {

struct Tenant final : Source {
  /// `began`: the start of this run; nothing if another replica may have followed it until it opens.
  Tenant(std::shared_ptr<Org> org_given, Poller poller_given, DestinationId destination_given,
         std::optional<Instant> began_given)
      : org(std::move(org_given)),
        poller(std::move(poller_given)),
        destination(destination_given),
        began(began_given) {}

  void opened(Now now, const Opened& opened) override;
  void saved(Now now, std::uint64_t number) override { poller.saved(now, number); }
  void settled(Now now, const Settlement& settlement) override {
    taken_over ? poller.settled_too_late(settlement) : poller.settled(now, settlement, facts());
  }
  void stop() override { poller.stop(); }
  void finish(Now now, bool doubtful) override {
    if (!taken_over) poller.finish(now, doubtful);
  }
  [[nodiscard]] std::optional<Output> next_output() override { return poller.next_output(); }
  [[nodiscard]] bool saves_pending() const override { return !taken_over && poller.saves_pending(); }
  [[nodiscard]] bool partly_settled() const override { return !taken_over && poller.partly_settled(); }
  [[nodiscard]] bool lost() const override { return taken_over; }

  [[nodiscard]] OrgFacts facts() const;
  /// The same for an answer, on which the org decided this.
  [[nodiscard]] OrgFacts facts_of_answer(Standing standing, CredentialId key) const;
  void watch_retention(Now now) {
    if (!taken_over) poller.watch_retention(now, facts());
  }
  /// Another replica follows it.
  [[nodiscard]] bool on_standby() const { return !holder.empty(); }
  /// Another replica may follow it: its org and its keys are left alone.
  [[nodiscard]] bool stands_back() const { return on_standby() || (!began && poller.opening()); }
  /// Learns the size of a full page of such events, plus a quarter.
  void learn_reserve(std::size_t wire_bytes, std::size_t events);
  /// Its report, with the org's part. `held`: its destination or the disk takes nothing at the moment.
  [[nodiscard]] TenantReport report(Now now, bool held) const;

  std::shared_ptr<Org> org;
  Poller poller;
  DestinationId destination;
  std::optional<Instant> began;
  std::set<DestinationId> left_behind{};      ///< Where lines from before a reload may still be in flight.
  std::size_t reserve = limits::ask_reserve;  ///< For an answer in flight.
  bool retired = false;                       ///< Removed by a reload; its last pages are in flight.
  bool abandoned = false;                     ///< Retired, and they will not arrive.
  bool taken_over = false;                    ///< Retired: another replica has taken its org.
  bool gives_way = false;   ///< Finishes what is in flight; then another replica may follow its org.
  std::string holder{};     ///< The replica that follows it; empty if that is us, or not known yet.
  Instant fresh_bulk_at{};  ///< Destination in trouble: when to ask for a fresh bulk.
  bool gave_up = false;     ///< --once: it cannot be finished.
  std::uint64_t delivered_at_summary = 0;
};

}  // namespace logzio_okta
