// CurlClient: every conversation with Okta and with Logz.io, in one loop with whatever else must be waited
// for.
//
//     auto client = CurlClient::create(keyring, trust, proxy);
//     if (!client) return complain(client.error());
//     (*client)->ask(ask);                 // Any number; nothing is sent before the next wait.
//     (*client)->send(bulk);
//     (*client)->wait(others, timeout);    // The program blocks here and nowhere else.
//     while (auto answer = (*client)->next_answer()) handle(std::move(*answer));
//
// Promises
// - Each question that was not cancelled gets exactly one OktaAnswer, each bulk exactly one BulkAnswer, never
//   within the call that asked, and within Patience whatever the other side does.
// - A body that may have been taken is never sent again from here: TransportError::sent says so, and the
//   Shipper decides.
// - A target goes out byte for byte; one that could end the request line is refused.
// - An answer is bounded (limits.hpp; of one of Okta's with a larger body the beginning is given), still
//   encoded as it came, and the final one: 1xx and the proxy's own answers are not shown, redirects are not
//   followed.
// - A credential is attached only after the keyring has compared the origin, and is in no text. What needs a
//   proof gets a fresh one for each sending, also where libcurl sends a question again by itself.
// - Cleartext never goes through a proxy. TLS is 1.2 or newer and verified by Trust.
//
// The process must ignore SIGPIPE.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <curl/curl.h>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/logzio/endpoint.hpp"

#include "shell/net/curl_handle.hpp"
#include "shell/net/line_client.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/patience.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

class CurlClient {
 public:
  /// The keyring, trust and proxy outlive the client.
  static Result<std::unique_ptr<CurlClient>> create(Keyring& keyring, const Trust& trust, const Proxy& proxy,
                                                    const Patience& patience = {});
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;
  ~CurlClient();

  void ask(const AskOkta& ask);
  /// Its token goes to the keyring. One is begun in each wait, since a signature takes a while, and none
  /// before there is a key for its proof.
  void mint(const MintToken& mint) { mints_.push_back(mint); }
  /// Drops the question, or its answer where that was not read yet. Unknown ids are ignored.
  void cancel(RequestId id);
  /// Over HTTP or as lines, as the protocol of its destination says, which the keyring knows.
  void send(const SendBulk& bulk);

  /// Blocks until something happened here, one of `extra` is ready, or `timeout` has passed; moves every
  /// conversation on. Does not block while an answer waits to be read. `revents` of `extra` are filled in.
  void wait(std::span<curl_waitfd> extra, Duration timeout);
  /// The oldest answer not read yet: OktaAnswer, TokenAnswer or BulkAnswer.
  [[nodiscard]] std::optional<Input> next_answer();
  /// What people should hear of, each thing once.
  [[nodiscard]] std::vector<Note> take_notes();
  /// Conversations on their way.
  [[nodiscard]] std::size_t in_flight() const;

 private:
  class Exchange;
  CurlClient(Keyring& keyring, const Trust& trust, const Proxy& proxy, const Patience& patience);

  void start(std::unique_ptr<Exchange> exchange);
  bool start_a_mint();
  void start_mint(const MintToken& mint);
  void deliver(const Exchange& exchange, HttpResult&& result);
  void reap();
  void end_stalled(Instant now);
  void wait_without_poll(std::span<curl_waitfd> extra, Duration block);
  void collect_line_answers();
  [[nodiscard]] Duration until_next_deadline(Instant now) const;

  Keyring& keyring_;
  const Trust& trust_;
  const Proxy& proxy_;
  Patience patience_;
  MultiHandle multi_;  // Before what leaves it when destroyed.
  LineClient lines_;
  std::size_t bodies_bytes_ = 0;  // Of all answers on their way.
  std::unordered_map<CURL*, std::unique_ptr<Exchange>> exchanges_;
  std::deque<Input> answers_;
  std::deque<MintToken> mints_;           // Not begun yet.
  std::vector<curl_waitfd> descriptors_;  // Kept for its room.
  Complaint unwaitable_{Complaint::Rhythm::hourly};
  std::vector<Note> notes_;
};

}  // namespace logzio_okta
