// Visit: whether a request to our local server may come from a web page of another site.
//
// Any page can make its visitor's browser send requests to a server on loopback. It cannot read the answer
// unless its own name resolves to loopback (DNS rebinding): then the browser takes us for the page's own
// server. The request still carries the page's name in Host, and no page can change that. So on loopback we
// answer only to names that nobody else can own: localhost, a loopback address, or names that the operator
// configured.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logzio_okta {

/// The relevant headers of the request.
struct Visit {
  std::vector<std::string> hosts;  ///< None: an old client, not a browser.
  std::optional<std::string> origin;
  std::optional<std::string> fetch_site;
  std::optional<std::string> fetch_mode;
  std::optional<std::string> fetch_destination;
};

/// Which requests are answered.
struct VisitRules {
  bool on_loopback = true;         ///< Where we listen.
  std::vector<std::string> names;  ///< Configured, in lower case. Except on loopback, none means any.
};

struct VisitRefusal {
  int status = 0;    ///< 421: wrong host name; 403: from another site.
  std::string text;  ///< One line, with what to do.
};
/// Nothing if it may be answered.
[[nodiscard]] std::optional<VisitRefusal> refuse_visit(const Visit& visit, const VisitRules& rules);

}  // namespace logzio_okta
