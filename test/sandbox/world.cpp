#include "sandbox/world.hpp"

#include <algorithm>
#include <chrono>

#include <openssl/evp.h>

#include "sandbox/jws_verifier.hpp"
#include "sandbox/tls.hpp"

namespace logzio_okta::sandbox {
namespace {

constexpr WallTime::duration moment_until_persisted{250};

std::string base64(std::string_view text) {
  std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

std::string letters(Random random, std::size_t count) {
  std::string text;
  while (text.size() < count) {
    const auto letter = static_cast<char>(random.below(26));
    text += static_cast<char>((random.below(2) == 0 ? 'a' : 'A') + letter);
  }
  return text;
}

std::string_view scheme_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::https_bulk:
      return "https";
    case Protocol::http_bulk:
      return "http";
    case Protocol::tls_lines:
      return "tls";
    case Protocol::tcp_lines:
      return "tcp";
  }
  return "";
}

std::uint16_t usual_port(Protocol protocol) {
  switch (protocol) {
    case Protocol::https_bulk:
      return 8071;
    case Protocol::http_bulk:
      return 8070;
    case Protocol::tls_lines:
      return 5052;
    case Protocol::tcp_lines:
      return 5050;
  }
  return 0;
}

model::Answer status_only(int status) {
  model::Answer answer;
  answer.status = status;
  return answer;
}

}  // namespace

World::World(std::uint64_t seed) : token_(letters(Random(seed), 32)), seed_(seed) {
  write_file(ca_file(), authority_.pem());
}

World::~World() = default;

WallTime World::now() {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::system_clock::now().time_since_epoch()));
}

TlsContext World::context(Trust trust, std::string host) const {
  const std::vector<std::string> names = host.empty() ? std::vector<std::string>{"localhost", "127.0.0.1"}
                                                      : std::vector<std::string>{std::move(host)};
  switch (trust) {
    case Trust::good:
      return server_context(authority_.issue(names));
    case Trust::wrong_name:
      return server_context(authority_.issue({"somebody-else.example"}));
    case Trust::stranger:
      return server_context(stranger_.issue(names));
    case Trust::expired:
      return server_context(authority_.issue(names, -60));
  }
  return nullptr;
}

void World::set_trust(PortId id, Trust trust) {
  const std::string host = locked([&] { return hosts_[id.index]; });
  server_.set_tls(id, context(trust, host));
}

std::size_t World::add_org(OrgSpec spec) {
  const std::size_t index = orgs_.size();
  const std::uint64_t org_seed = seed_ * 1000 + index;
  const bool tls = spec.tls || !spec.host.empty();
  if (spec.keys.empty() && !spec.service_app) spec.keys.push_back("00" + letters(Random(org_seed), 40));
  spec.settings.seed = org_seed;
  auto log = spec.log ? std::move(spec.log) : std::make_shared<model::EventLog>();
  auto org = std::make_unique<Org>(Org{.model = model::OktaOrg(spec.settings, std::move(log)),
                                       .maker = model::EventMaker(org_seed),
                                       .domain = {},
                                       .name = {},
                                       .keys = spec.keys,
                                       .port = {}});
  for (const std::string& key : spec.keys) org->model.set_key(key, model::KeyState::good);
  PortSpec port{.role = role_of(*org), .tls = tls ? context(spec.trust, spec.host) : nullptr};
  port.port = spec.port;
  org->port = server_.add(std::move(port));

  const std::string number = std::to_string(server_.number(org->port));
  if (!spec.host.empty()) {
    org->domain = org->name = spec.host;
  } else {
    org->name = (tls ? "localhost:" : "127.0.0.1:") + number;
    org->domain = (tls ? "https://" : "http://") + org->name;
  }
  return locked([&] {
    org->model.settings().base = spec.host.empty() ? org->domain : "https://" + spec.host;
    org->model.enable_oauth({.verifies = &verifies, .sha256 = &sha256_of});
    if (!spec.host.empty()) routes_[spec.host + ":443"] = org->port;
    routes_[org->name] = org->port;
    hosts_[org->port.index] = spec.host;
    orgs_.push_back(std::move(org));
    if (spec.service_app) add_service_app(index);
    return index;
  });
}

void World::add_service_app(std::size_t org) {
  locked([&] {
    Org& at = org_at(org);
    at.app_key = test::KeyPair::ec();
    at.model.oauth().add_app(
        {.client_id = client_id(org), .keys = {{.id = "key1", .jwk = at.app_key->public_jwk()}}});
  });
}

Role World::role_of(Org& org) {
  return HttpRole{.admit = [](const model::Request&) { return model::Intake{}; },
                  .handle =
                      [this, &org](const model::Request& request) {
                        return locked([&] { return org.model.handle(request, now()); });
                      }};
}

std::string World::tenants_yaml() const {
  const std::lock_guard lock(mutex_);
  std::string yaml = "tenants_credentials:\n";
  for (const auto& org : orgs_) {
    for (const std::string& key : org->keys) {
      yaml += "  - okta_api_key: " + key + "\n    okta_domain: " + org->domain + "\n";
    }
    if (org->app_key) {
      const auto index = static_cast<std::size_t>(&org - orgs_.data());
      yaml += "  - okta_client_id: " + client_id(index) + "\n    okta_private_key: '" + org->app_key->jwk() +
              "'\n    okta_domain: " + org->domain + "\n";
    }
  }
  return yaml;
}

void World::issue(std::size_t org, std::size_t count) {
  locked([&] {
    Org& at = org_at(org);
    const WallTime published = at.model.clock(now());
    for (std::size_t i = 0; i < count; ++i) {
      append(at, at.maker.make(published), published, published, model::Fate::whole);
    }
  });
}

void World::issue_past(std::size_t org, std::size_t count, Duration span) {
  locked([&] {
    Org& at = org_at(org);
    const WallTime end = at.model.clock(now()) - moment_until_persisted;
    for (std::size_t i = 0; i < count; ++i) {
      const WallTime published =
          end - to_ms(span) * static_cast<WallTime::rep>(count - i) / static_cast<WallTime::rep>(count);
      append(at, at.maker.make(published), published, published + moment_until_persisted, model::Fate::whole);
    }
  });
}

void World::issue_special(std::size_t org, model::Special special, bool over_lines) {
  locked([&] {
    Org& at = org_at(org);
    const WallTime published = at.model.clock(now());
    append(at, at.maker.special(special, published), published, published,
           model::fate_of(special, over_lines));
  });
}

void World::issue_bytes(std::size_t org, std::string event, model::Fate fate) {
  locked([&] {
    Org& at = org_at(org);
    const WallTime published = at.model.clock(now());
    append(at, std::move(event), published, published, fate);
  });
}

void World::append(Org& org, std::string event, WallTime published, WallTime persisted, model::Fate fate) {
  // The wall clock may step back; what a reader has seen stays behind.
  persisted = std::max(persisted, org.model.log().open_from());
  if (judging_) ledger_.issue(org.name, event, fate);
  org.model.append({.bytes = std::move(event), .published = published, .persisted = persisted});
}

std::size_t World::add_listener(ListenerSpec spec) {
  const std::size_t index = listeners_.size();
  const bool tls = !is_cleartext(spec.protocol);
  if (spec.settings.tokens.empty()) spec.settings.tokens.push_back(token_);
  auto log = std::make_unique<Log>(Log{.model = model::Listener(spec.settings), .address = {}, .port = {}});
  log->model.on_stored = [this](const model::StoredLine& line) {
    if (judging_) ledger_.deliver(line.text);
  };
  PortSpec port{.role = role_of(*log, spec.protocol), .tls = tls ? context(spec.trust, spec.host) : nullptr};
  port.port = spec.port;
  log->port = server_.add(std::move(port));

  const std::string number = std::to_string(server_.number(log->port));
  const std::string own_name = (tls ? "localhost:" : "127.0.0.1:") + number;
  const std::string scheme(scheme_of(spec.protocol));
  log->address = scheme + "://" + (spec.host.empty() ? own_name : spec.host);
  return locked([&] {
    if (!spec.host.empty()) routes_[spec.host + ':' + std::to_string(usual_port(spec.protocol))] = log->port;
    routes_[own_name] = log->port;
    hosts_[log->port.index] = spec.host;
    listeners_.push_back(std::move(log));
    return index;
  });
}

Role World::role_of(Log& log, Protocol protocol) {
  if (is_lines(protocol)) {
    return LinesRole{.connect = [this, &log] { return locked([&] { return log.model.connect(now()); }); },
                     .feed =
                         [this, &log](model::LineConnection& connection, std::string_view bytes) {
                           return locked([&] { return log.model.feed(connection, bytes, now()); });
                         },
                     .finish =
                         [this, &log](model::LineConnection& connection) {
                           return locked([&] { return log.model.finish(connection); });
                         }};
  }
  return HttpRole{
      .admit = [this,
                &log](const model::Request& head) { return locked([&] { return log.model.admit(head); }); },
      .handle =
          [this, &log](const model::Request& request) {
            return locked([&] { return log.model.handle(request, now()); });
          }};
}

PortId World::add_proxy(ProxySpec spec) {
  return server_.add({.role = ProxyRole{[this, spec = std::move(spec)](const model::Request& request) {
                        return locked([&] { return route(spec, request); });
                      }},
                      .tls = nullptr});
}

std::variant<PortId, model::Answer> World::route(const ProxySpec& spec, const model::Request& request) {
  const std::string wanted = "Basic " + base64(spec.user + ':' + spec.password);
  if (!spec.user.empty() && find_header(request.headers, "Proxy-Authorization") != wanted) {
    ++tunnels_refused_;
    model::Answer answer = status_only(407);
    answer.set_header("Proxy-Authenticate", "Basic realm=\"sandbox\"");
    return answer;
  }
  const auto found = routes_.find(request.target);
  if (request.method != "CONNECT" || found == routes_.end()) {
    ++tunnels_refused_;
    return status_only(request.method == "CONNECT" ? 502 : 405);
  }
  tunnels_.push_back(request.target);
  return found->second;
}

std::vector<std::string> World::tunnels() const {
  const std::lock_guard lock(mutex_);
  return tunnels_;
}

std::size_t World::tunnels_refused() const {
  const std::lock_guard lock(mutex_);
  return tunnels_refused_;
}

PortId World::add_trap() {
  return server_.add(
      {.role = TrapRole{.connected = [this] { locked([&] { ++trap_calls_; }); },
                        .hear = [this](std::string_view bytes) { locked([&] { trap_heard_ += bytes; }); }},
       .tls = nullptr});
}

std::size_t World::trap_calls() const {
  const std::lock_guard lock(mutex_);
  return trap_calls_;
}

std::string World::trap_heard() const {
  const std::lock_guard lock(mutex_);
  return trap_heard_;
}

model::Judgement World::judge() {
  return with_ledger([](const model::Ledger& ledger) { return ledger.judge(); });
}

void World::set_judging(bool judging) {
  locked([&] { judging_ = judging; });
}

}  // namespace logzio_okta::sandbox
