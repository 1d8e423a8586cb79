#include "shell/net/curl_client.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <poll.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/oauth_claims.hpp"

#include "shell/net/answer_collector.hpp"
#include "shell/net/curl_fault.hpp"
#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

// Twice the tenants, plus the bulks: a connection closed for lack of room costs a handshake.
constexpr long connections_kept = 2 * limits::tenants_max + 16;
// Enough for a page in few reads; allocated only while an answer is in flight.
constexpr long receive_buffer = 128 * limits::KiB;
constexpr long send_buffer = 512 * limits::KiB;
constexpr Duration proof_key_pause = 20ms;  // Before checking again for a key that is being generated.
constexpr const char* user_agent = "logzio-okta/" LOGZIO_OKTA_VERSION;

// A space or a line break in it would end the request line, and the rest would become headers.
bool is_request_target(std::string_view target) {
  return target.starts_with('/') && std::ranges::all_of(target, ascii::is_visible);
}

TransportError refused(std::string text) {
  return {.fault = TransportFault::refused_by_us, .sent = false, .text = std::move(text)};
}

Origin origin_of(const Endpoint& endpoint) {
  return {.scheme = is_cleartext(endpoint.protocol) ? "http" : "https",
          .host = endpoint.host,
          .port = endpoint.port};
}

int poll_timeout(Duration wait) {
  // Rounded up: a millisecond too early would cost a useless turn.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(wait, Duration(0))).count();
  return static_cast<int>(std::min<std::int64_t>(ms, std::numeric_limits<int>::max()));
}

}  // namespace

// One request and its answer. libcurl holds its address until it is destroyed.
class CurlClient::Exchange {
 public:
  /// A question has its credential, so that the keyring learns what the answer says about it.
  struct Ask {
    RequestId id;
    CredentialId credential;
  };
  using Id = std::variant<Ask, MintToken, BulkId>;
  /// Headers that are valid for one sending, in order; nothing: the request may not be sent.
  using Sign = std::function<std::optional<std::vector<Secret>>()>;

  Exchange(Id id, const Route& route, Duration connect, Duration stall, Duration whole,
           std::size_t answer_bytes_max, std::size_t& bodies_bytes)
      : id_(std::move(id)),
        route_(route),
        connect_(connect),
        stall_(stall),
        whole_(whole),
        answer_(answer_bytes_max, bodies_bytes) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() = default;

  void prepare(const Trust& trust);
  void get(std::string_view target, const Secret& authorization);
  void get_signed(std::string_view target, Sign sign);
  void post_form(std::string_view target, Secret&& form, Sign sign);
  void post(const Secret& target, std::shared_ptr<const std::string> body);
  void start(CURLM* multi) { easy_.start(multi); }

  [[nodiscard]] CURL* handle() const { return easy_.get(); }
  [[nodiscard]] const Id& id() const { return id_; }
  /// When it counts as stalled; while connecting, libcurl's own timeout applies.
  [[nodiscard]] Instant stalled_at() const { return connected_ ? moved_ + stall_ : never; }
  [[nodiscard]] HttpResult ended(CURLcode code);
  [[nodiscard]] HttpResult stalled() const;

 private:
  static int on_connected(void* self, char*, char*, int, int) noexcept;
  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_send(char* room, std::size_t, std::size_t size, void* self) noexcept;

  void moved() { moved_ = steady_now(); }
  [[nodiscard]] std::optional<std::size_t> announced() const;
  void add_signed(std::size_t headers, Sign sign);
  [[nodiscard]] bool sign();
  void send_body();

  Id id_;
  Route route_;
  Duration connect_;
  Duration stall_;
  Duration whole_;
  AnswerCollector answer_;
  Secret authorization_;  // Read in place by libcurl, wiped with this object.
  HeaderList headers_;
  Sign sign_;
  std::vector<Secret> signed_;  // Read in place and wiped, too.
  std::shared_ptr<const std::string> body_;
  Secret form_;
  std::string_view bytes_;      // Of the body, or of the form.
  std::size_t handed_out_ = 0;  // Of the body.
  bool connected_ = false;
  Instant moved_;
  std::array<char, CURL_ERROR_SIZE> handshake_{};
  EasyHandle easy_;  // Last, so that it is destroyed first: it reads the others.
};

void CurlClient::Exchange::prepare(const Trust& trust) {
  connect_by(easy_, route_, connect_);
  if (route_.origin.scheme == "https") verify_by(easy_, trust);
  easy_.set(CURLOPT_TIMEOUT_MS, static_cast<long>(to_ms(whole_).count()));
  easy_.set(CURLOPT_ERRORBUFFER, handshake_.data());
  easy_.set(CURLOPT_BUFFERSIZE, receive_buffer);
  easy_.set(CURLOPT_USERAGENT, user_agent);
  // We decode ourselves, bounded and ten times faster.
  easy_.set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  easy_.set(CURLOPT_PATH_AS_IS, 1L);
  easy_.set(CURLOPT_PREREQFUNCTION, &on_connected);
  easy_.set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  easy_.set(CURLOPT_HEADERFUNCTION, &on_header);
  easy_.set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  easy_.set(CURLOPT_WRITEFUNCTION, &on_body);
  easy_.set(CURLOPT_WRITEDATA, static_cast<void*>(this));
}

void CurlClient::Exchange::get(std::string_view target, const Secret& authorization) {
  easy_.set(CURLOPT_REQUEST_TARGET, std::string(target).c_str());
  authorization_ = with_nul(authorization);
  headers_.add(authorization_.expose().data());
  headers_.add("Accept: application/json");
  headers_.add("Content-Type: application/json");
  headers_.add("Accept-Encoding: gzip");
  easy_.set(CURLOPT_HTTPHEADER, headers_.head());
}

void CurlClient::Exchange::get_signed(std::string_view target, Sign sign) {
  easy_.set(CURLOPT_REQUEST_TARGET, std::string(target).c_str());
  add_signed(2, std::move(sign));
  headers_.add("Accept: application/json");
  headers_.add("Content-Type: application/json");
  headers_.add("Accept-Encoding: gzip");
  easy_.set(CURLOPT_HTTPHEADER, headers_.head());
}

void CurlClient::Exchange::post_form(std::string_view target, Secret&& form, Sign sign) {
  form_ = std::move(form);
  bytes_ = form_.expose();
  easy_.set(CURLOPT_REQUEST_TARGET, std::string(target).c_str());
  send_body();
  add_signed(1, std::move(sign));
  headers_.add("Accept: application/json");
  headers_.add("Content-Type: application/x-www-form-urlencoded");
  headers_.add("Expect:");
  easy_.set(CURLOPT_HTTPHEADER, headers_.head());
}

// Until they are signed, their slots hold a header without a value, which libcurl does not send.
void CurlClient::Exchange::add_signed(std::size_t headers, Sign sign) {
  for (std::size_t i = 0; i < headers; ++i) headers_.add("DPoP:");
  sign_ = std::move(sign);
}

// libcurl calls this before each sending of the request, also if it repeats one over a new connection, and
// reads the headers only then.
bool CurlClient::Exchange::sign() {
  if (!sign_) return true;
  auto pieces = sign_();
  if (!pieces) return false;
  signed_.clear();
  for (std::size_t i = 0; i < pieces->size(); ++i) {
    signed_.push_back(with_nul((*pieces)[i]));
    headers_.replace(i, (*pieces)[i].empty() ? "DPoP:" : signed_.back().expose().data());
  }
  return true;
}

void CurlClient::Exchange::send_body() {
  easy_.set(CURLOPT_POST, 1L);
  easy_.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes_.size()));
  // A read callback without a seek callback: if a reused connection closes after taking the body, libcurl
  // cannot silently send it a second time.
  easy_.set(CURLOPT_READFUNCTION, &on_send);
  easy_.set(CURLOPT_READDATA, static_cast<void*>(this));
}

void CurlClient::Exchange::post(const Secret& target, std::shared_ptr<const std::string> body) {
  body_ = std::move(body);
  bytes_ = *body_;
  easy_.set(CURLOPT_REQUEST_TARGET, target);
  easy_.set(CURLOPT_UPLOAD_BUFFERSIZE, send_buffer);
  send_body();
  headers_.add("Content-Type: text/plain");
  headers_.add("Content-Encoding: gzip");
  headers_.add("Expect:");
  easy_.set(CURLOPT_HTTPHEADER, headers_.head());
}

int CurlClient::Exchange::on_connected(void* self, char*, char*, int, int) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  // A second connection for the same request: libcurl found the reused one dead. It counts the bytes it
  // wrote, not those it took from us, so a body already begun would continue in the middle.
  if (exchange.handed_out_ > 0) return CURL_PREREQFUNC_ABORT;
  if (!exchange.sign()) return CURL_PREREQFUNC_ABORT;
  exchange.connected_ = true;
  exchange.moved();
  return CURL_PREREQFUNC_OK;
}

std::size_t CurlClient::Exchange::on_header(char* bytes, std::size_t, std::size_t size, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.moved();
  return exchange.answer_.header_line({bytes, size}) ? size : 0;
}

std::size_t CurlClient::Exchange::on_body(char* bytes, std::size_t, std::size_t size, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.moved();
  return exchange.answer_.body_bytes({bytes, size}, exchange.announced()) ? size : 0;
}

std::size_t CurlClient::Exchange::on_send(char* room, std::size_t, std::size_t size, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.moved();
  const std::size_t count = std::min(size, exchange.bytes_.size() - exchange.handed_out_);
  std::memcpy(room, exchange.bytes_.data() + exchange.handed_out_, count);
  exchange.handed_out_ += count;
  return count;
}

std::optional<std::size_t> CurlClient::Exchange::announced() const {
  const auto length = easy_.info<curl_off_t>(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
  if (length < 0) return std::nullopt;
  return static_cast<std::size_t>(length);
}

HttpResult CurlClient::Exchange::ended(CURLcode code) {
  if (code == CURLE_OK && !answer_.headers_complete()) code = CURLE_PARTIAL_FILE;
  // The beginning of Okta's answer is enough: its status and link are needed.
  const bool beginning = code == CURLE_WRITE_ERROR && answer_.cut_off() && std::holds_alternative<Ask>(id_);
  if (code == CURLE_OK || beginning) {
    return answer_.take(static_cast<int>(easy_.info<long>(CURLINFO_RESPONSE_CODE)));
  }
  const Journey journey{.route = route_,
                        .connected = connected_,
                        .complaint = answer_.complaint(),
                        .connect = connect_,
                        .whole = whole_,
                        .handshake = handshake_.data()};
  TransportError error = explain(easy_, code, journey);
  error.sent = error.sent || handed_out_ > 0;
  return std::unexpected(std::move(error));
}

HttpResult CurlClient::Exchange::stalled() const {
  return std::unexpected(
      TransportError{.fault = TransportFault::timed_out,
                     .sent = true,
                     .text = "no data from " + route_.name() + " for " + describe(stall_)});
}

Result<std::unique_ptr<CurlClient>> CurlClient::create(Keyring& keyring, const Trust& trust,
                                                       const Proxy& proxy, const Patience& patience) {
  if (Result<void> suitable = curl_is_suitable(); !suitable) return fail(suitable.error().text);
  return std::unique_ptr<CurlClient>(new CurlClient(keyring, trust, proxy, patience));
}

CurlClient::CurlClient(Keyring& keyring, const Trust& trust, const Proxy& proxy, const Patience& patience)
    : keyring_(keyring),
      trust_(trust),
      proxy_(proxy),
      patience_(patience),
      multi_(curl_multi_init()),
      lines_(multi_.get(), keyring, trust, proxy, patience) {
  CHECK(multi_ != nullptr);
  CHECK(curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, connections_kept) == CURLM_OK);
  CHECK(curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING)) ==
        CURLM_OK);
}

CurlClient::~CurlClient() = default;

void CurlClient::ask(const AskOkta& ask) {
  if (!is_request_target(ask.target)) {
    answers_.emplace_back(
        OktaAnswer{.id = ask.id,
                   .result = std::unexpected(refused("the link to follow is not a path: nothing was sent"))});
    return;
  }
  const Keyring::Piece authorization = keyring_.authorization(ask.credential, ask.origin);
  if (!authorization) {
    answers_.emplace_back(OktaAnswer{.id = ask.id, .result = std::unexpected(authorization.error())});
    return;
  }
  auto exchange = std::make_unique<Exchange>(
      Exchange::Ask{.id = ask.id, .credential = ask.credential}, Route::to(ask.origin, proxy_),
      patience_.connect, patience_.ask_stall, patience_.ask_whole, limits::answer_bytes_max, bodies_bytes_);
  exchange->prepare(trust_);
  if (keyring_.is_service_app(ask.credential)) {
    exchange->get_signed(ask.target, [this, ask]() -> std::optional<std::vector<Secret>> {
      Keyring::Piece token = keyring_.authorization(ask.credential, ask.origin);
      Keyring::Piece proof =
          keyring_.proof(ask.credential, ask.origin, ask.target, wall_now() + ask.okta_ahead);
      if (!token || !proof) return std::nullopt;
      std::vector<Secret> headers;
      headers.push_back(std::move(*token));
      headers.push_back(std::move(*proof));
      return headers;
    });
  } else {
    exchange->get(ask.target, *authorization);
  }
  start(std::move(exchange));
}

void CurlClient::start_mint(const MintToken& mint) {
  Keyring::Piece form = keyring_.token_form(mint, wall_now() + mint.okta_ahead);
  if (!form) {
    answers_.emplace_back(TokenAnswer{.id = mint.id, .result = std::move(form.error())});
    return;
  }
  auto exchange =
      std::make_unique<Exchange>(mint, Route::to(mint.origin, proxy_), patience_.connect, patience_.ask_stall,
                                 patience_.ask_whole, limits::token_answer_bytes_max, bodies_bytes_);
  exchange->prepare(trust_);
  exchange->post_form(token_path, std::move(*form), [this, mint]() -> std::optional<std::vector<Secret>> {
    Keyring::Piece proof = keyring_.token_proof(mint, wall_now() + mint.okta_ahead);
    if (!proof) return std::nullopt;
    std::vector<Secret> headers;
    headers.push_back(std::move(*proof));
    return headers;
  });
  start(std::move(exchange));
}

void CurlClient::cancel(RequestId id) {
  std::erase_if(exchanges_, [&](const auto& entry) {
    const auto* ask = std::get_if<Exchange::Ask>(&entry.second->id());
    return ask != nullptr && ask->id == id;
  });
  std::erase_if(answers_, [&](const Input& input) {
    const auto* answer = std::get_if<OktaAnswer>(&input);
    return answer != nullptr && answer->id == id;
  });
}

void CurlClient::send(const SendBulk& bulk) {
  const Endpoint& listener = keyring_.listener(bulk.destination);
  if (is_lines(listener.protocol)) {
    lines_.send(bulk);
    collect_line_answers();
    return;
  }
  const Keyring::Piece target = keyring_.bulk_target(bulk.destination);
  if (!target) {
    answers_.emplace_back(BulkAnswer{.id = bulk.id, .result = target.error()});
    return;
  }
  auto exchange = std::make_unique<Exchange>(
      bulk.id, Route::to(origin_of(listener), proxy_), patience_.connect, patience_.stall_of(bulk),
      patience_.whole_of(bulk), limits::bulk_answer_bytes_max, bodies_bytes_);
  exchange->prepare(trust_);
  exchange->post(*target, bulk.packed);
  start(std::move(exchange));
}

void CurlClient::start(std::unique_ptr<Exchange> exchange) {
  exchange->start(multi_.get());
  CURL* handle = exchange->handle();
  exchanges_.emplace(handle, std::move(exchange));
}

void CurlClient::deliver(const Exchange& exchange, HttpResult&& result) {
  if (const auto* ask = std::get_if<Exchange::Ask>(&exchange.id())) {
    if (result) keyring_.hear(ask->credential, result->headers);
    answers_.emplace_back(OktaAnswer{.id = ask->id, .result = std::move(result)});
  } else if (const auto* mint = std::get_if<MintToken>(&exchange.id())) {
    answers_.emplace_back(
        TokenAnswer{.id = mint->id, .result = keyring_.take_token(*mint, std::move(result))});
  } else {
    const auto bulk = std::get<BulkId>(exchange.id());
    if (result) {
      answers_.emplace_back(BulkAnswer{.id = bulk, .result = std::move(*result)});
    } else {
      answers_.emplace_back(BulkAnswer{.id = bulk, .result = std::move(result.error())});
    }
  }
}

// False if there are some, but the proof key of each is still being generated.
bool CurlClient::start_a_mint() {
  const auto ready =
      std::ranges::find_if(mints_, [&](const MintToken& mint) { return keyring_.can_prove(mint); });
  if (ready == mints_.end()) return mints_.empty();
  const MintToken mint = std::move(*ready);
  mints_.erase(ready);
  start_mint(mint);
  return true;
}

void CurlClient::wait(std::span<curl_waitfd> extra, Duration timeout) {
  const bool mints_wait = !start_a_mint();
  descriptors_.assign(extra.begin(), extra.end());
  lines_.add_descriptors(descriptors_);
  if (mints_wait) timeout = std::min<Duration>(timeout, proof_key_pause);
  const Duration block = answers_.empty() && (mints_.empty() || mints_wait)
                             ? std::min(timeout, until_next_deadline(steady_now()))
                             : Duration(0);
  const CURLMcode waited =
      curl_multi_poll(multi_.get(), descriptors_.data(), static_cast<unsigned>(descriptors_.size()),
                      poll_timeout(block), nullptr);
  CHECK(waited == CURLM_OK || waited == CURLM_UNRECOVERABLE_POLL || waited == CURLM_OUT_OF_MEMORY);
  if (waited != CURLM_OK) wait_without_poll(extra, block);
  if (waited == CURLM_OK && unwaitable_.active()) static_cast<void>(unwaitable_.healed(steady_now()));
  for (std::size_t i = 0; waited == CURLM_OK && i < extra.size(); ++i)
    extra[i].revents = descriptors_[i].revents;

  int running = 0;
  CHECK(curl_multi_perform(multi_.get(), &running) == CURLM_OK);
  reap();
  const Instant now = steady_now();
  end_stalled(now);
  lines_.drive(now);
  collect_line_answers();
}

// poll(2) refuses more descriptors at once than the process may have (RLIMIT_NOFILE), a limit that can be
// lowered while it runs. Then each descriptor is checked by itself, now and then, so open connections
// continue.
void CurlClient::wait_without_poll(std::span<curl_waitfd> extra, Duration block) {
  if (unwaitable_.failed(steady_now(), "poll")) {
    notes_.push_back(
        {.level = Level::error,
         .tenant = {},
         .text = "more connections are open than this process may have: its limit of open files "
                 "(RLIMIT_NOFILE, LimitNOFILE= of the unit) was lowered while it was running. Open "
                 "connections continue slowly, and no new ones can be opened; raise the limit or restart"});
  }
  bool ready = false;
  for (curl_waitfd& each : extra) {
    pollfd one{.fd = each.fd, .events = each.events, .revents = 0};
    ready = ::poll(&one, 1, 0) > 0 || ready;
    each.revents = one.revents;
  }
  if (!ready) ::poll(nullptr, 0, poll_timeout(std::min<Duration>(block, limits::unwaitable_rest)));
}

void CurlClient::reap() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found = exchanges_.find(handle);
    if (found == exchanges_.end()) {
      lines_.connected(handle, code);
      continue;
    }
    deliver(*found->second, found->second->ended(code));
    exchanges_.erase(found);
  }
}

// Our own check instead of CURLOPT_LOW_SPEED_TIME, which counts whole seconds over an average of several.
void CurlClient::end_stalled(Instant now) {
  for (auto it = exchanges_.begin(); it != exchanges_.end();) {
    if (it->second->stalled_at() > now) {
      ++it;
      continue;
    }
    deliver(*it->second, it->second->stalled());
    it = exchanges_.erase(it);
  }
}

void CurlClient::collect_line_answers() {
  while (std::optional<BulkAnswer> answer = lines_.next_answer()) answers_.emplace_back(std::move(*answer));
}

Duration CurlClient::until_next_deadline(Instant now) const {
  Instant next = lines_.deadline();
  for (const auto& [handle, exchange] : exchanges_) next = std::min(next, exchange->stalled_at());
  return next == never ? Duration::max() : next - now;
}

std::optional<Input> CurlClient::next_answer() {
  if (answers_.empty()) return std::nullopt;
  std::optional<Input> answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

std::vector<Note> CurlClient::take_notes() {
  std::vector<Note> notes = lines_.take_notes();
  std::ranges::move(std::exchange(notes_, {}), std::back_inserter(notes));
  return notes;
}

std::size_t CurlClient::in_flight() const {
  return exchanges_.size() + lines_.in_flight();
}

}  // namespace logzio_okta
