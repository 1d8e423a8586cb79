// Copies: also keeps lines that the listener has taken in files (--copy-to).
//
//     auto copies = Copies::open(dir);
//     if (!copies) return give_up(copies.error());
//     copies->add(copy);                       // For each KeepCopy.
//     if (auto kept = copies->sync(wall); !kept) hold_saves(kept.error());  // First.
//     copies->finish_hours(wall);              // Now and then.
//     auto closed = copies->close(wall);       // Otherwise the next start does it.
//
// A bulk is one gzip member, and a sequence of members is a gzip file: a copy costs a write but no
// compression, and zcat reads it.
//
//     DIR/default/2026-11-27T18.ndjson.gz           an hour that is over: no longer written to
//     DIR/default/2026-11-27T19.ndjson.gz.partial   being written
//     DIR/default/2026-11-27T19_2.ndjson.gz         the same hour, after a restart
//
// Hours are in UTC, by this machine's clock at the time of writing. The directory has the destination's name
// (letters, digits, ".", "_" and "-"; anything else becomes "-"); if two destinations have the same name, the
// second gets a number after it.
//
// Promises
// - Data for which sync() succeeded survives a crash of the process and of the machine. After a failure it
//   stays in memory, and the file unchanged, until a later call succeeds; the core sends nothing meanwhile,
//   so the memory is bounded by what was in flight.
// - A file ends in a complete member, except while it is being written. open() cuts off what an unclean end
//   left, which no save covers and which is therefore delivered again, and gives such files their final
//   names.
// - A final name never replaces a file, and files with a final name are neither changed nor removed. If a
//   file is moved or removed while it is being written, a new one is begun.
// - One owner at a time: the directory is locked as long as this lives.
// - Files have mode 0600, directories 0700. No name contains a credential.
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

  /// Creates the directory if it is missing.
  static std::expected<Copies, Refusal> open(const std::string& dir);
  Copies(Copies&&) noexcept = default;
  Copies& operator=(Copies&&) noexcept = default;
  ~Copies() = default;

  /// WARN lines for the log, about what open() found.
  [[nodiscard]] std::vector<std::string> take_warnings();
  /// Keeps it in memory until it is on disk.
  void add(KeepCopy copy);
  /// Puts everything added on disk, and gives files of earlier hours that are in the way their final names.
  /// Blocks for as long as the disk takes. The error names the first directory with a problem, the reason and
  /// the cure, in the same words as long as they are the same.
  [[nodiscard]] Result<void> sync(WallTime now);
  /// Gives the files of past hours their final names. Failures are retried.
  void finish_hours(WallTime now);
  /// Frees the name for another destination.
  void forget(DestinationId destination);
  /// sync(), then gives every file its final name.
  [[nodiscard]] Result<void> close(WallTime now);

  [[nodiscard]] CopiesReport report() const;

 private:
  /// A destination's directory, and the file being written in it, if any.
  struct Place {
    std::string path;
    std::vector<std::shared_ptr<const std::string>> waiting;
    std::string hour;
    std::string name;  ///< The final one.
    Descriptor file;
    std::uint64_t size = 0;     ///< On disk, in whole members.
    std::uint64_t written = 0;  ///< Beyond that.

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
  std::map<DestinationId, std::string> names_;  ///< Names of their directories.
  std::map<std::string, Place> places_;         ///< By that name.
  std::vector<std::string> warnings_;
  std::uint64_t bulks_ = 0;
  std::uint64_t bytes_ = 0;
  std::optional<WallTime> last_written_;
  std::string last_error_;
};

/// Why copies must not be kept there: it is the state directory.
[[nodiscard]] std::optional<std::string> problem_with_place(const std::string& dir,
                                                            const std::string& state_dir);
/// Why copies cannot be kept there, and the cure; nothing if they can. Creates nothing.
[[nodiscard]] std::optional<std::string> problem_with_copies(const std::string& dir);

}  // namespace logzio_okta
