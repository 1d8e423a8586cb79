// Queries of Okta's System Log (docs/okta.md 1), as request targets (path and query).
//
// A stream's first query is ours; every further one is Okta's own `next` link, byte for byte. None of them
// has `until`: a query without it is a polling request, the only kind that is documented to return every
// event (docs/okta.md 1.2). Only commands (`events --until`, `check`) send bounded queries.
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

/// Selects the events of a stream; all of the org's without either.
struct LogQuery {
  std::string filter;  ///< Okta's filter expression: `eventType eq "user.session.start"`.
  std::string q;       ///< Okta's keyword search.

  [[nodiscard]] bool plain() const { return filter.empty() && q.empty(); }
  /// "filter=eventType%20eq%20%22a%22&q=b", for a target; empty if plain.
  [[nodiscard]] std::string text() const;
  /// The key of this query's stream in the store: only the domain's name if the query is plain.
  [[nodiscard]] std::string stream_key(const Domain& domain) const;
  friend bool operator==(const LogQuery&, const LogQuery&) = default;
};

/// The common prefix of the stream keys of an org; in all but the plain one, a question mark follows it.
[[nodiscard]] std::string_view org_of_stream_key(std::string_view key);

/// "/api/v1/logs?since=2026-11-16T12:00:00.000Z&sortOrder=ASCENDING&limit=1000", followed by the query; the
/// colons are not encoded.
[[nodiscard]] std::string first_target(WallTime since, std::size_t limit, const LogQuery& query = {});

/// A query for next to nothing that depends on no clock, to use a key or to learn Okta's clock. Without
/// `since`, Okta goes back seven days by its own clock (docs/okta.md 1.1).
[[nodiscard]] std::string clock_target();

/// The target of a `next` link if it stays with the org: same scheme, host and port (or path-absolute),
/// exactly `log_path`, printable ASCII without spaces, at most limits::next_link_bytes_max. Never altered. A
/// link to a host of Okta's own, as a custom domain may give, counts as staying: its target is requested from
/// the org's configured host, and no byte goes elsewhere. The error says briefly how the link leaves the org,
/// without quoting it.
[[nodiscard]] std::expected<std::string, std::string> admit_next(const Origin& org, std::string_view link);
/// The error of admit_next as a predicate: "leaves the org (another host than the org's)", "is malformed (a
/// backslash)".
[[nodiscard]] std::string describe_refused_link(std::string_view why);
/// The host of Okta's own in an admitted link, if it is not the org's configured one; else empty.
[[nodiscard]] std::string other_name_in(const Origin& org, std::string_view link);

}  // namespace logzio_okta
