// Control: instructions to the library inside the daemon's process, through a file that both have mapped.
#pragma once

#include <atomic>
#include <cstdint>

namespace logzio_okta::torture {

inline constexpr const char* control_variable = "LOGZIO_OKTA_TORTURE";
/// A file to which the library, while `power_may_fail`, appends what a power cut would leave of the state:
/// records "WHAT SIZE", a line feed and SIZE bytes; the last record of each kind counts. WHAT is an inode,
/// for the content of a file at its last sync, or "names", for a line "NAME INODE" for each name of the
/// directory at its own.
inline constexpr const char* safe_variable = "LOGZIO_OKTA_TORTURE_SAFE";
/// A name that only the library resolves, to 127.0.0.1.
inline constexpr const char* proxy_host = "proxy.sandbox";

struct Control {
  std::atomic<std::int64_t> clock_offset_ms{0};  ///< Added to the wall clock.
  std::atomic<std::uint32_t> fsync_fails{0};     ///< How many in a thousand syncs of the state.
  std::atomic<std::uint32_t> write_fails{
      0};  ///< How many in a thousand writes; half of them write a part first.
  std::atomic<std::uint32_t> fsync_delay_us{0};
  std::atomic<std::uint32_t> dns_gone{0};
  std::atomic<std::uint32_t> die_at_write{0};  ///< How many writes from now, in the middle of one. 0: never.
  std::atomic<std::uint32_t> die_at_sync{0};   ///< How many syncs from now, before it is done. 0: never.
  std::atomic<std::uint32_t> power_may_fail{0};
  std::atomic<std::uint32_t> faults{
      0};  ///< Counts the faults made, so that a fault that never came is noticed.
};

}  // namespace logzio_okta::torture
