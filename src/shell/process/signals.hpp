// Signals: what the operator says by kill, as something the loop can wait for.
//
// TERM and INT ask for an orderly end; a second one ends the process at once, even if the loop hangs in a
// disk. HUP asks to read the keys again; it ends us only where we were started from a terminal that is gone
// now, so that closing a window leaves no daemon behind that nobody sees. nohup, setsid and services have
// none. PIPE and XFSZ are ignored: a broken connection and a file that may not grow are failures like any
// other.
#pragma once

namespace logzio_okta {

/// Installs the handlers; one object a process.
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
  /// Looks once more whether the terminal has gone since a HUP: the system may send it a moment before. True
  /// if that is a reason to stop, which stop_asked() says from then on.
  bool look_for_terminal();

 private:
  bool had_terminal_ = false;
  bool hung_up_ = false;  ///< A HUP came, and the terminal was there at that moment.
};

}  // namespace logzio_okta
