// What a model is asked, what it answers, and how the answer travels.
//
// A model never touches a socket. The answer's Delivery says how the world should misbehave; a server
// performs it on a connection, and a simulator on its own clock (`as_result`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/message.hpp"

namespace logzio_okta::model {

struct Request {
  std::string method = "GET";
  std::string target = "/";  ///< Path and query as on the wire.
  Headers headers;
  std::string body;
};

/// What happens to the connection at the end of an answer, or in the midst of it.
enum class Ending : std::uint8_t {
  keep,   ///< Nothing: the next request may follow.
  fin,    ///< Closed in an orderly way.
  reset,  ///< Torn down.
  stall,  ///< Nothing more comes, and nothing is closed.
};

inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

struct Delivery {
  Duration delay{};                   ///< Before the first byte.
  std::size_t bytes_max = unlimited;  ///< Bytes of the answer on the wire, head included, before `ending`.
  Ending ending = Ending::keep;
  bool endless = false;  ///< The body is repeated until the peer gives up.
};

struct Answer {
  int status = 200;
  Headers headers;  ///< Without framing (Content-Length, Transfer-Encoding), which is the carrier's business.
  std::shared_ptr<const std::string> body = empty_body();
  Delivery delivery;

  [[nodiscard]] static std::shared_ptr<const std::string> empty_body();
  void set_body(std::string bytes) { body = std::make_shared<const std::string>(std::move(bytes)); }
  /// Replaces the first header of that name, or adds it.
  void set_header(std::string_view name, std::string value);
  void remove_header(std::string_view name);
};

enum class Framing : std::uint8_t { content_length, chunked };

/// Status line, headers and the blank line.
[[nodiscard]] std::string wire_head(const Answer& answer, Framing framing);

/// What a client that keeps to limits.hpp makes of the answer; the caller waits for `delivery.delay`.
[[nodiscard]] HttpResult as_result(const Answer& answer);

}  // namespace logzio_okta::model
