#include "shell/state/place_columns.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include "shell/state/columns.hpp"

namespace logzio_okta {
namespace {

using Type = PlaceColumn::Type;

PlaceValue value_of(const std::string& value) {
  return {.number = std::nullopt, .bytes = value};
}
PlaceValue value_of(std::optional<std::int64_t> number) {
  return {.number = number, .bytes = {}};
}
PlaceValue value_of(WallTime value) {
  return value_of(std::optional(to_sql(value)));
}
PlaceValue value_of(std::optional<WallTime> value) {
  return value_of(to_sql(value));
}
PlaceValue value_of(std::uint64_t value) {
  return value_of(std::optional(to_sql(value)));
}
PlaceValue value_of(std::uint32_t value) {
  return value_of(std::optional(std::int64_t{value}));
}
PlaceValue value_of(bool value) {
  return value_of(std::optional(std::int64_t{value}));
}
PlaceValue value_of(std::int64_t value) {
  return value_of(std::optional(value));
}

void read(const PlaceValue& from, std::string& value) {
  value = std::string(from.bytes);
}
void read(const PlaceValue& from, WallTime& value) {
  value = time_of(from.number.value_or(0));
}
void read(const PlaceValue& from, std::optional<WallTime>& value) {
  value = time_of(from.number);
}
void read(const PlaceValue& from, std::uint64_t& value) {
  value = count_of(from.number.value_or(0));
}
void read(const PlaceValue& from, std::uint32_t& value) {
  value = small_count_of(from.number.value_or(0));
}
void read(const PlaceValue& from, bool& value) {
  value = from.number.value_or(0) != 0;
}
void read(const PlaceValue& from, std::int64_t& value) {
  value = bounded_ms(from.number.value_or(0));
}

/// A column for one member, unchanged.
template <auto member>
constexpr PlaceColumn column(const char* name, Type type) {
  return {.name = name,
          .type = type,
          .write = [](const Place& place) { return value_of(place.*member); },
          .read = [](const PlaceValue& value, Place& place) { read(value, place.*member); }};
}

/// A doubt has two columns and exists only if both do.
PlaceValue in_doubt_events(const Place& place) {
  return value_of(place.in_doubt ? std::optional(std::int64_t{place.in_doubt->events_left}) : std::nullopt);
}
PlaceValue in_doubt_before(const Place& place) {
  return value_of(place.in_doubt ? std::optional(to_sql(place.in_doubt->before)) : std::nullopt);
}
void read_in_doubt_events(const PlaceValue& value, Place& place) {
  if (value.number) place.in_doubt = {.events_left = small_count_of(*value.number), .before = {}};
}
void read_in_doubt_before(const PlaceValue& value, Place& place) {
  if (!value.number) place.in_doubt.reset();
  if (place.in_doubt) place.in_doubt->before = time_of(*value.number);
}

constexpr std::array columns{
    column<&Place::next>("next", Type::bytes),
    column<&Place::since>("since_ms", Type::number),
    column<&Place::first_start>("first_start_ms", Type::number),
    column<&Place::pages>("pages", Type::number),
    column<&Place::limit>("page_limit", Type::number),
    column<&Place::repeated>("repeated", Type::number),
    column<&Place::watermark>("watermark_ms", Type::maybe_number),
    column<&Place::window_from>("window_from_ms", Type::maybe_number),
    column<&Place::restore_limit>("restore_limit_ms", Type::maybe_number),
    column<&Place::recovering>("recovering_ms", Type::maybe_number),
    column<&Place::caught_up>("caught_up_ms", Type::maybe_number),
    PlaceColumn{"in_doubt_events", Type::maybe_number, in_doubt_events, read_in_doubt_events},
    PlaceColumn{"in_doubt_before_ms", Type::maybe_number, in_doubt_before, read_in_doubt_before},
    column<&Place::quiet_until>("quiet_until_ms", Type::maybe_number),
    column<&Place::okta_offset_ms>("okta_offset_ms", Type::number),
    column<&Place::gap_from>("gap_from_ms", Type::maybe_number),
    column<&Place::gap_until>("gap_until_ms", Type::maybe_number),
};

/// Does not compile if Place has another number of fields.
[[maybe_unused]] void count_fields(const Place& place) {
  [[maybe_unused]] const auto& [next, since, first_start, pages, limit, repeated, watermark, window_from,
                                restore_limit, recovering, caught_up, in_doubt, quiet_until, okta_offset_ms,
                                gap_from, gap_until] = place;
}
constexpr std::size_t fields = 16;
static_assert(columns.size() == fields + 1, "each field has its column, and in_doubt has two");

const char* sql_type(Type type) {
  switch (type) {
    case Type::bytes:
      return "TEXT NOT NULL";
    case Type::number:
      return "INTEGER NOT NULL";
    case Type::maybe_number:
      return "INTEGER";
  }
  return "";
}

/// The results of `say` for each column, comma-separated.
template <typename Say>
std::string list_of(Say&& say) {
  std::string list;
  for (const PlaceColumn& each : columns) list.append(list.empty() ? "" : ", ").append(say(each));
  return list;
}

}  // namespace

std::span<const PlaceColumn> place_columns() {
  return columns;
}

std::string place_declarations() {
  return list_of([](const PlaceColumn& each) { return std::string(each.name) + " " + sql_type(each.type); });
}

std::string place_names() {
  return list_of([](const PlaceColumn& each) { return each.name; });
}

std::string place_parameters() {
  return list_of([](const PlaceColumn&) { return "?"; });
}

std::string place_updates() {
  return list_of([](const PlaceColumn& each) { return std::string(each.name) + " = excluded." + each.name; });
}

void bind_place(Query& query, const Place& place) {
  for (const PlaceColumn& each : columns) {
    if (each.type == Type::bytes) {
      query.bind_text(each.write(place).bytes);
    } else {
      query.bind(each.write(place).number);
    }
  }
}

Place read_place(Query& query) {
  Place place;
  for (const PlaceColumn& each : columns) {
    if (each.type == Type::bytes) {
      each.read({.number = std::nullopt, .bytes = query.bytes()}, place);
    } else {
      each.read({.number = query.maybe_number(), .bytes = {}}, place);
    }
  }
  return place;
}

}  // namespace logzio_okta
