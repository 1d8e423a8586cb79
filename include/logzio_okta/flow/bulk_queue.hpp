// BulkQueue: a shipper's sealed bulks until they are settled, in order: which one is sent next, which one an
// answer is about, and which streams have lines in them.
//
//     queue.push(open.seal());
//     if (auto due = queue.next_due(now, healthy); due != queue.end()) queue.sent(due, id, now, patience);
//     if (auto bulk = queue.find(id); bulk != queue.end()) queue.erase(bulk);  // Settled.
//
// Rationale: a list, because a bulk keeps its place while it is in flight, and two halves take the place of
// the bulk that they came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <set>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/bulk_parts.hpp"
#include "logzio_okta/flow/waiting_bulk.hpp"

namespace logzio_okta {

class BulkQueue {
 public:
  using Bulks = std::list<WaitingBulk>;
  using Iterator = Bulks::iterator;

  void push(WaitingBulk&& sealed) { bulks_.push_back(std::move(sealed)); }
  /// The bulk to send now: in order, the newest events before backlogs; but in trouble the bulk tried least,
  /// so that one bad bulk is not mistaken for trouble with all of them. `end()` if none is due.
  [[nodiscard]] Iterator next_due(Instant now, bool healthy);
  void sent(Iterator bulk, BulkId id, Instant now, int patience);
  /// The bulk in flight under this id, or `end()`.
  [[nodiscard]] Iterator find(BulkId id);
  void halve(Iterator bulk, std::uint64_t passed);
  void erase(Iterator bulk) { bulks_.erase(bulk); }
  /// Ends every wait of a bulk for its own next attempt.
  void try_at_once(Instant now);
  /// When the first bulk that is not in flight is due; `never` if there is none.
  [[nodiscard]] Instant due_at() const;

  /// Takes the stream's lines out of the bulks that are not in flight.
  [[nodiscard]] std::vector<GivenLine> give_back(StreamId stream);
  /// Drops bulks not in flight whose lines all belong to these streams.
  void drop(const std::set<StreamId>& forgotten);
  [[nodiscard]] bool holds(StreamId stream) const;
  [[nodiscard]] bool has_in_flight(StreamId stream) const;
  /// Adds the streams with lines that may have been taken.
  void add_doubtful(std::set<StreamId>& streams) const;

  [[nodiscard]] bool empty() const { return bulks_.empty(); }
  [[nodiscard]] std::size_t size() const { return bulks_.size(); }
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] std::size_t held_bytes() const;
  [[nodiscard]] Bulks::const_iterator begin() const { return bulks_.begin(); }
  [[nodiscard]] Bulks::const_iterator end() const { return bulks_.end(); }
  [[nodiscard]] Iterator end() { return bulks_.end(); }

 private:
  Bulks bulks_;
  int urgent_in_a_row_ = 0;  ///< Urgent bulks sent in a row.
};

}  // namespace logzio_okta
