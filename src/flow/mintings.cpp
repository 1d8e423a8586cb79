#include "logzio_okta/flow/mintings.hpp"

#include <algorithm>
#include <utility>

namespace logzio_okta {

void Mintings::order(Now now, bool idle_too) {
  for (const auto& [stream, tenant] : roster_.tenants()) {
    if (tenant.retired || tenant.gave_up || tenant.stands_back()) continue;
    const Domain& domain = tenant.poller.domain();
    while (const auto key = tenant.org->mint_due(now, idle_too)) {
      tenant.org->minting(now, *key);
      const RequestId id{++last_request_};
      mintings_.emplace(
          id, Minting{.org = tenant.org, .key = *key, .domain = domain.name(), .asked = now.steady});
      outputs_.emplace_back(MintToken{.id = id,
                                      .credential = *key,
                                      .origin = domain.origin(),
                                      .proof = tenant.org->mint_of(*key)->proof(),
                                      .okta_ahead = tenant.org->offset()});
    }
  }
}

void Mintings::answered(Now now, const TokenAnswer& answer) {
  const auto found = mintings_.find(answer.id);
  if (found == mintings_.end()) return;
  const Minting minting = std::move(found->second);
  mintings_.erase(found);
  const WallTime asked_wall = now.wall - to_ms(now.steady - minting.asked);
  const MintEnd end = minting.org->minted(now, asked_wall, minting.key, answer.result);
  const Mint* mint = minting.org->mint_of(minting.key);
  if (mint == nullptr) {  // It is no longer in the file.
    troubles_.erase(minting.key);
  } else if (end.next == Mint::Next::held) {
    tell_granted(now, minting, *mint);
  } else {
    tell_refused(now, minting, end);
  }
}

void Mintings::tell_granted(Now now, const Minting& minting, const Mint& mint) {
  const auto [trouble, first] = troubles_.try_emplace(minting.key);
  if (const auto lasted = trouble->second.healed(now.steady))
    say(minting, Level::info, "Okta grants access tokens again, after " + describe(*lasted));
  const Duration left = mint.held_until().value_or(now.steady) - now.steady;
  say(minting, first ? Level::info : Level::debug,
      "has an access token for " + describe(left) +
          (mint.scheme() == TokenScheme::dpop ? ", bound to a key by DPoP"
                                              : ", without DPoP: the app does not require it"));
}

void Mintings::tell_refused(Now now, const Minting& minting, const MintEnd& end) {
  if (end.next == Mint::Next::again) {
    if (end.trouble == TokenTrouble::proof_algorithm)
      return say(minting, Level::info,
                 "Okta does not accept DPoP proofs signed with ES256 here; signing with RS256");
    return say(minting, Level::debug, "requesting the access token again: " + end.text);
  }
  const bool refused = end.next == Mint::Next::refused;
  Complaint& trouble = troubles_[minting.key];
  const auto level = trouble.failed(now.steady, name_of(end.trouble), end.urgency);
  if (!level) return;
  const bool another = refused && !minting.org->all_refused() && minting.org->keys() > 1;
  say(minting, refused ? Level::error : *level,
      end.text + (another ? "; switching to another key" : "") + trouble.so_far(now.steady));
}

void Mintings::say(const Minting& minting, Level level, std::string text) {
  outputs_.emplace_back(Note{.level = level, .tenant = minting.domain, .text = std::move(text)});
}

}  // namespace logzio_okta
