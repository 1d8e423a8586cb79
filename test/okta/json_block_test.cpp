#include "logzio_okta/okta/json_block.hpp"

#include <string>

#include "logzio_okta/base/random.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

/// The same, one byte after the other.
class Plodder {
 public:
  JsonBlock next(std::string_view text, std::uint64_t& commas) {
    JsonBlock block;
    commas = 0;
    for (std::size_t i = 0; i < std::min(text.size(), JsonBlock::size); ++i) {
      const char c = text[i];
      const std::uint64_t bit = std::uint64_t{1} << i;
      if (c == '\\') block.backslashes |= bit;
      if (c == '\r' || c == '\n') block.newlines |= bit;
      if (c == '"' && !saved_) {
        block.quotes |= bit;
        in_string_ = !in_string_;
      }
      saved_ = in_string_ && !saved_ && c == '\\';
      if (in_string_) {
        block.in_string |= bit;
        continue;
      }
      if (c == '{' || c == '[') block.opens |= bit;
      if (c == '}' || c == ']') block.closes |= bit;
      if (c == ':') block.colons |= bit;
      if (c == ',') commas |= bit;
    }
    return block;
  }

 private:
  bool in_string_ = false;
  bool saved_ = false;
};

void check_each_block(std::string_view text) {
  JsonBlocks blocks;
  Plodder plodder;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), JsonBlock::size))) {
    // Past the end of a short block, every byte counts as being where the text ended.
    const std::uint64_t there = bits_below(std::min(text.size(), JsonBlock::size));
    const JsonBlock found = blocks.next(text);
    std::uint64_t commas = 0;
    const JsonBlock wanted = plodder.next(text, commas);
    REQUIRE(found.quotes == wanted.quotes);
    REQUIRE((found.in_string & there) == wanted.in_string);
    REQUIRE(found.backslashes == wanted.backslashes);
    REQUIRE(found.newlines == wanted.newlines);
    REQUIRE(found.opens == wanted.opens);
    REQUIRE(found.closes == wanted.closes);
    REQUIRE(found.colons == wanted.colons);
    REQUIRE(blocks.commas(found) == commas);
  }
}

}  // namespace

TEST_CASE("json block: every mask says of every byte what reading byte by byte would") {
  constexpr std::string_view alphabet = "\"\"\\\\{}[]:,\r\n ax\x7f\xff\xdb\xfb";
  Random random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    const std::size_t size = 1 + random.below(300);
    while (text.size() < size) text += alphabet[random.below(alphabet.size())];
    INFO(text);
    check_each_block(text);
  }
}

TEST_CASE("json block: a backslash saves the quote after it across a block's end, but not between strings") {
  check_each_block(R"(")" + std::string(62, 'x').append(R"(\" still in it")"));
  check_each_block(R"(")" + std::string(61, 'x').append(R"(\\" out of it)"));
  check_each_block(R"({"a":\"b"})");
  check_each_block(std::string(63, ' ').append(R"(\"in it")"));
}

TEST_CASE("json block: counts bits") {
  REQUIRE(json_block::count_bits(0) == 0);
  REQUIRE(json_block::count_bits(~std::uint64_t{0}) == 64);
  REQUIRE(json_block::count_bits(0x8000000000000001U) == 2);
}
