#include "shell/net/curl_client.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <ranges>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <poll.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/oauth_claims.hpp"

#include "shell/net/curl_fault.hpp"
#include "shell/net/exchange.hpp"
#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

// Twice the tenants, plus the bulks: a connection closed for lack of room costs a handshake.
constexpr long connections_kept = 2 * limits::tenants_max + 16;

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
  Keyring::Piece form = keyring_.token_form(mint);
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

// False if there are some, but what each needs is still being computed.
bool CurlClient::start_a_mint() {
  const auto okta_now = [](const MintToken& mint) { return wall_now() + mint.okta_ahead; };
  const auto first = mints_ | std::views::take(limits::mints_prepared_max);
  const auto ready = std::ranges::find_if(
      first, [&](const MintToken& mint) { return keyring_.prepare(mint, okta_now(mint)); });
  if (ready == first.end()) return mints_.empty();
  const MintToken mint = std::move(*ready);
  mints_.erase(ready);
  start_mint(mint);
  return true;
}

void CurlClient::wait(std::span<curl_waitfd> extra, Duration timeout) {
  const bool preparing = !mints_held_ && !start_a_mint();
  descriptors_.assign(extra.begin(), extra.end());
  lines_.add_descriptors(descriptors_);
  if (preparing) timeout = std::min<Duration>(timeout, limits::background_pause);
  const Instant start = steady_now();
  if (woke_) turns_.add(start - *woke_);
  block(extra, answers_.empty() && (mints_.empty() || mints_held_ || preparing)
                   ? std::min(timeout, until_next_deadline(start))
                   : Duration(0));
  woke_ = steady_now();

  int running = 0;
  CHECK(curl_multi_perform(multi_.get(), &running) == CURLM_OK);
  reap();
  const Instant now = steady_now();
  end_stalled(now);
  lines_.drive(now);
  collect_line_answers();
}

void CurlClient::block(std::span<curl_waitfd> extra, Duration at_most) {
  const CURLMcode waited =
      curl_multi_poll(multi_.get(), descriptors_.data(), static_cast<unsigned>(descriptors_.size()),
                      poll_timeout(at_most), nullptr);
  CHECK(waited == CURLM_OK || waited == CURLM_UNRECOVERABLE_POLL || waited == CURLM_OUT_OF_MEMORY);
  if (waited != CURLM_OK) return wait_without_poll(extra, at_most);
  if (unwaitable_.active()) static_cast<void>(unwaitable_.healed(steady_now()));
  for (std::size_t i = 0; i < extra.size(); ++i) extra[i].revents = descriptors_[i].revents;
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
