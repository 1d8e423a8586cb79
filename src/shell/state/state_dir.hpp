// The state directory: where it is looked for, how it is made, and what to say when it cannot be used.
//
// Somebody who names a directory gets that one or an error. Otherwise the first of these that applies:
//     $STATE_DIRECTORY                 systemd's StateDirectory= (the first, if it lists several)
//     /var/lib/logzio-okta             if it exists or can be made
//     $XDG_STATE_HOME/logzio-okta      else ~/.local/state/logzio-okta
// A directory that exists but is not ours to use is taken all the same, so that the store refuses it with the
// cure: searching on would be a fresh start behind the operator's back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

/// The file in the state directory that holds the state.
inline constexpr const char* state_file_name = "state.sqlite";

/// What the search looks at; empty strings are unset variables.
struct StateDirSearch {
  std::optional<std::string> given;  ///< --state-dir or LOGZIO_OKTA_STATE_DIR.
  std::string state_directory;       ///< $STATE_DIRECTORY
  std::string xdg_state_home;  ///< $XDG_STATE_HOME; a relative one is ignored, as its specification says.
  std::string home;            ///< $HOME
  std::string system = "/var/lib/logzio-okta";

  /// The search of this process.
  static StateDirSearch of_environment(std::optional<std::string> given);
};

struct StateDir {
  std::string path;
  std::vector<std::string> warnings;  ///< One line each, for the log.
};

/// Chooses, and makes the directory where it is missing. The error is exit code 74.
[[nodiscard]] Result<StateDir> find_state_dir(const StateDirSearch& search);

/// What `check` says of the place find_state_dir() would choose. Nothing is left behind, and the lock is left
/// alone, so that a running daemon does not notice.
struct StateDirLook {
  std::string path;
  bool exists = false;
  bool has_state = false;                   ///< There is a state file in it.
  unsigned owner = 0;                       ///< Of the directory, or of the first parent that is there.
  unsigned mode = 0;                        ///< Its permission bits.
  std::optional<std::uint64_t> free_bytes;  ///< On its disk, for us; where the disk tells.
  std::optional<std::string> problem;       ///< Why it cannot be used, and the cure.
  std::vector<std::string> warnings;        ///< state_mode_warnings(), and a disk that is nearly full.
};
/// Writes to its disk for a moment, in a file without a name: only that tells whether it is full.
[[nodiscard]] StateDirLook look_at_state_dir(const StateDirSearch& search);

/// Makes a directory and its missing parents, mode 0700, each durably; one that is there, be it a file, stays
/// as it is. 0, or an errno.
[[nodiscard]] int make_directories(const std::string& path);
/// The path, or the nearest of its parents if it is yet to be made; else an errno.
[[nodiscard]] std::expected<std::string, int> first_that_exists(const std::string& path);
/// Whether a file could be made in a directory that is there, and a save would find room: 0, or an errno.
/// Leaves no name behind.
[[nodiscard]] int try_to_write(const std::string& dir);
/// make_directories() for the state; the error says what cures it.
[[nodiscard]] Result<void> make_state_dir(const std::string& path);

/// One line if every user of the machine may write to the directory or to a file of ours in it.
[[nodiscard]] std::vector<std::string> state_mode_warnings(const std::string& dir);
/// Whether the group root has the directory as its owner has, as in the image and after hand_over(): then
/// what is made in it is made for both, so that root without capabilities, or another user of that group, can
/// go on with it.
[[nodiscard]] bool is_shared_with_root(const std::string& dir);
/// Sees to it that what SQLite will make in a shared directory of ours is of group root too.
void keep_group_of(const std::string& dir);
/// The mode and group of a file that we have just made in the directory: 0600, or 0660 and group root where
/// it is shared, whatever the umask.
void fit_state_file(int fd, const std::string& dir);

/// What an errno means for a state directory and what cures it, with the user we run as:
/// "Permission denied; logzio-okta runs as uid 1000: chown -R 1000 /var/lib/logzio-okta".
[[nodiscard]] std::string explain_state_errno(int error, const std::string& dir);

/// Makes the names in a directory survive a power cut. False leaves the reason in errno.
[[nodiscard]] bool sync_directory(const std::string& dir);

}  // namespace logzio_okta
