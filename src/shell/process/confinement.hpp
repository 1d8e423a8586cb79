// Confinement: what the daemon, once it has started, forbids itself for good.
//
// By then everything is open, and what is left to do is small: connect, accept, look names up, read files
// that people change, and write in the state directory and that of the copies. A bug in a parser that let a
// stranger in would let him into this:
// - no program can be started and no process made (threads can: libcurl looks names up in one),
// - no file is made, changed, renamed or removed but in those (Landlock), and no directory is made but in
//   that of the copies, where each destination has its own,
// - no odd kind of socket, no memory that is both written and executed, no debugger, mount, name space, key,
//   module, BPF, io_uring, clock, signal to others, nor typing into the terminal it was started from.
//
// What is read is left to users and modes: a tenants file may name a new key's file in a new place at any
// time. A kernel or a container without one of the two goes without it.
#pragma once

#include <string>
#include <vector>

namespace logzio_okta {

struct Confinement {
  std::string files_open;  ///< Why Landlock is not in force; empty if it is.
  std::string calls_open;  ///< Why seccomp is not.
};

struct WritableDir {
  std::string path;
  bool makes_directories = false;  ///< In it; else only files.
};

/// For this thread, those it starts from now on, and whatever they may become. Before the first of them.
[[nodiscard]] Confinement confine(const std::vector<WritableDir>& writable_dirs);

}  // namespace logzio_okta
