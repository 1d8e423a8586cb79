// The questions we ask Okta's System Log (docs/okta.md 1), as request targets (path and query).
//
// A stream's first question is ours; every further one is Okta's own `next` link, byte for byte. None of them
// has `until`: a query without it is a polling request, the only kind that is said to return every event
// (docs/okta.md 1.2). Only what a person asks (`events --until`, `check`) is a bounded query.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/okta/domain.hpp"

namespace logzio_okta {

inline constexpr std::string_view log_path = "/api/v1/logs";

/// Which of an org's events a stream is about; all of them without either.
struct LogQuery {
  std::string filter;  ///< Okta's filter expression: `eventType eq "user.session.start"`.
  std::string q;       ///< Okta's keyword search.

  [[nodiscard]] bool plain() const { return filter.empty() && q.empty(); }
  /// "filter=eventType%20eq%20%22a%22&q=b" as it is in a target; empty if plain.
  [[nodiscard]] std::string text() const;
  /// What the store knows the stream of this query by: the domain's name alone where the query is plain.
  [[nodiscard]] std::string stream_key(const Domain& domain) const;
  friend bool operator==(const LogQuery&, const LogQuery&) = default;
};

/// What the stream keys of an org's streams begin with; all but the plain one go on with a question mark.
[[nodiscard]] std::string_view org_of_stream_key(std::string_view key);

/// "/api/v1/logs?since=2026-11-16T12:00:00.000Z&sortOrder=ASCENDING&limit=1000", and the query after it; the
/// colons stay as they are.
[[nodiscard]] std::string first_target(WallTime since, std::size_t limit, const LogQuery& query = {});

/// A question that asks for next to nothing and depends on no clock: so that a key is used, or that Okta's
/// clock is seen. Without `since` Okta goes back seven days by its own (docs/okta.md 1.1).
[[nodiscard]] std::string clock_target();

/// The target of a `next` link if it stays with the org: same scheme, host and port (a path-absolute link is
/// of the same org), exactly `log_path`, printable ASCII without spaces, at most limits::next_link_bytes_max.
/// Never altered. One that names a host of Okta's own, as a custom domain's links may, counts as staying: its
/// target is asked of the org's configured host, and no byte goes elsewhere. The error says in a few words
/// how it leaves, without quoting the link.
[[nodiscard]] std::expected<std::string, std::string> admit_next(const Origin& org, std::string_view link);
/// What admit_next has against a link, for a sentence about it: "leaves the org (another host than the
/// org's)", "is malformed (a backslash)".
[[nodiscard]] std::string describe_refused_link(std::string_view why);
/// That host of Okta's own, where an admitted link names another than the org's configured one; else empty.
[[nodiscard]] std::string other_name_in(const Origin& org, std::string_view link);

}  // namespace logzio_okta
