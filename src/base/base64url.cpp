#include "logzio_okta/base/base64url.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_letter = 0xff;

constexpr std::array<std::uint8_t, 256> values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(no_letter);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

/// Takes six bits at a time and produces whole bytes.
class Decoder {
 public:
  explicit Decoder(std::size_t letters) { bytes_.reserve(letters / 4 * 3 + 3); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { wipe(bytes_); }

  /// False for a character outside the alphabet.
  bool take(char letter) {
    const std::uint8_t value = values[static_cast<unsigned char>(letter)];
    if (value == no_letter) return false;
    bits_ = (bits_ << 6U) | value;
    bit_count_ += 6;
    if (bit_count_ >= 8) {
      bit_count_ -= 8;
      bytes_ += static_cast<char>((bits_ >> bit_count_) & 0xffU);
    }
    return true;
  }
  /// Nothing if a character is missing, or the last one has excess bits set.
  std::optional<std::string> take_bytes() {
    const bool whole = bit_count_ < 6 && (bits_ & ((1U << bit_count_) - 1)) == 0;
    if (!whole) return std::nullopt;
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  std::uint32_t bits_ = 0;
  unsigned bit_count_ = 0;
};

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(byte);
    for (bit_count += 8; bit_count >= 6;) {
      bit_count -= 6;
      text += alphabet[(bits >> bit_count) & 0x3fU];
    }
  }
  if (bit_count > 0) text += alphabet[(bits << (6 - bit_count)) & 0x3fU];
  return text;
}

std::optional<std::string> decode_base64url(std::string_view text) {
  Decoder decoder(text.size());
  for (const char letter : text) {
    if (!decoder.take(letter)) return std::nullopt;
  }
  return decoder.take_bytes();
}

std::optional<std::string> decode_any_base64(std::string_view text) {
  Decoder decoder(text.size());
  bool ended = false;
  for (char letter : text) {
    if (ascii::is_space(letter)) continue;
    ended = ended || letter == '=';
    if (letter == '=') continue;
    if (letter == '+') letter = '-';
    if (letter == '/') letter = '_';
    if (ended || !decoder.take(letter)) return std::nullopt;
  }
  return decoder.take_bytes();
}

}  // namespace logzio_okta
