// Reading a small file that a person wrote: a tenants file, a token.
//
// A file that root has read stays open. When root has become another user since (privileges.hpp), to whom the
// file is closed, it is read again through that descriptor: it is all that is left of root's rights, good for
// this one file and for reading. A file put in its place by rename is another one and wants to be readable.
#pragma once

#include <cstddef>
#include <string>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

struct SmallFile {
  std::string bytes;                ///< For the reader to wipe, if they are a credential.
  bool readable_by_others = false;  ///< By every user of the machine, and it is ours to change.
};

/// The whole file. The error says what is wrong and what to do, for the caller to put the file's name in
/// front: a directory (docker makes one when the host's file of a `-v` is missing), no permission, more than
/// `bytes_max`.
[[nodiscard]] Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max);

/// Opens a file that root will want to read when it is root no more. Does nothing for others.
void keep_small_file(const std::string& path);

}  // namespace logzio_okta
