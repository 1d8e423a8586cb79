// LineClient: sends bulks as newline JSON over TCP or TLS, one connection per bulk.
//
// The protocol has no answers, so the end of the connection serves as one: after the last line we close our
// side, and the bulk is settled when the peer then closes its own. A reset, or an end that was sent before
// ours arrived, is a lost answer. TCP cannot reveal a peer that receives our end and closes its side without
// having read everything in its system's buffer. The kernel's acknowledgement alone proves nothing (its queue
// was seen empty while half of the bytes were never read), but if a peer keeps its side open for
// Patience::line_close with that queue empty, it must suffice; a warning says so once.
//
//     connecting -> handshaking -> writing -> closing -> LinesTaken
//         (any) --------------------------------------> TransportError
//
// Part of CurlClient, whose loop it shares: libcurl resolves the name, connects, through the proxy if there
// is one, and hands over the socket.
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
  /// All of them must outlive the client.
  LineClient(CURLM* multi, const Keyring& keyring, const Trust& trust, const Proxy& proxy,
             const Patience& patience);
  LineClient(const LineClient&) = delete;
  LineClient& operator=(const LineClient&) = delete;
  ~LineClient();

  void send(const SendBulk& bulk);

  /// libcurl has finished with one of our handles.
  void connected(CURL* easy, CURLcode code);
  void add_descriptors(std::vector<curl_waitfd>& descriptors) const;
  /// Advances every connection as far as possible without blocking.
  void drive(Instant now);
  /// When `drive` must be called even if no descriptor is ready.
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
  TlsContext tls_;  // Created when first needed.
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<BulkAnswer> answers_;
  std::vector<Note> notes_;
  std::set<std::string> open_peers_said_;
};

}  // namespace logzio_okta
