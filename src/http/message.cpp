#include "logzio_okta/http/message.hpp"

#include <algorithm>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {

bool same_name(std::string_view a, std::string_view b) {
  return ascii::equal_ignoring_case(a, b);
}

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
  const auto found =
      std::ranges::find_if(headers, [&](const Header& header) { return same_name(header.name, name); });
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

Encoding encoding_of(const Headers& headers) {
  const std::string_view encoding = find_header(headers, "Content-Encoding").value_or("");
  if (encoding.empty() || same_name(encoding, "identity")) return Encoding::none;
  return same_name(encoding, "gzip") || same_name(encoding, "x-gzip") ? Encoding::gzip : Encoding::other;
}

std::string_view name_of(TransportFault fault) {
  switch (fault) {
    case TransportFault::unresolved:
      return "unresolved";
    case TransportFault::unreachable:
      return "unreachable";
    case TransportFault::proxy_refused:
      return "proxy_refused";
    case TransportFault::untrusted:
      return "untrusted";
    case TransportFault::tls_failed:
      return "tls_failed";
    case TransportFault::timed_out:
      return "timed_out";
    case TransportFault::cut:
      return "cut";
    case TransportFault::answer_too_large:
      return "answer_too_large";
    case TransportFault::refused_by_us:
      return "refused_by_us";
    case TransportFault::held_by_us:
      return "held_by_us";
  }
  return "unknown";
}

}  // namespace logzio_okta
