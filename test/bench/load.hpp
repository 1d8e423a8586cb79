// Load: what the orgs of one run hold and what its listener took; afterwards the proof that it is the same.
//
// Every org's log is the pool of pages, starting at its own offset: `backlog` events are there from the
// start, and `rate` more a second are persisted while it runs. A full page is served ready-made, any other is
// packed on the spot.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/pages.hpp"
#include "bench/server.hpp"

namespace logzio_okta::bench {

struct OrgLoad {
  std::size_t backlog = 0;
  double rate = 0;  ///< Events a second.
  Duration rate_lasts = {};
};

enum class Listening : std::uint8_t { taking, never_answering, never_reading };

struct LoadSpec {
  std::vector<OrgLoad> orgs;
  Duration round_trip = {};  ///< How long Okta takes to answer.
  Listening listening = Listening::taking;
  bool own_accounts = false;  ///< Each org's events go to an account of their own.
  bool service_apps = false;  ///< The orgs are asked with OAuth tokens, each bound to a key (DPoP).
};

/// Times run from an event outside of the daemon until the listener has acknowledged the line.
struct Proof {
  std::size_t expected = 0;
  std::size_t delivered = 0;  ///< Lines.
  std::size_t missing = 0;
  std::size_t twice = 0;
  std::size_t foreign = 0;  ///< Lines that do not match an event of the pool byte for byte.
  std::size_t plain_bytes = 0;
  std::vector<double> page_ms;   ///< For each page asked by a backlog: since its last byte was sent.
  std::vector<double> event_ms;  ///< For each event of an org without a backlog: since it was persisted.

  [[nodiscard]] bool at_most_once() const { return delivered > 0 && twice == 0 && foreign == 0; }
  [[nodiscard]] bool exactly_once() const { return at_most_once() && delivered == expected && missing == 0; }
};

class Load {
 public:
  Load(const Pages& pages, LoadSpec spec);

  [[nodiscard]] Answer answer(Request&& request, std::uint16_t port);
  [[nodiscard]] static std::string host_of(std::size_t org);
  static constexpr std::string_view listener_host = "listener.localhost";

  [[nodiscard]] std::optional<Instant> first_request() const { return first_request_; }
  [[nodiscard]] Instant last_bulk() const { return last_bulk_; }
  /// Whether each org has been asked once more after its last event.
  [[nodiscard]] bool exhausted() const { return std::ranges::all_of(asked_past_the_end_, std::identity()); }
  [[nodiscard]] std::size_t pages_served() const { return pages_served_; }
  [[nodiscard]] std::size_t bulks() const { return bulks_.size(); }
  [[nodiscard]] std::size_t bytes_in() const { return bytes_in_; }    ///< Pages, as sent to the daemon.
  [[nodiscard]] std::size_t bytes_out() const { return bytes_out_; }  ///< Bulks, as received from it.
  /// Inflates everything received. Expected is what was there by `until`.
  [[nodiscard]] Proof prove(Instant until) const;

 private:
  struct Bulk {
    Instant taken;
    std::string packed;
  };
  [[nodiscard]] Answer page(std::size_t org, std::string_view target, std::uint16_t port);
  [[nodiscard]] Answer take(std::string&& body);
  [[nodiscard]] Answer grant_token();
  [[nodiscard]] std::size_t persisted(std::size_t org, Instant now) const;
  [[nodiscard]] std::size_t pool_start(std::size_t org) const;

  const Pages& pages_;
  LoadSpec spec_;
  std::optional<Instant> first_request_;
  Instant last_bulk_{};
  std::vector<std::vector<Instant>> page_sent_;  ///< By org and its page.
  std::vector<bool> asked_past_the_end_;
  std::vector<Bulk> bulks_;
  std::size_t pages_served_ = 0;
  std::size_t tokens_granted_ = 0;
  std::size_t bytes_in_ = 0;
  std::size_t bytes_out_ = 0;
};

}  // namespace logzio_okta::bench
