#include "model/json.hpp"

#include "catch.hpp"

namespace logzio_okta::model {
namespace {

TEST_CASE("model json: members keep their order, their raw values and where they begin") {
  const std::string_view text = R"({"a":1, "b" : {"x":[1,"}"]},"c":"q\"," })";
  const auto object = read_object(text);
  REQUIRE(object);
  REQUIRE(object->members.size() == 3);
  CHECK(object->members[0].begin == 1);
  CHECK(object->members[1].value == R"({"x":[1,"}"]})");
  CHECK(text.substr(object->members[1].begin).starts_with(" \"b\""));
  CHECK(object->text("c") == R"(q\",)");
  CHECK(text.substr(object->end) == "}");
}

TEST_CASE("model json: the last of two equal keys counts") {
  CHECK(read_object(R"({"a":1,"a":2})")->value("a") == "2");
}

TEST_CASE("model json: a key written with escapes is recognized") {
  CHECK(read_object(R"({"\u0074oken":"x"})")->text("token") == "x");
}

TEST_CASE("model json: what is no whole object is none") {
  for (const char* text :
       {"", "[]", "1", "{", "{\"a\"}", "{\"a\":1", "{\"a\":1]", "{\"a\":1} x", "{\"a\":\"}", "{} {}"}) {
    INFO(text);
    CHECK_FALSE(read_object(text));
  }
  CHECK(read_object(" { } "));
}

TEST_CASE("model json: shape counts levels, keys and code points") {
  const Shape shape = shape_of(R"({"a":{"b":["ж\u00e9\n"]},"c":":"})");
  CHECK(shape.depth == 3);
  CHECK(shape.fields == 3);
  CHECK(shape.string_chars == 3);
}

TEST_CASE("model json: a quoted text is a JSON string") {
  CHECK(quoted("a\"b\\c\nd\x01") == R"("a\"b\\c\nd\u0001")");
}

}  // namespace
}  // namespace logzio_okta::model
