// LineClient: bulks as lines over TCP or TLS, one connection a bulk.
//
// The protocol never answers, so the end of a connection is made to: after the last line we close our side,
// and the bulk is settled when the peer closes its own in answer. A reset, or an end that was sent before
// ours had arrived, is a lost answer. What TCP cannot tell: a peer that has received our end, and ends its
// own side without having read everything that its system holds. The kernel's acknowledgement alone proves
// nothing (its queue was seen empty while half of the bytes were never read), but where a peer keeps its side
// open for Patience::line_close with that queue empty, it has to do; this is said once.
//
//     connecting -> handshaking -> writing -> closing -> LinesTaken
//         (any) --------------------------------------> TransportError
//
// Lives inside CurlClient, whose loop it shares: libcurl looks the name up and connects, through the proxy
// where there is one, and hands the socket over.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/logzio/endpoint.hpp"

#include "shell/net/line_channel.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/patience.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

class LineClient {
 public:
  /// All of them outlive the client.
  LineClient(CURLM* multi, const Keyring& keyring, const Trust& trust, const Proxy& proxy,
             const Patience& patience);
  LineClient(const LineClient&) = delete;
  LineClient& operator=(const LineClient&) = delete;
  ~LineClient();

  void send(const SendBulk& bulk);

  /// libcurl has finished with a handle that is ours.
  void connected(CURL* easy, CURLcode code);
  void add_descriptors(std::vector<curl_waitfd>& descriptors) const;
  /// Moves every connection as far as it goes without blocking.
  void drive(Instant now);
  /// When `drive` must be called though no descriptor is ready.
  [[nodiscard]] Instant deadline() const;

  [[nodiscard]] std::optional<BulkAnswer> next_answer();
  [[nodiscard]] std::vector<Note> take_notes();
  [[nodiscard]] std::size_t in_flight() const { return connections_.size(); }

 private:
  class Connection;
  void answer(BulkId id, BulkResult result);
  void note_open_peer(const std::string& listener);

  CURLM* multi_;
  const Keyring& keyring_;
  const Trust& trust_;
  const Proxy& proxy_;
  Patience patience_;
  TlsContext tls_;  // Made when first needed.
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<BulkAnswer> answers_;
  std::vector<Note> notes_;
  std::set<std::string> open_peers_said_;
};

}  // namespace logzio_okta
