// World: Okta orgs, Logz.io listeners, a proxy and a trap on ports of 127.0.0.1, served by one thread from
// the models.
//
//     World world;
//     const auto acme = world.add_org({.tls = true});
//     const auto logz = world.add_listener();                       // HTTPS bulk
//     world.issue(acme, 1000);                                      // the ledger knows them
//     write_file(tenants, world.tenants_yaml());                    // all orgs, each with its first key
//     Daemon daemon({.args = {"--tenants", tenants, "--listener", world.listener_address(logz),
//                             "--ca-file", world.ca_file()}, .env = {{"LOGZIO_TOKEN", world.token()}}});
//     REQUIRE(world.wait(10s, [&] { return world.with_ledger([](auto& ledger) { return ledger.complete(); });
//     })); REQUIRE(world.judge().proven());
//
// Models are reached with `with_org` and its kin, under one lock that the server takes for each request;
// `wait` sleeps until something has happened. refuse(), drop() and the port counts speak to the server's
// thread: not inside a with_...
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/logzio/endpoint.hpp"

#include "model/events.hpp"
#include "model/ledger.hpp"
#include "model/listener.hpp"
#include "model/okta_org.hpp"
#include "sandbox/server.hpp"
#include "sandbox/temp_dir.hpp"
#include "tools/certificates.hpp"
#include "tools/key_pair.hpp"

namespace logzio_okta::sandbox {

/// What is wrong with a port's certificate.
enum class Trust : std::uint8_t {
  good,
  wrong_name,  ///< Issued by the authority, for another host.
  stranger,    ///< Issued by an unknown authority.
  expired,
};

struct OrgSpec {
  bool tls = false;
  /// A name such as "acme.okta.com", reached through the proxy at port 443 (implies TLS). Empty: at its own
  /// port.
  std::string host = {};
  model::OrgSettings settings = {};    ///< `base` is filled in.
  std::vector<std::string> keys = {};  ///< Empty: one is made up.
  bool service_app = false;            ///< Instead of an API key: a service app, with DPoP required.
  std::shared_ptr<model::EventLog> log = nullptr;  ///< To share one among orgs.
  Trust trust = Trust::good;
  std::uint16_t port = 0;
};

struct ListenerSpec {
  Protocol protocol = Protocol::https_bulk;
  /// A name such as "listener.logz.io", reached through the proxy at the protocol's usual port.
  std::string host = {};
  model::ListenerSettings settings = {};  ///< Without tokens: the world's.
  Trust trust = Trust::good;
  std::uint16_t port = 0;
};

struct ProxySpec {
  std::string user = {};  ///< Not empty: basic authentication is demanded.
  std::string password = {};
};

class World {
 public:
  explicit World(std::uint64_t seed = 1);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Orgs.

  std::size_t add_org(OrgSpec spec = {});
  [[nodiscard]] std::size_t orgs() const { return orgs_.size(); }
  /// What is in the tenants file: "http://127.0.0.1:9001", "https://localhost:9443", "acme.okta.com".
  [[nodiscard]] const std::string& org_domain(std::size_t org) const { return org_at(org).domain; }
  /// What `tenant_name` says.
  [[nodiscard]] const std::string& org_name(std::size_t org) const { return org_at(org).name; }
  [[nodiscard]] const std::string& org_key(std::size_t org) const { return org_at(org).keys.front(); }
  [[nodiscard]] PortId org_port(std::size_t org) const { return org_at(org).port; }
  /// The client id of its service app, and its private key; the model describes the app.
  [[nodiscard]] static std::string client_id(std::size_t org) {
    return "0oa" + std::to_string(1000 + org) + "ServiceApp";
  }
  [[nodiscard]] const test::KeyPair& app_key(std::size_t org) const { return *org_at(org).app_key; }
  /// In addition to the keys it has.
  void add_service_app(std::size_t org);
  /// The tenants file for all orgs, one entry per key.
  [[nodiscard]] std::string tenants_yaml() const;

  /// Events published now and persisted at once.
  void issue(std::size_t org, std::size_t count);
  /// Events published over the past `span`, oldest first, each persisted a moment later. Before the org is
  /// first asked.
  void issue_past(std::size_t org, std::size_t count, Duration span);
  /// `over_lines`: the listener it is meant for takes lines.
  void issue_special(std::size_t org, model::Special special, bool over_lines = false);
  void issue_bytes(std::size_t org, std::string event, model::Fate fate = model::Fate::whole);

  // Listeners.

  std::size_t add_listener(ListenerSpec spec = {});
  /// The value for --listener: "https://localhost:PORT", "tcp://127.0.0.1:PORT", "listener.logz.io".
  [[nodiscard]] const std::string& listener_address(std::size_t listener) const {
    return listener_at(listener).address;
  }
  [[nodiscard]] PortId listener_port(std::size_t listener) const { return listener_at(listener).port; }
  [[nodiscard]] const std::string& token() const { return token_; }

  // Proxy and trap.

  PortId add_proxy(ProxySpec spec = {});
  /// "HOST:PORT" of every CONNECT that was let through, and the refused ones.
  [[nodiscard]] std::vector<std::string> tunnels() const;
  [[nodiscard]] std::size_t tunnels_refused() const;
  /// A port that nobody should ever connect to.
  PortId add_trap();
  [[nodiscard]] std::size_t trap_calls() const;
  [[nodiscard]] std::string trap_heard() const;

  // Everything.

  [[nodiscard]] std::uint16_t port(PortId id) const { return server_.number(id); }
  [[nodiscard]] std::size_t accepted(PortId id) const { return server_.accepted(id); }
  [[nodiscard]] std::size_t standing(PortId id) const { return server_.standing(id); }
  void refuse(PortId id, bool refused) { server_.refuse(id, refused); }
  void drop(PortId id) { server_.drop(id); }
  void set_trust(PortId id, Trust trust);
  void set_framing(PortId id, model::Framing framing) { server_.set_framing(id, framing); }

  template <class F>
  auto with_org(std::size_t org, F f) {
    const std::lock_guard lock(mutex_);
    return f(org_at(org).model);
  }
  template <class F>
  auto with_listener(std::size_t listener, F f) {
    const std::lock_guard lock(mutex_);
    return f(listener_at(listener).model);
  }
  template <class F>
  auto with_ledger(F f) {
    const std::lock_guard lock(mutex_);
    return f(ledger_);
  }
  [[nodiscard]] model::Judgement judge();

  /// Waits until `done` holds, checked after each request to a model; false if it does not in time.
  template <class Done>
  [[nodiscard]] bool wait(Duration limit, Done done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, done);
  }
  /// The lines of every listener go to the ledger (the default), or nowhere: for measurements.
  void set_judging(bool judging);

  /// The authority's certificate, in a file that lives as long as the world.
  [[nodiscard]] std::string ca_file() const { return (files_.path() / "ca.pem").string(); }
  [[nodiscard]] const test::Authority& authority() const { return authority_; }
  /// The wall clock, as the models see it.
  [[nodiscard]] static WallTime now();

 private:
  struct Org {
    model::OktaOrg model;
    model::EventMaker maker;
    std::string domain;
    std::string name;
    std::vector<std::string> keys;
    PortId port;
    std::optional<test::KeyPair> app_key{};
  };
  struct Log {
    model::Listener model;
    std::string address;
    PortId port;
  };

  [[nodiscard]] Org& org_at(std::size_t org) const { return *orgs_.at(org); }
  [[nodiscard]] Log& listener_at(std::size_t listener) const { return *listeners_.at(listener); }
  [[nodiscard]] TlsContext context(Trust trust, std::string host) const;
  [[nodiscard]] Role role_of(Org& org);
  [[nodiscard]] Role role_of(Log& log, Protocol protocol);
  [[nodiscard]] std::variant<PortId, model::Answer> route(const ProxySpec& spec,
                                                          const model::Request& request);
  void append(Org& org, std::string event, WallTime published, WallTime persisted, model::Fate fate);
  /// Runs `f` under the lock and wakes the waiting threads.
  template <class F>
  auto locked(F f) {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    return f();
  }

  TempDir files_;
  test::Authority authority_;
  test::Authority stranger_{"Nobody's CA"};
  std::string token_;
  std::uint64_t seed_;

  mutable std::recursive_mutex mutex_;  ///< Recursive, so that a condition waited for may use with_... .
  std::condition_variable_any changed_;
  std::vector<std::unique_ptr<Org>> orgs_;
  std::vector<std::unique_ptr<Log>> listeners_;
  model::Ledger ledger_;
  bool judging_ = true;
  std::map<std::string, PortId, std::less<>> routes_;  ///< "host:port" as a client of the proxy writes it.
  std::map<std::size_t, std::string> hosts_;           ///< The host of each port, for its certificate.
  std::vector<std::string> tunnels_;
  std::size_t tunnels_refused_ = 0;
  std::size_t trap_calls_ = 0;
  std::string trap_heard_;

  mutable Server server_;  ///< Last: its thread uses all of the above.
};

}  // namespace logzio_okta::sandbox
