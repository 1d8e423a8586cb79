#include "logzio_okta/base/gzip.hpp"

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

constexpr std::size_t roomy = 64 * limits::MiB;

std::string text_like_events(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) {
    text += R"({"uuid":")" + std::to_string(i * 2'654'435'761U) + R"(","eventType":"user.session.start"},)";
  }
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  Random random(size);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.below(256));
  return bytes;
}

GzipFault fault_of(std::string_view packed, std::size_t bytes_max = roomy) {
  const auto plain = gunzip(packed, bytes_max);
  REQUIRE_FALSE(plain);
  return plain.error();
}

// "hello\n" as `gzip -n` writes it.
constexpr std::string_view hello{
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00"
    "\x00",
    26};

}  // namespace

TEST_CASE("gzip: what was packed is unpacked, at any size") {
  for (const std::size_t size :
       {0UL, 1UL, 15UL, 16UL, 1024UL, 65'535UL, 65'536UL, 1'000'001UL, 5'000'000UL}) {
    INFO(size);
    for (const std::string& plain : {text_like_events(size), noise(size), std::string(size, 'x')}) {
      const std::string packed = gzip(plain);
      REQUIRE(packed.size() <= size + size / 100 + 256);
      const auto unpacked = gunzip(packed, roomy);
      REQUIRE(unpacked);
      REQUIRE((*unpacked == plain));  // In parentheses: a failure need not print megabytes.
    }
  }
}

TEST_CASE("gzip: existing capacity is used again, and keeps nothing of what was in it before") {
  std::string plain;
  REQUIRE(gunzip(gzip(text_like_events(100'000)), roomy, plain));
  const char* const room = plain.data();
  for (const std::size_t size : {1'000UL, 0UL, 99'999UL}) {
    const std::string text = noise(size);
    REQUIRE(gunzip(gzip(text), roomy, plain));
    REQUIRE((plain == text));
    REQUIRE(plain.data() == room);
  }
  REQUIRE(gunzip(gzip(text_like_events(5'000)), 4'999, plain).error() == GzipFault::too_large);
  REQUIRE(gunzip(gzip(text_like_events(200'000)), roomy, plain));
  REQUIRE((plain == text_like_events(200'000)));
}

TEST_CASE("gzip: events shrink to a fraction") {
  const std::string plain = text_like_events(1'000'000);
  REQUIRE(gzip(plain).size() < plain.size() / 4);
}

TEST_CASE("whole members: what is cut short, damaged or followed by something else does not count") {
  const std::string first = gzip(text_like_events(200'000));
  const std::string second = gzip(noise(100'000));
  const std::string both = first + second;
  REQUIRE(whole_members("") == 0);
  REQUIRE(whole_members(both) == both.size());
  REQUIRE(whole_members(both + std::string(hello)) == both.size() + hello.size());
  REQUIRE(whole_members(both + "text") == both.size());
  REQUIRE(whole_members(both + std::string(100, '\0')) == both.size());
  REQUIRE(whole_members("text" + both) == 0);
  for (const std::size_t cut : {1UL, 7UL, 8UL, 9UL, second.size() - 1, second.size() - 10})
    REQUIRE(whole_members(std::string_view(both).substr(0, both.size() - cut)) == first.size());
  REQUIRE(whole_members(std::string_view(first).substr(0, first.size() - 1)) == 0);
  std::string damaged = both;
  damaged[first.size() + second.size() / 2] ^= 1;
  REQUIRE(whole_members(damaged) == first.size());
  damaged = both;
  damaged[first.size() - 6] ^= 1;  // In the checksum.
  REQUIRE(whole_members(damaged) == 0);
}

TEST_CASE("gunzip: reads what another program packed") {
  REQUIRE(gunzip(hello, 100).value() == "hello\n");
}

TEST_CASE("gunzip: a header with extra bytes, a file name and a comment is skipped") {
  std::string packed(
      "\x1f\x8b\x08\x1c\x00\x00\x00\x00\x00\x03\x04\x00"
      "abcd"
      "page.json\0of Okta\0",
      34);
  packed += hello.substr(10);
  REQUIRE(gunzip(packed, 100).value() == "hello\n");
}

TEST_CASE("gunzip: several members are one text") {
  const std::string one = text_like_events(100'000);
  const std::string packed = gzip(one) + gzip("") + std::string(hello) + gzip(one);
  REQUIRE((gunzip(packed, roomy).value() == one + "hello\n" + one));
}

TEST_CASE("gunzip: zeros after the last member are padding, and anything else is not") {
  const std::string packed = gzip("hello");
  REQUIRE(gunzip(packed + std::string(1000, '\0'), 100) == "hello");
  REQUIRE(gunzip(packed + packed + std::string(1, '\0'), 100) == "hellohello");
  REQUIRE(gunzip(packed + std::string(10, '\0') + "x", 100).error() == GzipFault::damaged);
  REQUIRE(gunzip(std::string(10, '\0'), 100).error() == GzipFault::damaged);
}

TEST_CASE("gunzip: what came before a fault is left") {
  std::string plain;
  REQUIRE(gunzip(gzip(std::string(5000, 'a')), 1000, plain).error() == GzipFault::too_large);
  REQUIRE((plain == std::string(1000, 'a')));
}

TEST_CASE("gunzip: the bound is exact") {
  const std::string plain = text_like_events(300'000);
  for (const std::string& packed :
       {gzip(plain), gzip(plain) + gzip(""), gzip(plain.substr(0, 1)) + gzip(plain.substr(1))}) {
    REQUIRE((gunzip(packed, plain.size()).value() == plain));
    REQUIRE(fault_of(packed, plain.size() - 1) == GzipFault::too_large);
    REQUIRE(fault_of(packed, 1) == GzipFault::too_large);
    REQUIRE(fault_of(packed, 0) == GzipFault::too_large);
  }
  REQUIRE(gunzip(gzip(""), 0).value().empty());
  // A string has capacity for more than so few bytes, and all of it is offered.
  for (std::size_t bytes = 1; bytes < 40; ++bytes) {
    REQUIRE(fault_of(gzip(std::string(bytes, 'x')), bytes - 1) == GzipFault::too_large);
  }
}

TEST_CASE("gunzip: a bomb takes no more memory than the bound allows") {
  const std::string bomb = gzip(std::string(50'000'000, '0'));
  REQUIRE(bomb.size() < 1'000'000);
  REQUIRE(fault_of(bomb, 1'000'000) == GzipFault::too_large);
  const auto plain = gunzip(gzip(std::string(999'999, '0')), 1'000'000);
  REQUIRE(plain);
  REQUIRE(plain->capacity() <= 1'000'000);
}

TEST_CASE("gunzip: a size claimed in the trailer is not believed") {
  std::string packed(hello);
  packed.replace(packed.size() - 4, 4, "\xff\xff\xff\x7f");
  REQUIRE(fault_of(packed) == GzipFault::damaged);
}

TEST_CASE("gunzip: every cut is seen") {
  const std::string plain = text_like_events(2'000);
  const std::string packed = gzip(plain);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    INFO(size);
    REQUIRE(fault_of(packed.substr(0, size)) == GzipFault::damaged);
    REQUIRE(fault_of(packed + packed.substr(0, size) + "x") == GzipFault::damaged);
    REQUIRE(fault_of(packed.substr(0, size), plain.size()) == GzipFault::damaged);
  }
}

TEST_CASE("gunzip: every flipped bit of the data or the checksum is seen") {
  const std::string plain = text_like_events(2'000);
  const std::string packed = gzip(plain);
  constexpr std::size_t header_bytes = 10;
  for (std::size_t bit = header_bytes * 8; bit < packed.size() * 8; ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    INFO(bit);
    const auto unpacked = gunzip(damaged, plain.size() * 2);
    // A flip in unused bits, such as padding, may leave the text as it was.
    REQUIRE((!unpacked || *unpacked == plain));
  }
}

TEST_CASE("gunzip: what is not gzip is damaged") {
  REQUIRE(fault_of("") == GzipFault::damaged);
  REQUIRE(fault_of("[]") == GzipFault::damaged);
  REQUIRE(fault_of("[{\"uuid\":\"x\"}]") == GzipFault::damaged);
  REQUIRE(fault_of(noise(1000)) == GzipFault::damaged);
  REQUIRE(fault_of(std::string(hello).append("\n")) == GzipFault::damaged);
}
