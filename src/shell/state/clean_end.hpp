// CleanEnd: a small file beside the state that shows whether the state is unchanged since the last stop.
//
// A state that was copied after a clean stop and restored later claims a clean end, but lacks everything
// delivered since the copy: thousands of repeats would have no mark. A copy cannot preserve the time of the
// file's last change (ctime). It is recorded here once the state is closed, and compared at the next start.
//
//     "RUN\n"                                                                      before the end is recorded
//     "RUN SECONDS NANOSECONDS MTIME_SECONDS MTIME_NANOSECONDS SIZE UID GID MODE\n"  once the file is closed
//
// RUN is the start time of the ended run, from state.sqlite; the other values are of state.sqlite itself. If
// power fails between the two writes, the first counts.
//
// A change of only owner or mode, the cure for an unusable state, does not count as a copy. A restored disk
// (a snapshot of a volume or a virtual machine) cannot be detected.
#pragma once

#include <cstdint>
#include <string>

#include "shell/os/descriptor.hpp"

namespace logzio_okta {

/// Call before the state is marked as sealed; without a descriptor it cannot be sealed.
[[nodiscard]] Descriptor begin_clean_end(const std::string& dir, std::int64_t run);

/// Call once the state is closed. False if it could not be written.
bool seal_clean_end(const Descriptor& seal, const std::string& state_file, std::int64_t run);

/// Whether the file is as the clean end of that run left it; also false if the seal is missing or unreadable.
[[nodiscard]] bool is_as_sealed(const std::string& dir, const std::string& state_file, std::int64_t run);

/// While it exists, a command may change a state that no daemon holds; afterwards the seal is as valid as
/// before. It must outlive the open state.
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
