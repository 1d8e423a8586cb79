// The state directory: where it is searched, how it is created, and the errors if it cannot be used.
//
// A named directory is used, or is an error. Otherwise the first of these that applies:
//     $STATE_DIRECTORY                 systemd's StateDirectory= (the first, if it lists several)
//     /var/lib/logzio-okta             if it exists or can be created
//     $XDG_STATE_HOME/logzio-okta      else ~/.local/state/logzio-okta
// A directory that exists but that we may not use is still chosen, so that the store refuses it with the
// cure: searching on would silently start afresh.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

/// The file in the state directory that holds the state.
inline constexpr const char* state_file_name = "state.sqlite";

/// The inputs of the search; empty strings are unset variables.
struct StateDirSearch {
  std::optional<std::string> given;  ///< --state-dir or LOGZIO_OKTA_STATE_DIR.
  std::string state_directory;       ///< $STATE_DIRECTORY
  std::string xdg_state_home;        ///< $XDG_STATE_HOME; a relative path is ignored, by its specification.
  std::string home;                  ///< $HOME
  std::string system = "/var/lib/logzio-okta";

  /// The search of this process.
  static StateDirSearch of_environment(std::optional<std::string> given);
};

struct StateDir {
  std::string path;
  std::vector<std::string> warnings;  ///< One line each, for the log.
};

/// Chooses the directory and creates it if it is missing. An error means exit code 74.
[[nodiscard]] Result<StateDir> find_state_dir(const StateDirSearch& search);

/// What `check` reports about the directory that find_state_dir() would choose. It leaves nothing behind and
/// does not touch the lock, so a running daemon does not notice.
struct StateDirLook {
  std::string path;
  bool exists = false;
  bool has_state = false;                   ///< There is a state file in it.
  unsigned owner = 0;                       ///< Owner of the directory, or of its nearest existing parent.
  unsigned mode = 0;                        ///< Its permission bits.
  std::optional<std::uint64_t> free_bytes;  ///< On its disk, for us; if the disk reports it.
  std::optional<std::string> problem;       ///< Why it cannot be used, and the cure.
  std::vector<std::string> warnings;        ///< state_mode_warnings(), and a disk that is nearly full.
};
/// Briefly writes to its disk, in a file without a name: only that shows whether it is full.
[[nodiscard]] StateDirLook look_at_state_dir(const StateDirSearch& search);

/// Anything has this name, a dangling link too. False if it cannot be examined.
[[nodiscard]] bool exists(const std::string& path);
/// Creates a directory and its missing parents, mode 0700, each durably; an existing path, even a file, stays
/// unchanged. 0, or an errno.
[[nodiscard]] int make_directories(const std::string& path);
/// The path, or its nearest existing parent; else an errno.
[[nodiscard]] std::expected<std::string, int> first_that_exists(const std::string& path);
/// Whether a file can be created in an existing directory, with room for a save: 0, or an errno. Leaves
/// nothing behind.
[[nodiscard]] int try_to_write(const std::string& dir);
/// make_directories() for the state; the error has the cure.
[[nodiscard]] Result<void> make_state_dir(const std::string& path);

/// One line if every user of the machine may write to the directory or to one of our files in it.
[[nodiscard]] std::vector<std::string> state_mode_warnings(const std::string& dir);
/// Whether group root has the same rights in the directory as its owner, as in the image and after
/// hand_over(). Then new files are made for both, so that root without capabilities, or another user of that
/// group, can continue with them.
[[nodiscard]] bool is_shared_with_root(const std::string& dir);
/// Makes files that SQLite creates in a shared directory belong to group root too.
void keep_group_of(const std::string& dir);
/// Sets the mode and group of a file just created in the directory: 0600, or 0660 and group root if it is
/// shared, whatever the umask.
void fit_state_file(int fd, const std::string& dir);

/// What an errno means for a state directory, and the cure, with our own user:
/// "Permission denied; logzio-okta runs as uid 1000: chown -R 1000 /var/lib/logzio-okta".
[[nodiscard]] std::string explain_state_errno(int error, const std::string& dir);

/// Makes the names in a directory survive a power failure. False with the reason in errno.
[[nodiscard]] bool sync_directory(const std::string& dir);

}  // namespace logzio_okta
