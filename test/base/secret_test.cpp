#include "logzio_okta/base/secret.hpp"

#include <sstream>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using namespace logzio_okta;

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<std::string, Secret> && !std::is_convertible_v<Secret, std::string>);

namespace {

// Short enough to live inside the string object, and long enough not to.
const std::string short_text = "hunter2";
const std::string long_text(1000, 'k');

Secret secret_of(std::string text) {
  return Secret(std::move(text));
}

}  // namespace

TEST_CASE("secret: exposes what it took and wipes where it came from") {
  for (const std::string& text : {short_text, long_text}) {
    std::string source = text;
    const char* const bytes = source.data();
    const std::size_t size = source.size();
    const Secret secret(std::move(source));
    REQUIRE(secret.expose() == text);
    // The string still owns its memory, so its content may be inspected.
    REQUIRE(source.empty());
    REQUIRE(source.capacity() >= size);
    REQUIRE(std::string_view(bytes, size) == std::string(size, '\0'));
  }
}

TEST_CASE("secret: prints as redacted, empty or not") {
  std::ostringstream out;
  out << secret_of(short_text) << ' ' << Secret();
  REQUIRE(out.str() == "[redacted] [redacted]");
}

TEST_CASE("secret: moving leaves nothing behind") {
  Secret first = secret_of(short_text);
  Secret second(std::move(first));
  REQUIRE(first.empty());  // NOLINT(bugprone-use-after-move): this is what is promised.
  REQUIRE(first.expose().empty());
  REQUIRE(second.expose() == short_text);

  Secret third = secret_of(long_text);
  third = std::move(second);
  REQUIRE(second.empty());  // NOLINT(bugprone-use-after-move)
  REQUIRE(third.expose() == short_text);

  Secret& itself = third;
  third = std::move(itself);
  REQUIRE(third.expose() == short_text);
}

TEST_CASE("secret: equal only with the same bytes") {
  const Secret secret = secret_of(short_text);
  REQUIRE(secret.same_as(secret_of(short_text)));
  REQUIRE_FALSE(secret.same_as(secret_of("hunter3")));
  REQUIRE_FALSE(secret.same_as(secret_of("Hunter2")));
  REQUIRE_FALSE(secret.same_as(secret_of("hunter22")));
  REQUIRE_FALSE(secret.same_as(Secret()));
  REQUIRE(Secret().same_as(secret_of("")));
}

TEST_CASE("wipe: also overwrites what is after the end") {
  std::string text = long_text;
  text.resize(10);
  const char* const bytes = text.data();
  wipe(text);
  REQUIRE(text.empty());
  REQUIRE(text.capacity() >= long_text.size());
  text.resize(long_text.size(), 'x');  // Makes the memory ours to look at, as far as this writes to it again.
  REQUIRE(text.data() == bytes);

  std::string untouched = long_text;
  const std::string_view memory(untouched.data(), untouched.size());
  wipe(untouched);
  REQUIRE(memory == std::string(long_text.size(), '\0'));
}
