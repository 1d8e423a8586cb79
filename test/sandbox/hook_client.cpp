#include "sandbox/hook_client.hpp"

#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace logzio_okta::sandbox {

HookClient::HookClient(std::uint16_t port, const std::string& trusted_file, const char* from)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{.tv_sec = 120, .tv_usec = 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, from, &address.sin_addr);
  bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_ = connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (!connected_ || trusted_file.empty()) return;
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  connected_ = SSL_CTX_load_verify_locations(context_.get(), trusted_file.c_str(), nullptr) == 1;
  ssl_.reset(SSL_new(context_.get()));
  SSL_set1_host(ssl_.get(), "localhost");
  SSL_set_fd(ssl_.get(), socket_.get());
  connected_ = connected_ && SSL_connect(ssl_.get()) == 1;
}

bool HookClient::say(std::string_view bytes) {
  if (!connected_) return false;
  if (ssl_) return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

bool HookClient::update_key() {
  return connected_ && SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
         SSL_do_handshake(ssl_.get()) == 1;
}

std::size_t HookClient::receive(char* into, std::size_t size) {
  const auto got = ssl_ ? SSL_read(ssl_.get(), into, static_cast<int>(size))
                        : static_cast<int>(::recv(socket_.get(), into, size, 0));
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

HookReply HookClient::hear() {
  HookReply reply;
  std::string room(65'536, '\0');
  const auto more = [&] {
    const std::size_t got = connected_ ? receive(room.data(), room.size()) : 0;
    heard_.append(room, 0, got);
    return got > 0;
  };
  std::size_t head_end = 0;
  while ((head_end = heard_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return reply;
  }
  std::size_t length = 0;
  const std::string name = "Content-Length: ";
  if (const std::size_t at = heard_.find(name); at < head_end) {
    std::from_chars(heard_.data() + at + name.size(), heard_.data() + head_end, length);
  }
  while (heard_.size() < head_end + 4 + length) {
    if (!more()) return reply;
  }
  if (heard_.starts_with("HTTP/1.1 ")) std::from_chars(heard_.data() + 9, heard_.data() + 12, reply.status);
  reply.body = heard_.substr(head_end + 4, length);
  heard_.erase(0, head_end + 4 + length);
  return reply;
}

std::string HookClient::serial() const {
  if (!ssl_ || !connected_) return {};
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()),
                                                                X509_free);
  const ASN1_INTEGER* number = X509_get0_serialNumber(certificate.get());
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(number)),
          static_cast<std::size_t>(ASN1_STRING_length(number))};
}

std::string hook_body(const std::string& source, const std::vector<std::string>& events,
                      const std::string& event_id) {
  std::string list;
  for (const std::string& event : events) list += (list.empty() ? "" : ",") + event;
  const std::string base = source.contains("://") ? source : "https://" + source;
  return R"({"eventType":"com.okta.event_hook","eventTypeVersion":"1.0","cloudEventsVersion":"0.1","source":")" +
         base + R"(/api/v1/eventHooks/who7example0000000000","eventId":")" + event_id +
         R"(","data":{"events":[)" + list +
         R"(]},"eventTime":"2023-03-28T17:03:37.093Z","contentType":"application/json"})";
}

std::string hook_post(const std::string& body, const std::string& headers, bool keeps_alive) {
  return "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: "
         "application/json\r\n"
         "User-Agent: Okta-Integrations\r\nConnection: " +
         std::string(keeps_alive ? "keep-alive" : "close") + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace logzio_okta::sandbox
