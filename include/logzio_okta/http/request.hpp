// RequestReader: reads HTTP/1.1 requests from bytes as they arrive, one after the other, strict and bounded.
//
//     bytes.remove_prefix(reader.feed(bytes));  // Stops after a head, after a request, and at a fault.
//     switch (reader.stage()) {
//       case RequestReader::Stage::headed:      // Or refuse it before its body is taken.
//         if (is_welcome(reader.method(), reader.target())) reader.take_body();
//         break;
//       case RequestReader::Stage::whole:
//         use(reader.body());
//         reader.next();
//         break;
//       case RequestReader::Stage::broken:
//         close_with(reader.fault());
//         break;
//       case RequestReader::Stage::head:
//       case RequestReader::Stage::body:
//         break;  // More bytes have to come.
//     }
//
// Strict on purpose (RFC 9112): anything that two readers could understand differently is refused, because
// one of them may be a proxy in front of us. So a bare line feed, a folded header, white space before a
// colon, two lengths, or a length together with a transfer encoding close the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

/// Why a request is refused: the status to answer with, and one line for its sender.
struct RequestFault {
  int status = 0;
  std::string_view why;
};

class RequestReader {
 public:
  enum class Stage : std::uint8_t { head, headed, body, whole, broken };

  explicit RequestReader(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  /// Takes bytes until the stage changes or they are used up; returns how many it took.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] Stage stage() const { return stage_; }
  /// A request has arrived in part; an empty line before it counts as part of it.
  [[nodiscard]] bool begun() const { return stage_ != Stage::head || skipped_line_ || !head_.empty(); }

  // From `headed` on.

  [[nodiscard]] std::string_view method() const { return method_; }
  [[nodiscard]] std::string_view target() const { return target_; }
  /// The value of the one header of this name (in any case); nothing if there is none, or more than one.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  /// How many headers have this name (in any case), and their values in order.
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> values(std::string_view name) const;
  [[nodiscard]] bool keeps_alive() const { return keeps_alive_; }
  /// The client waits for "100 Continue" before it sends its body.
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }
  /// Proceeds to the body, or to `whole` if there is none.
  void take_body();

  // Once whole.

  [[nodiscard]] std::string& body() { return body_; }
  /// Forgets the request and starts the next one.
  void next();

  // Once broken.

  [[nodiscard]] const RequestFault& fault() const { return fault_; }

 private:
  struct Field {
    std::string_view name;
    std::string_view value;
  };
  enum class Chunk : std::uint8_t { size, data, data_end, trailer };

  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  std::size_t feed_chunked(std::string_view bytes);
  std::size_t feed_line(std::string_view bytes);
  void end_line();
  void read_head();
  [[nodiscard]] bool read_request_line(std::string_view line);
  [[nodiscard]] bool read_field(std::string_view line);
  [[nodiscard]] bool read_framing();
  [[nodiscard]] bool read_length(std::string_view text);
  bool refuse(int status, std::string_view why);

  std::size_t body_bytes_max_;
  Stage stage_ = Stage::head;
  bool skipped_line_ = false;  ///< One empty line before a request is forgiven (RFC 9112 section 2.2).
  std::string head_;           ///< The views below point into it; may hold a credential, so it is wiped.
  std::string_view method_;
  std::string_view target_;
  std::vector<Field> fields_;
  bool keeps_alive_ = false;
  bool expects_continue_ = false;
  bool chunked_ = false;
  std::size_t body_left_ = 0;  ///< Bytes left of the body or the current chunk.
  Chunk chunk_ = Chunk::size;
  std::string line_;               ///< A line of a chunk's frame, as far as it has arrived.
  std::size_t trailer_bytes_ = 0;  ///< Read and discarded.
  std::size_t padding_bytes_ = 0;  ///< In chunk frames: extensions and white space, also discarded.
  std::string body_;
  RequestFault fault_;
};

}  // namespace logzio_okta
