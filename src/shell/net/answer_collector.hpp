// AnswerCollector: gathers one HTTP answer as libcurl hands it over, and stops where it grows too large.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

class AnswerCollector {
 public:
  /// `bodies_bytes`: what all collectors hold together, kept by them; it outlives them.
  AnswerCollector(std::size_t body_bytes_max, std::size_t& bodies_bytes)
      : body_bytes_max_(body_bytes_max), bodies_bytes_(bodies_bytes) {}
  AnswerCollector(const AnswerCollector&) = delete;
  AnswerCollector& operator=(const AnswerCollector&) = delete;
  ~AnswerCollector() { bodies_bytes_ -= body_.size(); }

  /// One header line as it came, status lines and the empty line included. Only the lines of the final answer
  /// are kept: each status line begins anew (so that a 1xx leaves nothing), and trailers behind the body are
  /// dropped. False once all lines together are longer than limits::header_bytes_max.
  [[nodiscard]] bool header_line(std::string_view line);
  /// The next bytes of the body, still encoded; `announced` is the Content-Length, where there is one. False
  /// when the body is larger than allowed, or says it will be and its beginning is there; or when it outgrows
  /// what is reserved for an answer while all of them together have no more room (limits::bodies_bytes_max).
  [[nodiscard]] bool body_bytes(std::string_view bytes, std::optional<std::size_t> announced);

  /// The final answer's headers have ended in an empty line. libcurl 7.88 is content with less: of a
  /// connection cut within the headers it makes an answer without a body, which would settle a bulk.
  [[nodiscard]] bool headers_complete() const { return begun_ && !in_headers_; }
  /// The body was larger than allowed: take() gives its beginning (limits::beginning_bytes_max).
  [[nodiscard]] bool cut_off() const { return cut_off_; }
  /// What was too large, for people; empty while nothing was.
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
