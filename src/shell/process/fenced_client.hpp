// FencedClient: the requests to Okta and Logz.io, sent only while this replica may act.
//
//     FencedClient client(std::move(curl), *store, inputs);
//     client.ask(std::move(ask));
//     client.resume();  // Each turn: access tokens are asked for while we may act.
//     client.curl().wait(descriptors, timeout);
//
// The core decides by what it knows about the lease, but the lease may end between its decision and the
// sending. So the store is asked once more right before anything is sent, and what may not be sent is
// answered as held by us. A store that only one process uses always agrees.
#pragma once

#include <memory>
#include <utility>

#include "logzio_okta/flow/input_queue.hpp"
#include "logzio_okta/flow/message.hpp"

#include "shell/net/curl_client.hpp"
#include "shell/state/state_store.hpp"

namespace logzio_okta {

class FencedClient {
 public:
  /// The store and the queue must outlive it.
  FencedClient(std::unique_ptr<CurlClient> client, const StateStore& store, InputQueue& inputs)
      : client_(std::move(client)), store_(store), inputs_(inputs) {}

  void ask(const AskOkta& ask);
  void cancel(const CancelAsk& cancel) { client_->cancel(cancel.id); }
  /// Waits until we may act, however early it is called.
  void mint(const MintToken& mint);
  /// Sends nothing either while the store cannot note what is in flight.
  void send(const SendBulk& bulk);
  void resume();

  [[nodiscard]] CurlClient& curl() { return *client_; }
  [[nodiscard]] const CurlClient& curl() const { return *client_; }

 private:
  std::unique_ptr<CurlClient> client_;
  const StateStore& store_;
  InputQueue& inputs_;
};

}  // namespace logzio_okta
