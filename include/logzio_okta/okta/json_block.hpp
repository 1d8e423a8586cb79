// JsonBlock: 64 bytes of JSON as bit masks, so that the cutter can step from one byte that matters to the
// next.
//
// Why: most of an event is inside strings. Byte by byte, or string by string, the cutter took as long as
// inflating the page. With one bit per byte, sixteen bytes are compared at once, and the bits of 64 bytes
// answer questions such as "where is the next bracket outside a string" in one instruction (after simdjson,
// Langdale and Lemire 2019, "Parsing Gigabytes of JSON per Second"; docs/performance.md has the figures).
//
//     JsonBlocks blocks;
//     for (; !text.empty(); text.remove_prefix(std::min(text.size(), JsonBlock::size))) {
//       const JsonBlock block = blocks.next(text);  // The bits after the end of the text are never set.
//       use(block.opens, block.closes);
//     }
//
// The masks are right about strings even if the text is not JSON: a backslash between strings must not escape
// the quote after it, so such a block is read byte by byte.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace logzio_okta {

/// Bit i describes byte i. A string lies between two unescaped quotes.
struct JsonBlock {
  static constexpr std::size_t size = 64;

  std::uint64_t quotes = 0;       ///< Those that open or close a string.
  std::uint64_t in_string = 0;    ///< From the opening quote up to the closing one, exclusive.
  std::uint64_t backslashes = 0;  ///< Anywhere.
  std::uint64_t newlines = 0;     ///< CR and LF anywhere.
  std::uint64_t opens = 0;        ///< { and [ outside of strings, like both below.
  std::uint64_t closes = 0;       ///< } and ]
  std::uint64_t colons = 0;
};

/// The bits before bit `at`, which may be 64.
[[nodiscard]] constexpr std::uint64_t bits_below(std::size_t at) {
  return at < JsonBlock::size ? (std::uint64_t{1} << at) - 1 : ~std::uint64_t{0};
}

namespace json_block {

using Bytes [[gnu::vector_size(16)]] = unsigned char;

[[nodiscard]] inline Bytes all(char c) {
  return Bytes{} + static_cast<unsigned char>(c);
}

/// One bit for each byte of a comparison's result, whose bytes are 0 or 255.
[[nodiscard]] inline std::uint64_t one_bit_each(auto comparison) {
  const auto result = Bytes(comparison);
#ifdef __SSE2__
  return static_cast<std::uint32_t>(_mm_movemask_epi8(std::bit_cast<__m128i>(result)));
#else
  // Each byte keeps the bit of its position among eight; a product gathers them in its topmost byte.
  constexpr Bytes place = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  constexpr std::uint64_t gather = 0x0101010101010101U;
  const Bytes kept = result & place;
  std::uint64_t halves[2];
  std::memcpy(halves, &kept, sizeof halves);
  return halves[0] * gather >> 56U | (halves[1] * gather >> 56U) << 8U;
#endif
}

/// How many bits are set. std::popcount is a function call if the compiler may not assume the instruction.
[[nodiscard]] constexpr unsigned count_bits(std::uint64_t bits) {
  bits -= bits >> 1U & 0x5555555555555555U;
  bits = (bits & 0x3333333333333333U) + (bits >> 2U & 0x3333333333333333U);
  bits = (bits + (bits >> 4U)) & 0x0f0f0f0f0f0f0f0fU;
  return static_cast<unsigned>(bits * 0x0101010101010101U >> 56U);
}

/// Bit i is set if an odd number of bits up to and including i is set.
[[nodiscard]] constexpr std::uint64_t odd_up_to(std::uint64_t bits) {
  for (unsigned shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

}  // namespace json_block

class JsonBlocks {
 public:
  /// The next 64 bytes of the text, or the rest of it.
  [[nodiscard]] JsonBlock next(std::string_view rest) {
    bytes_ = rest.data();
    if (rest.size() < JsonBlock::size) {
      std::memset(padded_, ' ', sizeof padded_);
      rest.copy(padded_, rest.size());
      bytes_ = padded_;
    }
    JsonBlock block = classify();
    find_strings(block);
    block.opens &= ~block.in_string;
    block.closes &= ~block.in_string;
    block.colons &= ~block.in_string;
    return block;
  }

  /// The commas outside of strings in the last block. Needed for few blocks.
  [[nodiscard]] std::uint64_t commas(const JsonBlock& block) const {
    std::uint64_t commas = 0;
    for (std::size_t part = 0; part < parts; ++part) {
      commas |= json_block::one_bit_each(bytes(part) == json_block::all(',')) << part * part_bytes;
    }
    return commas & ~block.in_string;
  }

 private:
  static constexpr std::size_t part_bytes = sizeof(json_block::Bytes);
  static constexpr std::size_t parts = JsonBlock::size / part_bytes;

  [[nodiscard]] json_block::Bytes bytes(std::size_t part) const {
    json_block::Bytes loaded;
    std::memcpy(&loaded, bytes_ + part * part_bytes, sizeof loaded);
    return loaded;
  }

  // Strings are not known yet; every quote is in `quotes`.
  [[nodiscard]] JsonBlock classify() const {
    using json_block::all;
    JsonBlock block;
    json_block::Bytes newlines{};
#pragma GCC unroll 4
    for (std::size_t part = 0; part < parts; ++part) {
      const json_block::Bytes b = bytes(part);
      const json_block::Bytes bracket = b | all(' ');  // Turns square brackets into braces.
      const auto where = [&](json_block::Bytes result) {
        return json_block::one_bit_each(result) << part * part_bytes;
      };
      block.quotes |= where(b == all('"'));
      block.backslashes |= where(b == all('\\'));
      block.opens |= where(bracket == all('{'));
      block.closes |= where(bracket == all('}'));
      block.colons |= where(b == all(':'));
      newlines |= json_block::Bytes(b == all('\n')) | json_block::Bytes(b == all('\r'));
    }
    if (json_block::one_bit_each(newlines) != 0) [[unlikely]] {
      for (std::size_t i = 0; i < JsonBlock::size; ++i) {
        if (bytes_[i] == '\n' || bytes_[i] == '\r') block.newlines |= std::uint64_t{1} << i;
      }
    }
    return block;
  }

  void find_strings(JsonBlock& block) {
    const std::uint64_t all_quotes = block.quotes;
    std::uint64_t saving = 0;  // Backslashes that escape the byte after them.
    std::uint64_t saved = saves_next_ ? 1 : 0;
    for (std::uint64_t left = block.backslashes & ~saved; left != 0;) {
      const std::uint64_t lowest = left & (~left + 1);
      saving |= lowest;
      saved |= lowest << 1U;
      left &= ~(lowest | lowest << 1U);
    }
    block.quotes &= ~saved;
    block.in_string = json_block::odd_up_to(block.quotes) ^ (in_string_ ? ~std::uint64_t{0} : 0);
    if ((saving & ~block.in_string) == 0) [[likely]] {
      saves_next_ = saving >> 63U != 0;
    } else {
      block.quotes = all_quotes;
      follow_each_byte(block);
    }
    in_string_ = block.in_string >> 63U != 0;
  }

  // For text that is not JSON: a backslash counts only within a string.
  void follow_each_byte(JsonBlock& block) {
    const std::uint64_t all_quotes = block.quotes;
    block.quotes = block.in_string = 0;
    bool in_string = in_string_;
    for (std::size_t i = 0; i < JsonBlock::size; ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if ((all_quotes & bit) != 0 && !saves_next_) {
        block.quotes |= bit;
        in_string = !in_string;
      }
      if (in_string) block.in_string |= bit;
      saves_next_ = in_string && !saves_next_ && (block.backslashes & bit) != 0;
    }
  }

  const char* bytes_ = nullptr;
  char padded_[JsonBlock::size];
  bool in_string_ = false;   ///< At the end of the last block.
  bool saves_next_ = false;  ///< Its last byte was a backslash that escapes the first of the next.
};

}  // namespace logzio_okta
