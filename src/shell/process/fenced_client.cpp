#include "shell/process/fenced_client.hpp"

namespace logzio_okta {
namespace {

TransportError held(const char* why) {
  return {.fault = TransportFault::held_by_us, .text = why};
}

constexpr const char* overtaken = "another replica may have taken over meanwhile";
constexpr const char* unnoted = "the state cannot be written, so it would not tell what is on its way";

}  // namespace

void FencedClient::ask(const AskOkta& ask) {
  if (store_.may_act()) return client_->ask(ask);
  inputs_.push(OktaAnswer{.id = ask.id, .result = std::unexpected(held(overtaken))});
}

void FencedClient::mint(const MintToken& mint) {
  client_->mint(mint);
}

void FencedClient::send(const SendBulk& bulk) {
  if (!store_.may_act()) return inputs_.push(BulkAnswer{.id = bulk.id, .result = held(overtaken)});
  if (!store_.notes_written()) return inputs_.push(BulkAnswer{.id = bulk.id, .result = held(unnoted)});
  client_->send(bulk);
}

void FencedClient::resume() {
  client_->hold_mints(!store_.may_act());
}

}  // namespace logzio_okta
