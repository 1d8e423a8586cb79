#include "shell/os/background.hpp"

#include <sys/resource.h>

namespace logzio_okta {

void give_way_to_loop() {
  constexpr int niceness = 10;  // A tenth of a processor that the loop could use all of.
  // On Linux this is about the calling thread. Without it, the loop may wait a little.
  [[maybe_unused]] const int done = ::setpriority(PRIO_PROCESS, 0, niceness);
}

}  // namespace logzio_okta
