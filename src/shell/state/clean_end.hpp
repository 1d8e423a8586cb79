// CleanEnd: a small file beside the state that tells whether the state is still the one of the last stop.
//
// A state that was copied after a clean stop and put back later says itself that it ended in order, though
// what was delivered since the copy is not in it: thousands of repeats without a mark. What no copy can carry
// is the moment at which the system last changed the file (ctime). It is noted here once the state is closed,
// and compared at the next start.
//
//     "RUN\n"                                                                      before the end is noted
//     "RUN SECONDS NANOSECONDS MTIME_SECONDS MTIME_NANOSECONDS SIZE UID GID MODE\n"  once the file is closed
//
// RUN is when the run began that ended, as state.sqlite has it; the others are of state.sqlite. Where power
// fails between the two, the first is believed.
//
// A change of owner or mode alone, the cure for a state that cannot be used, is not taken for a copy. What
// puts the whole disk back (a snapshot of a volume or of a virtual machine) cannot be noticed.
#pragma once

#include <cstdint>
#include <string>

#include "shell/os/descriptor.hpp"

namespace logzio_okta {

/// Before the state says that it is sealed; without a descriptor it cannot be.
[[nodiscard]] Descriptor begin_clean_end(const std::string& dir, std::int64_t run);

/// Once the state is closed. False if it could not be written.
bool seal_clean_end(const Descriptor& seal, const std::string& state_file, std::int64_t run);

/// Whether the file is as the clean end of that run left it; false too where the seal is missing or
/// unreadable.
[[nodiscard]] bool is_as_sealed(const std::string& dir, const std::string& state_file, std::int64_t run);

/// While it lives, a command changes a state that it has to itself; afterwards the seal is as good as before.
/// Outlives whatever has the state open.
class KeptSeal {
 public:
  explicit KeptSeal(std::string dir, std::string state_file);
  KeptSeal(KeptSeal&& other) noexcept;
  KeptSeal& operator=(KeptSeal&&) = delete;
  ~KeptSeal();

 private:
  std::string dir_;
  std::string state_file_;
  std::int64_t run_ = 0;
  bool was_whole_ = false;
};

}  // namespace logzio_okta
