// LineFeed: the bytes of a bulk as they go over a line connection, the token put into each line on the way.
//
// Works in one small chunk that is wiped in the end, so that neither a second copy of the bulk nor a memory
// full of tokens exists at any time.
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
  /// `plain`: JSON objects with at least one key, each followed by '\n'. `opening`: what each line begins
  /// with in place of its '{', as Keyring::line_opening makes it.
  LineFeed(std::string plain, Secret opening);
  LineFeed(LineFeed&&) noexcept = default;
  LineFeed& operator=(LineFeed&&) = delete;
  ~LineFeed();

  /// What to write next, whole lines or parts of them; empty once everything is written. Valid until
  /// `written`.
  [[nodiscard]] std::string_view front();
  /// So much of `front()` is gone.
  void written(std::size_t bytes);
  [[nodiscard]] bool done() const;

 private:
  void refill();

  std::string plain_;
  std::size_t taken_ = 0;  // Of `plain_`, into the chunk.
  bool at_line_start_ = true;
  Secret opening_;
  std::string chunk_;
  std::size_t written_ = 0;  // Of `chunk_`.
};

}  // namespace logzio_okta
