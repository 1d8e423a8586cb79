#include "model/events.hpp"

#include <set>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/page.hpp"

#include "catch.hpp"
#include "model/json.hpp"

namespace logzio_okta::model {
namespace {

const WallTime noon = *parse_rfc3339("2026-11-23T12:00:00.123Z");

TEST_CASE("events: an event is strict JSON of about the size Okta's are") {
  EventMaker maker(1);
  for (int i = 0; i < 200; ++i) {
    const std::string event = maker.make(noon);
    REQUIRE(is_strict_json_object(event));
    CHECK(event.size() > 1700);
    CHECK(event.size() < 3000);
    const auto object = read_object(event);
    REQUIRE(object);
    CHECK(object->text("published") == "2026-11-23T12:00:00.123Z");
    CHECK(object->text("uuid")->size() == 36);
    CHECK(object->value("displayMessage")->front() == '"');
  }
}

TEST_CASE("events: one seed gives the same bytes again, another seed others") {
  EventMaker first(7);
  EventMaker again(7);
  EventMaker other(8);
  for (int i = 0; i < 20; ++i) {
    const std::string event = first.make(noon);
    CHECK(event == again.make(noon));
    CHECK(event != other.make(noon));
  }
}

TEST_CASE("events: uuids look like version 4 and differ") {
  EventMaker maker(3);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = maker.uuid();
    REQUIRE(uuid[14] == '4');
    REQUIRE(std::string_view("89ab").contains(uuid[19]));
    REQUIRE(seen.insert(uuid).second);
  }
}

TEST_CASE("events: what belongs in Logz.io is strict JSON on one line or more, what does not is not") {
  EventMaker maker(5);
  for (const Special special : all_specials()) {
    INFO(name_of(special));
    const std::string event = maker.special(special, noon);
    CHECK(is_strict_json_object(event) == (fate_of(special) != Fate::set_aside));
  }
}

TEST_CASE("events: the special ones are what their names say") {
  EventMaker maker(5);
  const auto made = [&](Special special) { return maker.special(special, noon); };
  CHECK(made(Special::oversized).size() > limits::line_bytes_max);
  CHECK(made(Special::empty_object) == "{}");
  CHECK(made(Special::pretty_printed).contains('\n'));
  CHECK_FALSE(read_object(made(Special::no_uuid))->value("uuid"));
  CHECK(read_object(made(Special::null_uuid))->value("uuid") == "null");
  CHECK_FALSE(read_object(made(Special::no_published))->value("published"));
  CHECK(shape_of(made(Special::deep)).depth > limits::depth_max);
  CHECK(shape_of(made(Special::many_fields)).fields > limits::fields_max);
  CHECK(shape_of(made(Special::long_field)).string_chars > limits::field_chars_max);

  const Shape usual = shape_of(maker.make(noon));
  CHECK(usual.depth <= limits::depth_max);
  CHECK(usual.fields < 150);

  const std::string clashing = made(Special::clashing_keys);
  for (const char* key : {"type", "message", "@timestamp", "tenant_name", "logzio_okta", "token"}) {
    CHECK(read_object(clashing)->value(key));
  }
  CHECK(read_object(made(Special::escaped_clash))->text("type") == "mine");
}

}  // namespace
}  // namespace logzio_okta::model
