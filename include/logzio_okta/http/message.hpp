// An HTTP answer, or why there is none.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logzio_okta {

struct Header {
  std::string name;   ///< As received; compare with `same_name`.
  std::string value;  ///< Without surrounding white space.
};
using Headers = std::vector<Header>;

/// Header names are compared without case (RFC 9110 section 5.1).
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);
/// The first header of that name.
[[nodiscard]] std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);

/// How a body is encoded, by its Content-Encoding. `x-gzip` is gzip (RFC 9110 section 8.4.1.3).
enum class Encoding { none, gzip, other };
[[nodiscard]] Encoding encoding_of(const Headers& headers);

/// A complete answer: the body is whole as far as HTTP can tell, and still encoded as received. Of a body
/// that is too large, only the beginning is here (limits::beginning_bytes_max).
struct HttpAnswer {
  int status = 0;
  Headers headers;
  std::string body;
  bool cut_off = false;
};

enum class TransportFault {
  unresolved,        ///< The host name has no address, or the name server did not answer.
  unreachable,       ///< No connection.
  proxy_refused,     ///< The proxy refused to open a tunnel.
  untrusted,         ///< The certificate did not verify.
  tls_failed,        ///< TLS failed otherwise.
  timed_out,         ///< Connected, then nothing or too slow.
  cut,               ///< The connection broke before the answer was whole.
  answer_too_large,  ///< A larger body or more headers than we accept.
  refused_by_us,     ///< The keyring or a policy refused before anything was sent.
  held_by_us,        ///< Not sent for now: the state, or another replica, comes first.
};
[[nodiscard]] std::string_view name_of(TransportFault fault);

struct TransportError {
  TransportFault fault = TransportFault::unreachable;
  bool sent = false;          ///< At least one byte of the request may have reached the other side.
  std::string text;           ///< For the log: one line, no secret.
  std::string cure{};         ///< What to do, if the shell knows: see cure.hpp.
  bool needs_person = false;  ///< Waiting does not help, by what the shell saw; see urgency_of().
};

using HttpResult = std::expected<HttpAnswer, TransportError>;

}  // namespace logzio_okta
