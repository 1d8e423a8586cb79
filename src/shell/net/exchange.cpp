#include "shell/net/exchange.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/http/cure.hpp"

#include "shell/net/curl_fault.hpp"

namespace logzio_okta {
namespace {

// Enough for a page in few reads; allocated only while an answer is in flight.
constexpr long receive_buffer = 128 * limits::KiB;
constexpr long send_buffer = 512 * limits::KiB;
constexpr const char* user_agent = "logzio-okta/" LOGZIO_OKTA_VERSION;

}  // namespace

void Exchange::prepare(const Trust& trust) {
  connect_by(easy_, route_, connect_);
  if (route_.origin.scheme == "https") verify_by(easy_, trust);
  easy_.set(CURLOPT_TIMEOUT_MS, static_cast<long>(to_ms(whole_).count()));
  easy_.set(CURLOPT_ERRORBUFFER, handshake_.data());
  easy_.set(CURLOPT_BUFFERSIZE, receive_buffer);
  easy_.set(CURLOPT_USERAGENT, user_agent);
  hand_answer_to(easy_, {this, &on_connected, &on_header, &on_body});
}

void Exchange::get(std::string_view target, const Secret& authorization) {
  easy_.set(CURLOPT_REQUEST_TARGET, std::string(target).c_str());
  authorization_ = with_nul(authorization);
  headers_.add(authorization_.expose().data());
  headers_.add("Accept: application/json");
  headers_.add("Content-Type: application/json");
  headers_.add("Accept-Encoding: gzip");
  easy_.set(CURLOPT_HTTPHEADER, headers_.head());
}

void Exchange::get_signed(std::string_view target, Sign sign) {
  easy_.set(CURLOPT_REQUEST_TARGET, std::string(target).c_str());
  add_signed(2, std::move(sign));
  headers_.add("Accept: application/json");
  headers_.add("Content-Type: application/json");
  headers_.add("Accept-Encoding: gzip");
  easy_.set(CURLOPT_HTTPHEADER, headers_.head());
}

void Exchange::post_form(std::string_view target, Secret&& form, Sign sign) {
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
void Exchange::add_signed(std::size_t headers, Sign sign) {
  for (std::size_t i = 0; i < headers; ++i) headers_.add("DPoP:");
  sign_ = std::move(sign);
}

// libcurl calls this before each sending of the request, also if it repeats one over a new connection, and
// reads the headers only then.
bool Exchange::sign() {
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

void Exchange::send_body() {
  easy_.set(CURLOPT_POST, 1L);
  easy_.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes_.size()));
  // A read callback without a seek callback: if a reused connection closes after taking the body, libcurl
  // cannot silently send it a second time.
  easy_.set(CURLOPT_READFUNCTION, &on_send);
  easy_.set(CURLOPT_READDATA, static_cast<void*>(this));
}

void Exchange::post(const Secret& target, std::shared_ptr<const std::string> body) {
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

int Exchange::on_connected(void* self, char*, char*, int, int) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  // A second connection for the same request: libcurl found the reused one dead. It counts the bytes it
  // wrote, not those it took from us, so a body already begun would continue in the middle.
  if (exchange.handed_out_ > 0) return CURL_PREREQFUNC_ABORT;
  if (!exchange.sign()) return CURL_PREREQFUNC_ABORT;
  exchange.connected_ = true;
  exchange.moved();
  return CURL_PREREQFUNC_OK;
}

std::size_t Exchange::on_header(char* bytes, std::size_t, std::size_t size, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.moved();
  return exchange.answer_.header_line({bytes, size}) ? size : 0;
}

std::size_t Exchange::on_body(char* bytes, std::size_t, std::size_t size, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.moved();
  return exchange.answer_.body_bytes({bytes, size}, exchange.announced()) ? size : 0;
}

std::size_t Exchange::on_send(char* room, std::size_t, std::size_t size, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.moved();
  const std::size_t count = std::min(size, exchange.bytes_.size() - exchange.handed_out_);
  std::memcpy(room, exchange.bytes_.data() + exchange.handed_out_, count);
  exchange.handed_out_ += count;
  return count;
}

std::optional<std::size_t> Exchange::announced() const {
  const auto length = easy_.info<curl_off_t>(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
  if (length < 0) return std::nullopt;
  return static_cast<std::size_t>(length);
}

HttpResult Exchange::ended(CURLcode code) {
  if (code == CURLE_OK && !answer_.headers_complete()) code = CURLE_PARTIAL_FILE;
  // The beginning of Okta's answer is enough: only its status and link are needed.
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

HttpResult Exchange::stalled() const {
  return std::unexpected(
      TransportError{.fault = TransportFault::timed_out,
                     .sent = true,
                     .text = "no data from " + route_.name() + " for " + describe(stall_),
                     .cure = cure_for(TransportFault::timed_out, {.name = route_.name()})});
}

}  // namespace logzio_okta
