// LogReader: reads a span of an org's System Log for a person, independently of the daemon and without a
// cursor.
//
//     LogReader reader(now, spec, {.since = SinceAgo{1h}, .until = SinceAgo{}}, policy, random);
//     while (!reader.done()) {
//       if (auto ask = reader.next_ask(now)) client.ask(*ask);
//       OktaAnswer answer = client.wait(reader.deadline(now));
//       for (std::string_view event : reader.answered(now, std::move(answer))) print(event);
//       while (auto note = reader.next_note()) say(*note);
//     }
//     if (reader.failure()) complain(*reader.failure());  // Why it ended early.
//
// With `until` it sends a bounded query, which ends; without it, it follows the log for ever. "An hour ago"
// and "now" are by Okta's clock, which it asks for first if either is needed. It keeps to Okta's limits as
// the daemon does (Org), so it takes no more than its own share of the budget from the daemon.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/flow/tail.hpp"
#include "logzio_okta/flow/window.hpp"
#include "logzio_okta/okta/page_reader.hpp"
#include "logzio_okta/okta/reply.hpp"

namespace logzio_okta {

class LogReader {
 public:
  struct Span {
    Since since;
    std::optional<Since> until;  ///< None: the log is followed.
  };
  /// The span as points in time.
  struct Moments {
    WallTime since;
    std::optional<WallTime> until;
  };
  /// Takes domain, keys and query from the spec.
  LogReader(Now now, const TenantSpec& spec, const Span& span, const Policy& policy, Random random);

  /// The token to request now, for a service app; nothing while one is being requested.
  [[nodiscard]] std::optional<MintToken> next_mint(Now now);
  void minted(Now now, const TokenAnswer& answer);
  /// The request to send now; nothing while one is in flight, or before `deadline`.
  [[nodiscard]] std::optional<AskOkta> next_ask(Now now);
  [[nodiscard]] Instant deadline(Now now) const;
  /// The events in this answer, each without its line end: byte for byte, except for line breaks between
  /// tokens. Valid until the next call.
  [[nodiscard]] std::vector<std::string_view> answered(Now now, OktaAnswer&& answer);

  [[nodiscard]] bool done() const { return done_; }
  /// Why it ended before the span did, and what to do.
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
  [[nodiscard]] std::optional<Note> next_note();

  /// The span being read, once it is known.
  [[nodiscard]] const std::optional<Moments>& moments() const { return moments_; }
  /// Greatest `published` so far.
  [[nodiscard]] std::optional<WallTime> reached() const { return reached_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  void begin(WallTime okta_now);
  void all_is_well(Now now);
  void take_failure(Now now, const OktaResult& result, Standing standing);
  void failed(Now now, std::string text);
  void give_up(std::string text);
  [[nodiscard]] std::vector<std::string_view> take_page(Now now, const OktaReply& reply);

  Domain domain_;
  LogQuery query_;
  Span span_;
  std::optional<Moments> moments_;
  Policy policy_;
  Random random_;
  Org org_;
  std::string target_;
  bool asking_ = false;
  CredentialId key_;
  Now asked_{};
  std::uint64_t asks_ = 0;  // Including requests for tokens.
  RequestId ask_{};
  std::map<RequestId, std::pair<CredentialId, Now>> mintings_;
  Instant ask_at_{};
  Instant last_progress_{};
  Tail tail_;
  int tries_ = 0;
  Complaint trouble_;
  bool done_ = false;
  std::optional<std::string> failure_;
  std::vector<Note> notes_;
  PageReader reader_;
  std::vector<std::string> on_one_line_;   ///< Events that came with line breaks.
  std::multiset<std::uint64_t> repeated_;  ///< Hashes of the page whose link did not advance.
  Recent recent_;                          ///< Okta returns some twice.
  std::optional<WallTime> reached_;
  std::uint64_t events_ = 0;
};

}  // namespace logzio_okta
