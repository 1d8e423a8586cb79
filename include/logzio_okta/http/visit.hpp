// Visit: whether a request to a server of ours on this machine may come from a web page that should not know
// us.
//
// A page from anywhere can have its visitor's browser ask a server on loopback. What it gets it cannot read,
// unless its own name is made to lead to loopback (DNS rebinding): then the browser takes us for the page's
// own server. The request still carries the page's name in Host, and no page can change that. So on loopback
// only names that nobody else can own are answered: localhost, a loopback address, or what the operator
// configured.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logzio_okta {

/// The headers that tell, as the request has them.
struct Visit {
  std::vector<std::string> hosts;  ///< None: an old client, and no browser.
  std::optional<std::string> origin;
  std::optional<std::string> fetch_site;
  std::optional<std::string> fetch_mode;
  std::optional<std::string> fetch_destination;
};

/// Who may ask.
struct VisitRules {
  bool on_loopback = true;         ///< Where we listen.
  std::vector<std::string> names;  ///< Configured, in lower case. Elsewhere than on loopback, none means any.
};

struct VisitRefusal {
  int status = 0;    ///< 421: not by this name; 403: not from another site.
  std::string text;  ///< One line, with what to do.
};
/// Nothing where it may be answered.
[[nodiscard]] std::optional<VisitRefusal> refuse_visit(const Visit& visit, const VisitRules& rules);

}  // namespace logzio_okta
