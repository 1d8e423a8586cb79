// Disk: the state file as shell/state/store.hpp promises it, with the failures a disk has.
//
// Saves wait in memory until a commit makes all of them durable at once; a crash loses what waits. A commit
// may fail (everything stays and is tried again) or be slow. What `unclean` means for a run and for a stream
// is the store's own rule: the first opening after an unclean end sets it for all streams, a stream's next
// save clears its own, and a stream opened twice in a run is unclean the second time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/place.hpp"

#include "model/spool.hpp"

namespace logzio_okta::sim {

class Disk {
 public:
  struct Stream {
    bool unclean = false;
    bool overtaken = false;
    Place place;
    std::map<std::uint64_t, WindowRow> rows;
    std::multimap<std::uint64_t, std::vector<EventHash>> in_flight;  ///< By page.
    bool in_flight_known = true;
  };

  /// Everything in the file.
  struct Copy {
    std::map<std::string, Stream> streams;
    model::Spool spool;
  };

  /// A run begins.
  void open();
  [[nodiscard]] Opened answer(const OpenStream& request);
  [[nodiscard]] WindowRead answer(const ReadWindow& request) const;
  [[nodiscard]] SpoolRead answer(const ReadSpool& request) const {
    return spool_.read(keys_.at(request.stream), request);
  }
  void save(Save&& save) { queue_.push_back(std::move(save)); }
  /// Kept at once, by the system's memory; or, while the disk fails, with the next commit.
  void note(NoteInFlight&& note, bool fails);
  [[nodiscard]] bool notes_written() const { return notes_.empty(); }
  /// The machine goes down with the run, and notes may be lost.
  void lose_power();
  void save(SpoolEvents&& events) { spool_queue_.push_back(std::move(events)); }
  [[nodiscard]] bool waiting() const { return !queue_.empty() || !spool_queue_.empty(); }
  /// A commit failed: what should have been spooled is refused, the saves stay.
  [[nodiscard]] std::vector<Spooled> refuse_spool();
  /// Makes what waits durable; returns the answers to it, one per stream.
  [[nodiscard]] std::vector<Input> commit();
  /// The run ends cleanly, having committed: the next one finds a clean end.
  void close_clean() { clean_ = true; }
  /// The run is over; what waits is lost.
  void crash() {
    queue_.clear();
    spool_queue_.clear();
    notes_.clear();
  }
  /// The file as a clean end has left it.
  [[nodiscard]] Copy copy() const { return {.streams = streams_, .spool = spool_}; }
  /// Between two runs: the file is gone, or it is not a state file and is moved aside.
  void lose() { put_back({}); }
  /// Likewise: an older copy takes its place. The store knows that it is not from its last end (store.hpp).
  void put_back(Copy copy) {
    streams_ = std::move(copy.streams);
    spool_ = std::move(copy.spool);
    clean_ = true;
    for (auto& [key, stream] : streams_) stream.unclean = stream.overtaken = true;
  }
  [[nodiscard]] const model::Spool& spool() const { return spool_; }

  [[nodiscard]] const std::map<std::string, Stream>& streams() const { return streams_; }

  /// Called before each save becomes durable.
  std::function<void(const std::string& key, const Save& save)> on_durable;

 private:
  /// The stream as it will be once what waits is durable.
  [[nodiscard]] Stream view(const std::string& key) const;
  static void apply(Stream& stream, const Save& save);
  /// With at most this many events, oldest first.
  [[nodiscard]] static std::vector<WindowRow> newest_rows(const Stream& stream, std::size_t events_max);

  bool clean_ = true;
  std::map<std::string, Stream> streams_;
  std::map<StreamId, std::string> keys_;
  std::deque<Save> queue_;
  std::deque<SpoolEvents> spool_queue_;
  std::deque<NoteInFlight> notes_;  ///< Notes that could not be kept.
  model::Spool spool_;
};

}  // namespace logzio_okta::sim
