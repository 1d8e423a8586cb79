// Source: what any source of events is to the scheduler, whatever it reads from: a tenant that is polled, an
// org that pushes, and what comes after them.
//
// It begins by asking for its place (OpenStream) and is told what came of everything it hands on. It never
// knows who ships its events: the scheduler takes batches to destinations and settlements back.
#pragma once

#include <cstdint>
#include <optional>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/message.hpp"

namespace logzio_okta {

class Source {
 public:
  Source() = default;
  Source(const Source&) = default;
  Source(Source&&) = default;
  Source& operator=(const Source&) = default;
  Source& operator=(Source&&) = default;
  virtual ~Source() = default;

  virtual void opened(Now now, const Opened& opened) = 0;
  /// This save and all before it are on disk.
  virtual void saved(Now now, std::uint64_t number) = 0;
  virtual void settled(Now now, const Settlement& settlement) = 0;

  /// Asks and reads nothing from now on; what is on its way is still settled and saved.
  virtual void stop() = 0;
  /// The last words before an orderly end. `doubtful`: some of it may have been taken without our knowing.
  virtual void finish(Now now, bool doubtful) = 0;

  /// Things to do, in order.
  [[nodiscard]] virtual std::optional<Output> next_output() = 0;
  [[nodiscard]] virtual bool saves_pending() const = 0;
  /// Something is only partly settled, or part of it may have arrived.
  [[nodiscard]] virtual bool partly_settled() const = 0;
  /// Another replica has taken it: what is on its way is still counted, but no longer saved.
  [[nodiscard]] virtual bool lost() const = 0;
};

}  // namespace logzio_okta
