// Confinement: the restrictions that the daemon imposes on itself for good once it has started.
//
// By then everything is open, and little is left to do: connect, accept, resolve names, read files that
// people change, and write in the state directory and that of the copies. An attacker who gets in through a
// bug in a parser finds these limits:
// - no program can be started and no process created (threads can: libcurl resolves names in one),
// - files are created, changed, renamed or removed only in those directories (Landlock), and directories only
//   in that of the copies, where each destination has its own,
// - no unusual kind of socket, no memory that is both written and executed, no debugger, mount, name space,
//   key, module, BPF, io_uring, clock change, signal to others, or input to the terminal it was started from.
//
// Reading is limited only by users and modes: a tenants file may name a new key file in a new place at any
// time. If a kernel or a container lacks one of the two mechanisms, the daemon runs without it.
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
  bool makes_directories = false;  ///< May create directories in it; else only files.
};

/// Applies to this thread and to all that it starts later. Call before the first of them.
[[nodiscard]] Confinement confine(const std::vector<WritableDir>& writable_dirs);

}  // namespace logzio_okta
