#include "shell/net/line_client.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <openssl/x509.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/net/curl_fault.hpp"
#include "shell/net/curl_handle.hpp"
#include "shell/net/line_feed.hpp"

namespace logzio_okta {
namespace {

// Per turn, so that one connection does not starve the others.
constexpr int writes_in_a_row = 16;
constexpr int reads_in_a_row = 16;

using Step = LineChannel::Step;

Route route_to(const Endpoint& listener, const Proxy& proxy) {
  const bool tls = !is_cleartext(listener.protocol);
  Route route =
      Route::to({.scheme = tls ? "https" : "http", .host = listener.host, .port = listener.port}, proxy);
  // libcurl only connects; the channel runs TLS.
  route.origin.scheme = "http";
  return route;
}

// The peer's bytes do not matter, only its end.
Step drain(LineChannel& channel) {
  for (int i = 0; i < reads_in_a_row; ++i) {
    if (const Step step = channel.discard(); step != Step::done) return step;
  }
  return Step::done;
}

}  // namespace

// One bulk on its connection. For the states, see the drawing in the header.
class LineClient::Connection {
 public:
  Connection(LineClient& client, const Endpoint& listener, const SendBulk& bulk, Secret opening, Route route)
      : client_(client),
        listener_(listener),
        id_(bulk.id),
        packed_(bulk.packed),
        opening_(std::move(opening)),
        route_(std::move(route)),
        stall_(client.patience_.stall_of(bulk)),
        whole_(client.patience_.whole_of(bulk)),
        started_(steady_now()),
        moved_(started_) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() = default;

  [[nodiscard]] BulkId id() const { return id_; }
  void start();
  [[nodiscard]] bool connects_by(CURL* easy) const;
  /// libcurl has finished: returns an error, or nothing if the socket is ours.
  [[nodiscard]] std::optional<BulkResult> connected(CURLcode code);
  /// Advances; returns the result once there is one.
  [[nodiscard]] std::optional<BulkResult> drive(Instant now);
  [[nodiscard]] Instant deadline() const;
  void add_descriptor(std::vector<curl_waitfd>& descriptors) const;

 private:
  struct Connecting {
    EasyHandle easy;
  };
  struct Handshaking {
    LineChannel channel;
    bool full = true;
  };
  struct Writing {
    LineChannel channel;
    LineFeed feed;
  };
  struct Closing {
    LineChannel channel;
    bool our_end_sent = false;
    Instant check_unsent_at = never;
  };
  using Outcome = std::optional<BulkResult>;

  Outcome step(Connecting&, Instant) { return std::nullopt; }
  Outcome step(Handshaking& state, Instant now);
  Outcome step(Writing& state, Instant now);
  Outcome step(Closing& state, Instant now);
  Outcome close_our_side(Closing& state, Instant now);
  Outcome await_peer(Closing& state, Step peer, Instant now);

  [[nodiscard]] LineFeed unpack();
  [[nodiscard]] TransportError failed_handshake(const LineChannel& channel) const;
  [[nodiscard]] TransportError cut(const LineChannel& channel, Step how) const;
  [[nodiscard]] TransportError timed_out() const;
  [[nodiscard]] Instant stalled_at() const { return std::min(moved_ + stall_, started_ + whole_); }
  [[nodiscard]] std::string listener() const { return listener_.text(); }

  LineClient& client_;
  Endpoint listener_;
  BulkId id_;
  std::shared_ptr<const std::string> packed_;
  Secret opening_;
  Route route_;
  Duration stall_;
  Duration whole_;
  Instant started_;
  Instant moved_;      // When a byte was last sent.
  bool sent_ = false;  // At least one byte was.
  std::variant<Connecting, Handshaking, Writing, Closing> state_;
};

void LineClient::Connection::start() {
  EasyHandle& easy = std::get<Connecting>(state_).easy;
  connect_by(easy, route_, client_.patience_.connect);
  easy.set(CURLOPT_CONNECT_ONLY, 1L);
  easy.set(CURLOPT_FRESH_CONNECT, 1L);
  easy.start(client_.multi_);
}

bool LineClient::Connection::connects_by(CURL* easy) const {
  const auto* state = std::get_if<Connecting>(&state_);
  return state != nullptr && state->easy.get() == easy;
}

std::optional<BulkResult> LineClient::Connection::connected(CURLcode code) {
  const EasyHandle& easy = std::get<Connecting>(state_).easy;
  if (code != CURLE_OK) {
    return explain(easy, code,
                   {.route = route_,
                    .connected = false,
                    .complaint = "",
                    .connect = client_.patience_.connect,
                    .whole = whole_,
                    .handshake = ""});
  }
  // A descriptor of our own: libcurl closes its one with the handle, which must be freed now, because libcurl
  // also closes idle connections by itself.
  const int socket =
      fcntl(static_cast<int>(easy.info<curl_socket_t>(CURLINFO_ACTIVESOCKET)), F_DUPFD_CLOEXEC, 0);
  if (socket < 0) {
    return TransportError{.fault = TransportFault::unreachable,
                          .sent = false,
                          .text = "no descriptor left for a connection to " + listener()};
  }
  if (is_cleartext(listener_.protocol)) {
    state_.emplace<Handshaking>(Handshaking{.channel = LineChannel(socket)});
  } else {
    if (!client_.tls_) client_.tls_ = line_tls_context(client_.trust_);
    state_.emplace<Handshaking>(
        Handshaking{.channel = LineChannel(socket, client_.tls_.get(), listener_.host)});
  }
  return drive(steady_now());
}

std::optional<BulkResult> LineClient::Connection::drive(Instant now) {
  for (;;) {
    const std::size_t state = state_.index();
    Outcome outcome = std::visit([&](auto& current) { return step(current, now); }, state_);
    if (outcome || state_.index() == state) return outcome;
  }
}

LineClient::Connection::Outcome LineClient::Connection::step(Handshaking& state, Instant now) {
  const Step step = state.channel.handshake();
  switch (step) {
    case Step::done:
      moved_ = now;
      state_.emplace<Writing>(Writing{.channel = std::move(state.channel), .feed = unpack()});
      return std::nullopt;
    case Step::empty:
    case Step::full:
      state.full = step == Step::full;
      if (now < started_ + client_.patience_.connect) return std::nullopt;
      return TransportError{
          .fault = TransportFault::unreachable,
          .sent = false,
          .text = "no TLS with " + listener() + " within " + describe(client_.patience_.connect)};
    case Step::ended:
    case Step::broken:
      return failed_handshake(state.channel);
  }
  CHECK(false);
}

LineClient::Connection::Outcome LineClient::Connection::step(Writing& state, Instant now) {
  if (const Step peer = drain(state.channel); peer == Step::ended || peer == Step::broken) {
    return cut(state.channel, peer);
  }
  for (int i = 0; i < writes_in_a_row; ++i) {
    if (state.feed.done()) {
      state_.emplace<Closing>(Closing{.channel = std::move(state.channel)});
      return std::nullopt;
    }
    std::size_t count = 0;
    const Step step = state.channel.write(state.feed.front(), count);
    if (step == Step::ended || step == Step::broken) return cut(state.channel, step);
    if (step != Step::done) break;
    state.feed.written(count);
    sent_ = true;
    moved_ = now;
  }
  if (now >= stalled_at()) return timed_out();
  return std::nullopt;
}

LineClient::Connection::Outcome LineClient::Connection::step(Closing& state, Instant now) {
  const Step peer = drain(state.channel);
  if (peer == Step::broken) return cut(state.channel, peer);
  if (state.our_end_sent) return await_peer(state, peer, now);
  // Its end counts as an answer only after ours.
  if (peer == Step::ended) return cut(state.channel, peer);
  return close_our_side(state, now);
}

LineClient::Connection::Outcome LineClient::Connection::close_our_side(Closing& state, Instant now) {
  switch (const Step step = state.channel.finish()) {
    case Step::done:
      state.our_end_sent = true;
      state.check_unsent_at = now + client_.patience_.line_close;
      moved_ = now;
      return std::nullopt;
    case Step::empty:
    case Step::full:
      if (now >= stalled_at()) return timed_out();
      return std::nullopt;
    case Step::ended:
    case Step::broken:
      return cut(state.channel, step);
  }
  CHECK(false);
}

LineClient::Connection::Outcome LineClient::Connection::await_peer(Closing& state, Step peer, Instant now) {
  if (peer == Step::ended) {
    const Step end = state.channel.await_end();
    if (end == Step::broken) return cut(state.channel, end);
    // An end that was sent before ours arrived is not an answer.
    if (end == Step::ended && state.channel.unsent() > 0) return cut(state.channel, end);
    if (end == Step::ended) return LinesTaken{};
  }
  if (now < state.check_unsent_at) return std::nullopt;
  if (state.channel.unsent() == 0) {
    client_.note_open_peer(listener());
    return LinesTaken{};
  }
  if (now >= stalled_at()) return timed_out();
  // Nothing wakes us when the queue empties.
  state.check_unsent_at = now + client_.patience_.line_close / 10;
  return std::nullopt;
}

Instant LineClient::Connection::deadline() const {
  if (std::holds_alternative<Connecting>(state_)) return never;
  if (std::holds_alternative<Handshaking>(state_)) return started_ + client_.patience_.connect;
  const auto* closing = std::get_if<Closing>(&state_);
  return closing != nullptr && closing->our_end_sent ? closing->check_unsent_at : stalled_at();
}

void LineClient::Connection::add_descriptor(std::vector<curl_waitfd>& descriptors) const {
  const auto add = [&](const LineChannel& channel, bool to_write) {
    const int events = to_write ? CURL_WAIT_POLLIN | CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN;
    descriptors.push_back({.fd = channel.socket(), .events = static_cast<short>(events), .revents = 0});
  };
  if (const auto* handshaking = std::get_if<Handshaking>(&state_))
    add(handshaking->channel, handshaking->full);
  if (const auto* writing = std::get_if<Writing>(&state_)) add(writing->channel, true);
  if (const auto* closing = std::get_if<Closing>(&state_)) add(closing->channel, !closing->our_end_sent);
}

// Not before it can be written: an unresponsive listener must not cost the memory of an uncompressed bulk.
LineFeed LineClient::Connection::unpack() {
  // A bulk is never larger than the largest page, which its lines come from.
  auto plain = gunzip(*packed_, limits::page_bytes_max);
  CHECK(plain.has_value());
  packed_.reset();
  return {std::move(*plain), std::move(opening_)};
}

TransportError LineClient::Connection::failed_handshake(const LineChannel& channel) const {
  if (const long verdict = channel.verify_result(); verdict != X509_V_OK)
    return untrusted(listener(), verdict);
  std::string text = "no TLS with " + listener();
  if (!channel.trouble().empty()) text += ": " + printable(channel.trouble());
  return {.fault = TransportFault::tls_failed,
          .sent = false,
          .text = std::move(text),
          .cure = cure_for(TransportFault::tls_failed, {.name = listener_.host})};
}

TransportError LineClient::Connection::cut(const LineChannel& channel, Step how) const {
  std::string text = how == Step::ended
                         ? listener() + " closed the connection before it had taken all lines"
                         : "the connection to " + listener() + " broke: " + printable(channel.trouble());
  return {.fault = TransportFault::cut, .sent = sent_, .text = std::move(text)};
}

TransportError LineClient::Connection::timed_out() const {
  return {.fault = TransportFault::timed_out,
          .sent = sent_,
          .text = listener() + " takes no more bytes: " + describe(steady_now() - started_) +
                  " since connecting"};
}

LineClient::LineClient(CURLM* multi, const Keyring& keyring, const Trust& trust, const Proxy& proxy,
                       const Patience& patience)
    : multi_(multi), keyring_(keyring), trust_(trust), proxy_(proxy), patience_(patience) {}

LineClient::~LineClient() = default;

void LineClient::send(const SendBulk& bulk) {
  Keyring::Piece opening = keyring_.line_opening(bulk.destination);
  if (!opening) {
    answer(bulk.id, std::move(opening.error()));
    return;
  }
  const Endpoint& listener = keyring_.listener(bulk.destination);
  const Route route = route_to(listener, proxy_);
  if (route.proxy != nullptr && route.proxy->display.starts_with("https://")) {
    // A tunnel within TLS has no socket to take over.
    answer(
        bulk.id,
        TransportError{
            .fault = TransportFault::refused_by_us,
            .sent = false,
            .text = "lines cannot go through " + route.proxy->display +
                    ", because that proxy uses TLS: use the listener's port 8071 or a proxy with http://"});
    return;
  }
  auto connection = std::make_unique<Connection>(*this, listener, bulk, std::move(*opening), route);
  connection->start();
  connections_.push_back(std::move(connection));
}

void LineClient::connected(CURL* easy, CURLcode code) {
  const auto found = std::ranges::find_if(
      connections_, [&](const auto& connection) { return connection->connects_by(easy); });
  CHECK(found != connections_.end());
  if (std::optional<BulkResult> result = (*found)->connected(code)) {
    answer((*found)->id(), std::move(*result));
    connections_.erase(found);
  }
}

void LineClient::add_descriptors(std::vector<curl_waitfd>& descriptors) const {
  for (const auto& connection : connections_) connection->add_descriptor(descriptors);
}

void LineClient::drive(Instant now) {
  for (auto it = connections_.begin(); it != connections_.end();) {
    std::optional<BulkResult> result = (*it)->drive(now);
    if (!result) {
      ++it;
      continue;
    }
    answer((*it)->id(), std::move(*result));
    it = connections_.erase(it);
  }
}

Instant LineClient::deadline() const {
  Instant next = never;
  for (const auto& connection : connections_) next = std::min(next, connection->deadline());
  return next;
}

std::optional<BulkAnswer> LineClient::next_answer() {
  if (answers_.empty()) return std::nullopt;
  std::optional<BulkAnswer> answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

std::vector<Note> LineClient::take_notes() {
  return std::exchange(notes_, {});
}

void LineClient::answer(BulkId id, BulkResult result) {
  answers_.push_back({.id = id, .result = std::move(result)});
}

void LineClient::note_open_peer(const std::string& listener) {
  if (!open_peers_said_.insert(listener).second) return;
  notes_.push_back({.level = Level::warn,
                    .tenant = "",
                    .text = listener + " does not close its side of a connection after ours is closed: " +
                            "lines count as delivered " + describe(patience_.line_close) +
                            " later, once its system has acknowledged them, which does not prove that they " +
                            "were read; HTTPS on port 8071 answers"});
}

}  // namespace logzio_okta
