// CurlClient: all transfers with Okta and Logz.io, in one loop with everything else that must be waited for.
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
//   within the same call, and within Patience whatever the other side does.
// - A body that may have been taken is never sent again here: TransportError::sent says so, and the Shipper
//   decides.
// - A target is sent byte for byte; one that could end the request line is refused.
// - An answer is bounded (limits.hpp; of a larger body from Okta the beginning is given), still encoded as
//   received, and the final one: 1xx and the proxy's own answers are not shown, redirects are not followed.
// - A credential is attached only after the keyring has compared the origin, and is in no text. Requests that
//   need a proof get a fresh one for each sending, also if libcurl repeats a question by itself.
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
#include "logzio_okta/base/turn_times.hpp"
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

class Exchange;

class CurlClient {
 public:
  /// The keyring, trust and proxy must outlive the client.
  static Result<std::unique_ptr<CurlClient>> create(Keyring& keyring, const Trust& trust, const Proxy& proxy,
                                                    const Patience& patience = {});
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;
  ~CurlClient();

  void ask(const AskOkta& ask);
  /// The token goes to the keyring. Each wait starts at most one request, once the keyring has prepared it.
  void mint(const MintToken& mint) { mints_.push_back(mint); }
  /// Held, none is started, however many wait.
  void hold_mints(bool held) { mints_held_ = held; }
  /// Drops the question, or its answer if that was not read yet. Unknown ids are ignored.
  void cancel(RequestId id);
  /// Over HTTP or as newline JSON, by the protocol of its destination, which the keyring knows.
  void send(const SendBulk& bulk);

  /// Blocks until something happens here, one of `extra` is ready, or `timeout` has passed; advances every
  /// transfer. Does not block while an answer waits to be read. Fills in `revents` of `extra`.
  void wait(std::span<curl_waitfd> extra, Duration timeout);
  /// The oldest answer not read yet: OktaAnswer, TokenAnswer or BulkAnswer.
  [[nodiscard]] std::optional<Input> next_answer();
  /// Notes for the log, each thing once.
  [[nodiscard]] std::vector<Note> take_notes();
  /// The number of transfers in flight.
  [[nodiscard]] std::size_t in_flight() const;
  /// The time from the end of one blocking to the next.
  [[nodiscard]] const TurnTimes& turns() const { return turns_; }

 private:
  CurlClient(Keyring& keyring, const Trust& trust, const Proxy& proxy, const Patience& patience);

  void start(std::unique_ptr<Exchange> exchange);
  bool start_a_mint();
  void start_mint(const MintToken& mint);
  void deliver(const Exchange& exchange, HttpResult&& result);
  void reap();
  void end_stalled(Instant now);
  void block(std::span<curl_waitfd> extra, Duration at_most);
  void wait_without_poll(std::span<curl_waitfd> extra, Duration block);
  void collect_line_answers();
  [[nodiscard]] Duration until_next_deadline(Instant now) const;

  Keyring& keyring_;
  const Trust& trust_;
  const Proxy& proxy_;
  Patience patience_;
  MultiHandle multi_;  // Before the members that leave it when destroyed.
  LineClient lines_;
  std::size_t bodies_bytes_ = 0;  // The bodies of all answers in flight.
  std::unordered_map<CURL*, std::unique_ptr<Exchange>> exchanges_;
  std::deque<Input> answers_;
  std::deque<MintToken> mints_;  // Not started yet.
  bool mints_held_ = false;
  std::vector<curl_waitfd> descriptors_;  // Kept for its capacity.
  Complaint unwaitable_{Complaint::Rhythm::hourly};
  std::vector<Note> notes_;
  std::optional<Instant> woke_;
  TurnTimes turns_;
};

}  // namespace logzio_okta
