// LineFeed: the bytes of a bulk for a line connection, with the token inserted into each line.
//
// Works in one small chunk that is wiped at the end, so there is never a second copy of the bulk or memory
// full of tokens.
//
//     while (!feed.done()) feed.written(channel.write(feed.front()));
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "logzio_okta/base/secret.hpp"

namespace logzio_okta {

class LineFeed {
 public:
  /// `plain`: JSON objects with at least one key, each followed by '\n'. `opening`: replaces the '{' of each
  /// line, from Keyring::line_opening.
  LineFeed(std::string plain, Secret opening);
  LineFeed(LineFeed&&) noexcept = default;
  LineFeed& operator=(LineFeed&&) = delete;
  ~LineFeed();

  /// The bytes to write next, whole lines or parts; empty once everything is written. Valid until `written`.
  [[nodiscard]] std::string_view front();
  /// `bytes` of `front()` were written.
  void written(std::size_t bytes);
  [[nodiscard]] bool done() const;

 private:
  void refill();

  std::string plain_;
  std::size_t taken_ = 0;  // Bytes of `plain_` copied into the chunk.
  bool at_line_start_ = true;
  Secret opening_;
  std::string chunk_;
  std::size_t written_ = 0;  // Bytes of `chunk_` already written.
};

}  // namespace logzio_okta
