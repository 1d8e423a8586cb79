// NetworkBench: a CurlClient with one org's key and a token, and a patient reader of its answers.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "logzio_okta/base/gzip.hpp"

#include "catch.hpp"
#include "shell/net/curl_client.hpp"

namespace logzio_okta::test {

inline constexpr std::string_view api_key = "00abcDEF-ghi_JKL";
inline constexpr std::string_view token = "AbcdefghijklmnopqrstuvwxyzABCDEF";
inline constexpr std::string_view proxy_password = "open-sesame";

inline Domain domain(const std::string& text) {
  return Domain::parse(text).value();
}
inline Endpoint endpoint(const std::string& text) {
  return Endpoint::parse(text).value();
}
inline std::string on_loopback(std::string_view scheme, std::uint16_t port) {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port);
}
inline Proxy proxy_at(std::uint16_t port, std::string_view no_proxy = "") {
  return Proxy::from("http://joe:" + std::string(proxy_password) + "@127.0.0.1:" + std::to_string(port),
                     no_proxy)
      .value();
}
inline std::shared_ptr<const std::string> packed(std::string_view plain) {
  return std::make_shared<const std::string>(gzip(plain));
}
inline TransportError error_of(const OktaAnswer& answer) {
  REQUIRE_FALSE(answer.result.has_value());
  return answer.result.error();
}

class NetworkBench {
 public:
  struct Setup {
    std::string listener = "http://127.0.0.1:9";
    Patience patience = {};
    std::optional<std::string> ca_file = std::nullopt;
    Proxy proxy = {};
  };

  NetworkBench() : NetworkBench(Setup{}) {}
  explicit NetworkBench(Setup setup)
      : trust_(Trust::load(setup.ca_file).value()), proxy_(std::move(setup.proxy)) {
    std::signal(SIGPIPE, SIG_IGN);
    keyring_.set_usual({.listener = endpoint(setup.listener), .token = Secret(std::string(token))});
    destination_ = add_destination({});
    client_ = CurlClient::create(keyring_, trust_, proxy_, setup.patience).value();
  }

  CurlClient& client() { return *client_; }
  Keyring& keyring() { return keyring_; }

  /// An account of its own; empty: the usual one.
  DestinationId add_destination(std::string_view own_token, std::optional<Endpoint> listener = std::nullopt) {
    std::vector<TenantEntry> entries;
    entries.push_back({.domain = Domain::parse("acme.okta.com").value(),
                       .api_key = Secret(std::string(api_key)),
                       .listener = std::move(listener),
                       .token = Secret(std::string(own_token))});
    return keyring_.replace(std::move(entries)).destinations.front().id;
  }

  RequestId ask(const Domain& org, std::string target = "/api/v1/logs") {
    const RequestId id{++last_id_};
    const CredentialId key = keyring_.add(org, Secret(std::string(api_key)));
    client_->ask({.id = id, .credential = key, .origin = org.origin(), .target = std::move(target)});
    return id;
  }
  BulkId send(std::string_view plain, int patience = 1) {
    const BulkId id{++last_id_};
    client_->send(
        {.id = id, .destination = destination_, .packed = packed(plain), .lines = 1, .patience = patience});
    return id;
  }

  /// The next answer; the test fails if it takes longer than anything here should.
  Input answer() {
    const Instant give_up = steady_now() + 120s;
    while (steady_now() < give_up) {
      if (std::optional<Input> input = client_->next_answer()) return std::move(*input);
      client_->wait({}, 1s);
    }
    FAIL("no answer within two minutes");
    return Tick{};
  }
  OktaAnswer okta_answer() {
    auto answer = std::get<OktaAnswer>(this->answer());
    if (!answer.result) holds_no_secret(answer.result.error().text);
    return answer;
  }
  BulkAnswer bulk_answer() {
    auto answer = std::get<BulkAnswer>(this->answer());
    if (const auto* error = std::get_if<TransportError>(&answer.result)) holds_no_secret(error->text);
    return answer;
  }
  TransportError bulk_error() { return std::get<TransportError>(bulk_answer().result); }

 private:
  static void holds_no_secret(const std::string& text) {
    INFO(text);
    CHECK_FALSE(text.empty());
    for (const std::string_view secret : {api_key, token, proxy_password}) {
      CHECK(text.find(secret) == std::string::npos);
    }
  }

  Keyring keyring_;
  Trust trust_;
  Proxy proxy_;
  std::unique_ptr<CurlClient> client_;
  DestinationId destination_;
  std::uint64_t last_id_ = 0;
};

}  // namespace logzio_okta::test
