// Work that would keep the loop waiting, in a thread of its own that gives way to the loop.
//
//     std::future<SigningKey> key = in_background([] { return SigningKey::make_rsa(); });
//     if (is_done(key)) use(key.get());
//
// Where no thread can be started (a limit of tasks), the work is done in get(): late instead of never.
#pragma once

#include <chrono>
#include <future>
#include <system_error>
#include <utility>

namespace logzio_okta {

/// Lowers the priority of the calling thread.
void give_way_to_loop();

/// `work` must not use what the loop may change meanwhile. Destroying the future waits for its end.
template <class Work>
[[nodiscard]] auto in_background(Work work) {
  try {
    return std::async(std::launch::async, [work]() mutable {
      give_way_to_loop();
      return work();
    });
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, std::move(work));
  }
}

/// Whether get() does not wait for another thread.
template <class Result>
[[nodiscard]] bool is_done(const std::future<Result>& work) {
  return work.wait_for(std::chrono::seconds(0)) != std::future_status::timeout;
}

}  // namespace logzio_okta
