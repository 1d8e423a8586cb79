// Signals: the operator's signals, as a descriptor that the loop can wait for.
//
// TERM and INT ask for a clean end; a second one ends the process at once, even if the loop hangs in a disk
// access. HUP asks to read the keys again; it ends the process only if it was started from a terminal that is
// now gone, so that closing a window leaves no unseen daemon behind. nohup, setsid and services have no
// terminal. PIPE and XFSZ are ignored: a broken connection and a file size limit are failures like any other.
#pragma once

namespace logzio_okta {

/// Installs the handlers; one object per process.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  /// Readable when one of the two below has become true.
  [[nodiscard]] int fd() const;
  /// Call before asking; empties the descriptor.
  void drain();
  [[nodiscard]] bool stop_asked() const;
  /// True once for any number of HUPs since the last call.
  [[nodiscard]] bool take_reload_asked();
  /// Checks again whether the terminal is gone since a HUP, which the system may send a moment earlier. True
  /// if that is a reason to stop; stop_asked() is then true as well.
  bool look_for_terminal();

 private:
  bool had_terminal_ = false;
  bool hung_up_ = false;  ///< A HUP came while the terminal still existed.
};

}  // namespace logzio_okta
