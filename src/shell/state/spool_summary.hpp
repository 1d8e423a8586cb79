// SpoolSummary: what waits in the spool of one hook stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

struct SpoolSummary {
  std::string key;
  std::uint64_t newest = 0;  ///< Its last row.
  std::size_t events = 0;
  std::size_t bytes = 0;  ///< Bytes as charged.
  WallTime oldest;
};

}  // namespace logzio_okta
