// Ledger: the judge. Holds what was issued against what was delivered, and believes nobody's counters.
//
//     Ledger ledger;
//     ledger.issue("acme.okta.com", event_bytes);
//     ledger.deliver(line);              // each line the listener has taken, in order
//     Judgement judgement = ledger.judge();
//     REQUIRE(judgement.proven());
//
// A line proves an event's delivery if the event's bytes are in it, unchanged from after the opening brace to
// the end (line breaks between the tokens of a pretty-printed event may have become spaces), under the right
// tenant name. A line that has a known event's uuid but other bytes is an alteration; one that maps to no
// event is alien. The second and any later delivery of an event must be marked as a possible duplicate,
// unless the event's own `logzio_okta` key leaves no room for the mark.
//
// Keeps hashes, not bytes: about a hundred bytes an event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/events.hpp"

namespace logzio_okta::model {

/// The event as it is in a line: line breaks outside of strings have become spaces.
[[nodiscard]] std::string on_one_line(std::string_view event);

struct Judgement {
  std::size_t issued = 0;
  std::size_t expected = 0;          ///< Issued events that belong in Logz.io, whole or reduced.
  std::size_t delivered = 0;         ///< Expected events found at least once.
  std::size_t missing = 0;           ///< Expected events that were not found.
  std::size_t repeats = 0;           ///< Further deliveries of an event already delivered.
  std::size_t repeats_unmarked = 0;  ///< Repeats that do not say so.
  std::size_t marked = 0;            ///< Lines that say "possible_duplicate", repeats or not.
  std::size_t reduced = 0;
  std::size_t altered = 0;            ///< Known by uuid, but other bytes.
  std::size_t misnamed = 0;           ///< Under another tenant's name.
  std::size_t alien = 0;              ///< Lines that match no event.
  std::size_t unwelcome = 0;          ///< Lines of an event that should have been set aside.
  std::vector<std::string> findings;  ///< The first few that are wrong, for people to read.

  /// Nothing missing, altered, misnamed, alien, unwelcome, or repeated without a mark.
  [[nodiscard]] bool proven() const {
    return missing + repeats_unmarked + altered + misnamed + alien + unwelcome == 0;
  }
  /// "3000 issued, 3000 delivered, 0 missing, ..."
  [[nodiscard]] std::string summary() const;
};

class Ledger {
 public:
  /// An event is in Okta's log. `tenant` is what `tenant_name` must say. `ahead`: it was there before the
  /// moment at which it says that it was published.
  void issue(std::string_view tenant, std::string_view event, Fate fate = Fate::whole, bool ahead = false);
  void deliver(std::string_view line);
  /// The state that knew of them is lost: what comes a second time as something older than a new beginning
  /// ("backfill") has told its reader why. Nothing shows that an event published ahead is older.
  void forget_deliveries();
  /// Several replicas deliver: what one of them has on its way may arrive after the marked copy of the one
  /// that took over. So a mark on all copies but one is enough, in whatever order they arrive.
  void expect_overtaken_copies() { overtaken_copies_ = true; }
  /// Such a member may be in front of an event.
  void allow_field(std::string name) { fields_.push_back(std::move(name)); }

  [[nodiscard]] Judgement judge() const;
  [[nodiscard]] std::size_t issued(std::string_view tenant) const;
  [[nodiscard]] std::size_t delivered(std::string_view tenant) const;  ///< Distinct events.
  /// Every event that belongs in Logz.io has been delivered.
  [[nodiscard]] bool complete() const { return expected_ == delivered_; }

 private:
  struct Issued {
    std::uint32_t tenant = 0;
    std::uint32_t deliveries = 0;
    std::uint32_t unmarked = 0;  ///< Of the deliveries.
    std::size_t bytes = 0;
    std::string uuid;
    Fate fate = Fate::whole;
    bool markable = true;
    bool ahead = false;         ///< By its own date, published after it was issued.
    bool forgotten = false;     ///< Its delivery was forgotten.
    bool names_tenant = false;  ///< Has its own `tenant_name`.
  };
  struct Tenant {
    std::string name;
    std::size_t issued = 0;
    std::size_t delivered = 0;
  };
  /// What a line says about itself.
  struct Reading;

  [[nodiscard]] std::uint32_t tenant_index(std::string_view name);
  [[nodiscard]] Issued* find_whole(const Reading& reading);
  [[nodiscard]] Issued* find_reduced(const Reading& reading);
  [[nodiscard]] Issued* choose(const std::vector<std::uint32_t>& candidates, const Reading& reading);
  void count(Issued& event, const Reading& reading);
  void find(std::size_t& counter, std::string text);

  bool overtaken_copies_ = false;
  std::vector<Issued> events_;
  std::vector<Tenant> tenants_;
  std::map<std::string, std::uint32_t, std::less<>> tenants_by_name_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_bytes_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_uuid_;
  std::size_t expected_ = 0;
  std::size_t delivered_ = 0;
  std::vector<std::string> fields_;
  Judgement so_far_;
};

}  // namespace logzio_okta::model
