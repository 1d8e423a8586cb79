#include "logzio_okta/flow/bulk_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

BulkQueue::Iterator BulkQueue::next_due(Instant now, bool healthy) {
  auto best = bulks_.end();
  for (auto it = bulks_.begin(); it != bulks_.end(); ++it) {
    if (it->in_flight || it->not_before > now) continue;
    if (healthy && it->urgent && urgent_in_a_row_ < limits::urgent_bulks_in_a_row) return it;
    if (best == bulks_.end() || (!healthy && it->tries < best->tries)) best = it;
  }
  return best;
}

void BulkQueue::sent(Iterator bulk, BulkId id, Instant now, int patience) {
  CHECK(!bulk->in_flight);
  urgent_in_a_row_ = bulk->urgent ? urgent_in_a_row_ + 1 : 0;
  bulk->in_flight = id;
  bulk->sent_at = now;
  bulk->patience = patience;
}

BulkQueue::Iterator BulkQueue::find(BulkId id) {
  return std::ranges::find_if(bulks_, [&](const WaitingBulk& waiting) { return waiting.in_flight == id; });
}

void BulkQueue::halve(Iterator bulk, std::uint64_t passed) {
  auto [first, second] = bulk->halve(passed);
  bulks_.insert(bulk, std::move(first));
  bulks_.insert(bulk, std::move(second));
  bulks_.erase(bulk);
}

void BulkQueue::try_at_once(Instant now) {
  for (WaitingBulk& waiting : bulks_) waiting.not_before = std::min(waiting.not_before, now);
}

Instant BulkQueue::due_at() const {
  Instant when = never;
  for (const WaitingBulk& waiting : bulks_) {
    if (!waiting.in_flight) when = std::min(when, waiting.not_before);
  }
  return when;
}

std::vector<GivenLine> BulkQueue::give_back(StreamId stream) {
  std::vector<GivenLine> given;
  for (auto it = bulks_.begin(); it != bulks_.end();) {
    if (it->in_flight || !has_lines_of(it->bulk.pieces, stream)) {
      ++it;
      continue;
    }
    Parted parted = without_stream(it->bulk, stream, it->perhaps_taken);
    std::ranges::move(parted.given, std::back_inserter(given));
    if (!parted.kept) {
      it = bulks_.erase(it);
    } else {
      it->bulk = std::move(*parted.kept);
      ++it;
    }
  }
  return given;
}

void BulkQueue::drop(const std::set<StreamId>& forgotten) {
  std::erase_if(bulks_, [&](const WaitingBulk& waiting) {
    return !waiting.in_flight && has_only_lines_of(waiting.bulk.pieces, forgotten);
  });
}

bool BulkQueue::holds(StreamId stream) const {
  return std::ranges::any_of(
      bulks_, [&](const WaitingBulk& waiting) { return has_lines_of(waiting.bulk.pieces, stream); });
}

bool BulkQueue::has_in_flight(StreamId stream) const {
  return std::ranges::any_of(bulks_, [&](const WaitingBulk& waiting) {
    return waiting.in_flight && has_lines_of(waiting.bulk.pieces, stream);
  });
}

void BulkQueue::add_doubtful(std::set<StreamId>& streams) const {
  for (const WaitingBulk& waiting : bulks_) {
    if (!waiting.in_flight && !waiting.perhaps_taken) continue;
    for (const Piece& piece : waiting.bulk.pieces) streams.insert(piece.stream);
  }
}

std::size_t BulkQueue::in_flight() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(bulks_, [](const WaitingBulk& w) { return w.in_flight.has_value(); }));
}

std::size_t BulkQueue::held_bytes() const {
  std::size_t bytes = 0;
  for (const WaitingBulk& waiting : bulks_) bytes += waiting.bulk.held_bytes();
  return bytes;
}

}  // namespace logzio_okta
