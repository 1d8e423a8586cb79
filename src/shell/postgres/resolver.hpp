// Resolver: looks host names up without making the loop wait. libpq would call getaddrinfo itself, which
// blocks for as long as a name server does.
//
//     resolver.look_up(hosts);
//     add(resolver.descriptor());
//     if (auto found = resolver.take()) connect(*found);  // When the descriptor is readable.
//
// Each look-up has a thread of its own, as libcurl's have; one that is given up is left to end by itself.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "logzio_okta/base/error.hpp"

#include "shell/os/descriptor.hpp"
#include "shell/postgres/access.hpp"

namespace logzio_okta {

class Resolver {
 public:
  Resolver() = default;
  Resolver(Resolver&&) = default;
  Resolver& operator=(Resolver&&) = default;
  ~Resolver();

  /// Forgets what was asked before.
  void look_up(std::vector<StoreHost> hosts);
  [[nodiscard]] bool looking() const { return answer_ != nullptr; }
  [[nodiscard]] int descriptor() const { return ready_.get(); }
  /// Every address of every host, in their order, those without one left out; an error if none has one.
  [[nodiscard]] std::optional<Result<std::vector<StoreHost>>> take();

 private:
  struct Answer;

  std::shared_ptr<Answer> answer_;
  Descriptor ready_;
};

}  // namespace logzio_okta
