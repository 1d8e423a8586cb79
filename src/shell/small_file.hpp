// Reading a small file that a person wrote: a tenants file, a token.
#pragma once

#include <cstddef>
#include <string>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

struct SmallFile {
  std::string bytes;  ///< For the reader to wipe, if they are a credential.
  bool readable_by_others = false;
};

/// The whole file. The error says what is wrong and what to do, for the caller to put the file's name in
/// front: a directory (docker makes one when the host's file of a `-v` is missing), no permission, more than
/// `bytes_max`.
[[nodiscard]] Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max);

}  // namespace logzio_okta
