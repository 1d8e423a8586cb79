// AnswerCollector: collects one HTTP answer from libcurl, and stops if it grows too large.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

class AnswerCollector {
 public:
  /// `bodies_bytes`: the total that all collectors hold, updated by them; it must outlive them.
  AnswerCollector(std::size_t body_bytes_max, std::size_t& bodies_bytes)
      : body_bytes_max_(body_bytes_max), bodies_bytes_(bodies_bytes) {}
  AnswerCollector(const AnswerCollector&) = delete;
  AnswerCollector& operator=(const AnswerCollector&) = delete;
  ~AnswerCollector() { bodies_bytes_ -= body_.size(); }

  /// One header line as received, including status lines and the empty line. Only the lines of the final
  /// answer are kept: each status line starts over (so that a 1xx leaves nothing), and trailers after the
  /// body are dropped. False once all lines together are longer than limits::header_bytes_max.
  [[nodiscard]] bool header_line(std::string_view line);
  /// The next bytes of the body, still encoded; `announced` is the Content-Length, if there is one. False if
  /// the body is larger than allowed, or will be and its beginning is here; or if it outgrows the reserve of
  /// an answer while all answers together have no more room (limits::bodies_bytes_max).
  [[nodiscard]] bool body_bytes(std::string_view bytes, std::optional<std::size_t> announced);

  /// The final answer's headers have ended in an empty line. libcurl 7.88 does not check that: a connection
  /// cut within the headers becomes an answer without a body, which would settle a bulk.
  [[nodiscard]] bool headers_complete() const { return begun_ && !in_headers_; }
  /// The body was larger than allowed: take() gives its beginning (limits::beginning_bytes_max).
  [[nodiscard]] bool cut_off() const { return cut_off_; }
  /// What was too large, for people; empty if nothing was.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }
  [[nodiscard]] HttpAnswer take(int status);

 private:
  void keep_beginning(std::string_view bytes);

  std::size_t body_bytes_max_;
  std::size_t& bodies_bytes_;
  std::size_t header_bytes_ = 0;
  bool begun_ = false;
  bool in_headers_ = false;
  bool cut_off_ = false;
  Headers headers_;
  std::string body_;
  std::string complaint_;
};

}  // namespace logzio_okta
