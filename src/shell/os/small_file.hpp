// Reading a small file that a person wrote: a tenants file, a token.
//
// A file that root has read stays open. If the process has since become another user (privileges.hpp) who may
// not read the file, it is read again through that descriptor: the only right of root's that is kept. A file
// that replaces it by rename is a different one and must be readable.
//
// A pipe (`<(...)`, /dev/fd/63, a named one) or a terminal is read too, for limits::pipe_patience at most and
// only while no NeverWaitForFiles exists. The daemon holds one while its loop runs, because a file name may
// lead to a pipe later: then it is refused with an error, and never opened in a way that blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

struct SmallFile {
  std::string bytes;                ///< The caller must wipe them if they are a credential.
  bool readable_by_others = false;  ///< By every user of the machine, if we could change that.
  bool writable_by_others = false;  ///< By its group or every user, or its directory is.
  bool is_pipe = false;             ///< Or a terminal: it can be read only once.
};

/// Reads the whole file. The error says what is wrong and what to do, and the caller puts the file's name in
/// front: a directory (Docker creates one if the host's file of a `-v` is missing), no permission, more than
/// `bytes_max`.
[[nodiscard]] Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max);

/// Adds a warning if others may read or change the file, which `holds`, for example, "the shipping token".
void warn_of_modes(const std::string& path, const SmallFile& file, std::string_view holds,
                   std::vector<std::string>& warnings);

/// While one exists, anything but a regular file is refused at once.
class NeverWaitForFiles {
 public:
  NeverWaitForFiles();
  NeverWaitForFiles(const NeverWaitForFiles&) = delete;
  NeverWaitForFiles& operator=(const NeverWaitForFiles&) = delete;
  ~NeverWaitForFiles();
};

/// Whether it is a pipe, a terminal or anything else that cannot be read again; false if it does not exist.
[[nodiscard]] bool is_pipe(const std::string& path);

/// Opens a file that must be read after the process is no longer root. Does nothing for other users.
void keep_small_file(const std::string& path);

}  // namespace logzio_okta
