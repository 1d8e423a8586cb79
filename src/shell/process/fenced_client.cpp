#include "shell/process/fenced_client.hpp"

namespace logzio_okta {
namespace {

TransportError refused(const char* why) {
  return {.fault = TransportFault::refused_by_us, .text = why};
}

constexpr const char* overtaken = "not asked or sent, since another replica may have taken over meanwhile";
constexpr const char* unnoted =
    "not sent, since the state cannot be written and would not tell what is on its way";

}  // namespace

void FencedClient::ask(const AskOkta& ask) {
  if (store_.may_act()) return client_->ask(ask);
  inputs_.push(OktaAnswer{.id = ask.id, .result = std::unexpected(refused(overtaken))});
}

void FencedClient::mint(MintToken&& mint) {
  if (store_.may_act()) return client_->mint(mint);
  mints_held_.push_back(std::move(mint));
}

void FencedClient::send(const SendBulk& bulk) {
  if (!store_.may_act()) return inputs_.push(BulkAnswer{.id = bulk.id, .result = refused(overtaken)});
  if (!store_.notes_written()) return inputs_.push(BulkAnswer{.id = bulk.id, .result = refused(unnoted)});
  client_->send(bulk);
}

void FencedClient::resume() {
  if (mints_held_.empty() || !store_.may_act()) return;
  for (const MintToken& mint : std::exchange(mints_held_, {})) client_->mint(mint);
}

}  // namespace logzio_okta
