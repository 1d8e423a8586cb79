// Mintings: the requests for access tokens: for which app, when, and what is logged. Each org decides for
// itself (Org::mint_due); here the requests go out and the answers come back.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/flow/roster.hpp"

namespace logzio_okta {

class Mintings {
 public:
  Mintings(ActiveRoster& roster, std::deque<Output>& outputs) : roster_(roster), outputs_(outputs) {}

  /// Requests the tokens that are due. The token endpoint has its own budget at Okta, apart from the System
  /// Log's. `idle_too`: also for keys that are only tried now and then.
  void order(Now now, bool idle_too);
  void answered(Now now, const TokenAnswer& answer);

 private:
  struct Minting {
    std::shared_ptr<Org> org;
    CredentialId key;
    std::string domain;
    Instant asked;
  };
  void tell_granted(Now now, const Minting& minting, const Mint& mint);
  void tell_refused(Now now, const Minting& minting, const MintEnd& end);
  void say(const Minting& minting, Level level, std::string text);

  ActiveRoster& roster_;
  std::deque<Output>& outputs_;
  std::map<RequestId, Minting> mintings_;
  std::map<CredentialId, Complaint> troubles_;
  std::uint64_t last_request_ = 0;
};

}  // namespace logzio_okta
