// Copies: what the listener has taken, kept in files as well (--copy-to).
//
//     auto copies = Copies::open(dir);
//     if (!copies) return give_up(copies.error());
//     copies->add(copy);                       // For each KeepCopy.
//     if (auto kept = copies->sync(wall); !kept) hold_saves(kept.error());  // First.
//     copies->finish_hours(wall);              // Now and then.
//     auto closed = copies->close(wall);       // Else the next start does it.
//
// A bulk is one gzip member, and members one after the other are a gzip file: a copy costs a write and no
// compression, and zcat reads it.
//
//     DIR/default/2026-11-27T18.ndjson.gz           of an hour that is over: nobody writes to it any more
//     DIR/default/2026-11-27T19.ndjson.gz.partial   being written
//     DIR/default/2026-11-27T19_2.ndjson.gz         of the same hour, by a later start
//
// Hours are of UTC, by the clock of this machine when it was written. The directory has the destination's
// name (letters, digits, ".", "_" and "-"; anything else becomes "-"); of two destinations of one name at a
// time the second gets a number after its name.
//
// Promises
// - What sync() has succeeded with survives a crash of this process and of the machine. What it failed with
//   stays in memory, and the file as it was, until a later call succeeds; the core sends nothing meanwhile,
//   so that this is bounded by what was on its way.
// - A file ends in a whole member, but for one that is being written. open() cuts off what an unclean end
//   left, which no save speaks of and which is therefore delivered again, and gives such files their final
//   names.
// - A final name never replaces a file, and what has it is neither changed nor removed. A file that is moved
//   or removed while it is written to is not missed: another is begun.
// - One owner at a time: the directory is locked as long as this lives.
// - Files have mode 0600, directories 0700. No name holds a credential.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/report.hpp"

#include "shell/os/descriptor.hpp"

namespace logzio_okta {

class Copies {
 public:
  struct Refusal {
    bool held = false;  ///< By another instance.
    std::string text;   ///< One line: what, where, what to do.
  };

  /// Makes the directory if it is missing.
  static std::expected<Copies, Refusal> open(const std::string& dir);
  Copies(Copies&&) noexcept = default;
  Copies& operator=(Copies&&) noexcept = default;
  ~Copies() = default;

  /// Lines for the log, at WARN: what open() met.
  [[nodiscard]] std::vector<std::string> take_warnings();
  /// Keeps it in memory until it is on disk.
  void add(KeepCopy copy);
  /// Puts all that was added on disk, and gives files of earlier hours that are in the way their final names.
  /// Blocks for as long as the disk takes. The error names the first directory with trouble, the reason and
  /// the cure, in the same words as long as it is the same.
  [[nodiscard]] Result<void> sync(WallTime now);
  /// Gives the files of hours that are over their final names. What fails is tried again.
  void finish_hours(WallTime now);
  /// The name is free for another destination.
  void forget(DestinationId destination);
  /// sync(), and every file gets its final name.
  [[nodiscard]] Result<void> close(WallTime now);

  [[nodiscard]] CopiesReport report() const;

 private:
  /// Of a destination; and the file in it that is written to, if one is.
  struct Place {
    std::string path;
    std::vector<std::shared_ptr<const std::string>> waiting;
    std::string hour;
    std::string name;  ///< The final one.
    Descriptor file;
    std::uint64_t size = 0;     ///< On disk, in whole members.
    std::uint64_t written = 0;  ///< Beyond it.

    [[nodiscard]] std::string working_path() const;
    [[nodiscard]] bool is_in_place() const;
    [[nodiscard]] int begin(const std::string& hour_given);
    [[nodiscard]] int write();
    [[nodiscard]] int sync();
    [[nodiscard]] int finish();
    void take_back() const;
  };

  Copies(std::string dir, Descriptor lock);
  [[nodiscard]] Place& place_of(const KeepCopy& copy);
  void recover();
  void recover(const std::string& place, const std::string& name);
  [[nodiscard]] int write(Place& place, const std::string& hour);

  std::string dir_;
  Descriptor lock_;
  std::map<DestinationId, std::string> names_;  ///< Of their directories.
  std::map<std::string, Place> places_;         ///< By that name.
  std::vector<std::string> warnings_;
  std::uint64_t bulks_ = 0;
  std::uint64_t bytes_ = 0;
  std::optional<WallTime> last_written_;
  std::string last_error_;
};

/// Why copies may not be kept there: it is the state directory.
[[nodiscard]] std::optional<std::string> problem_with_place(const std::string& dir,
                                                            const std::string& state_dir);
/// Why copies cannot be kept there, and the cure; nothing if they can. Makes nothing.
[[nodiscard]] std::optional<std::string> problem_with_copies(const std::string& dir);

}  // namespace logzio_okta
