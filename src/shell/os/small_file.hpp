// Reading a small file that a person wrote: a tenants file, a token.
//
// A file that root has read stays open. When root has become another user since (privileges.hpp), to whom the
// file is closed, it is read again through that descriptor: it is all that is left of root's rights, good for
// this one file and for reading. A file put in its place by rename is another one and must be readable.
//
// A pipe (`<(...)`, /dev/fd/63, a named one) or a terminal is read too, for limits::pipe_patience at most and
// only while nobody holds a NeverWaitForFiles: the daemon holds one as soon as its loop turns, because a name
// that led to a file may lead to a pipe later. Then it is refused in words, and never opened so that it
// blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

struct SmallFile {
  std::string bytes;                ///< For the reader to wipe, if they are a credential.
  bool readable_by_others = false;  ///< By every user of the machine, and it is ours to change.
  bool writable_by_others = false;  ///< By its group or by every user, or its directory is.
  bool is_pipe = false;             ///< Or a terminal: it is gone once read.
};

/// The whole file. The error says what is wrong and what to do, for the caller to put the file's name in
/// front: a directory (docker makes one when the host's file of a `-v` is missing), no permission, more than
/// `bytes_max`.
[[nodiscard]] Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max);

/// Adds a warning if others may read or change the file, which holds "the shipping token", say.
void warn_of_modes(const std::string& path, const SmallFile& file, std::string_view holds,
                   std::vector<std::string>& warnings);

/// While one lives, whatever is no regular file is refused at once.
class NeverWaitForFiles {
 public:
  NeverWaitForFiles();
  NeverWaitForFiles(const NeverWaitForFiles&) = delete;
  NeverWaitForFiles& operator=(const NeverWaitForFiles&) = delete;
  ~NeverWaitForFiles();
};

/// A pipe, a terminal or another thing that cannot be read again; false for what is not there.
[[nodiscard]] bool is_pipe(const std::string& path);

/// Opens a file that has to be read when the process is root no more. Does nothing for others.
void keep_small_file(const std::string& path);

}  // namespace logzio_okta
