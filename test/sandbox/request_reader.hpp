// RequestReader: HTTP/1.1 requests from bytes in any segments.
//
//     reader.feed(bytes)           // returns how many it took; stops after a head and after a request
//     switch (reader.stage()) ...  // head_done: answer 100-continue or refuse, then go_on(); done: take()
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/answer.hpp"

namespace logzio_okta::sandbox {

class RequestReader {
 public:
  enum class Stage : std::uint8_t { head, head_done, body, done, bad };

  /// Takes bytes until the stage changes or they are used up.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] Stage stage() const { return stage_; }
  /// After head_done: goes on to the body, or to done if there is none.
  void go_on();

  /// Without its body until done.
  [[nodiscard]] const model::Request& request() const { return request_; }
  /// The finished request; the reader starts over.
  [[nodiscard]] model::Request take();
  [[nodiscard]] std::size_t body_bytes() const { return request_.body.size(); }
  /// The client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const;
  [[nodiscard]] bool keeps_alive() const;

 private:
  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  std::size_t feed_chunked(std::string_view bytes);
  [[nodiscard]] bool parse_head();

  Stage stage_ = Stage::head;
  std::string head_;
  model::Request request_;
  bool chunked_ = false;
  std::size_t body_left_ = 0;  ///< Bytes left of the body, or of the current chunk.
  std::string chunk_line_;     ///< A chunk's size line, or the line break after a chunk, as far as it came.
  bool last_chunk_ = false;
};

}  // namespace logzio_okta::sandbox
