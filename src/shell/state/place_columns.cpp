#include "shell/state/place_columns.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include "shell/state/columns.hpp"

namespace logzio_okta {
namespace {

constexpr const char* text = "TEXT NOT NULL";
constexpr const char* number = "INTEGER NOT NULL";
constexpr const char* maybe = "INTEGER";

void write(Query& query, const std::string& value) {
  query.bind_text(value);
}
void write(Query& query, WallTime value) {
  query.bind(to_sql(value));
}
void write(Query& query, std::optional<WallTime> value) {
  query.bind(to_sql(value));
}
void write(Query& query, std::uint64_t value) {
  query.bind(to_sql(value));
}
void write(Query& query, std::uint32_t value) {
  query.bind(std::int64_t{value});
}
void write(Query& query, bool value) {
  query.bind(std::int64_t{value});
}
void write(Query& query, std::int64_t value) {
  query.bind(value);
}

void read(Query& query, std::string& value) {
  value = query.bytes();
}
void read(Query& query, WallTime& value) {
  value = time_of(query.number());
}
void read(Query& query, std::optional<WallTime>& value) {
  value = time_of(query.maybe_number());
}
void read(Query& query, std::uint64_t& value) {
  value = count_of(query.number());
}
void read(Query& query, std::uint32_t& value) {
  value = small_count_of(query.number());
}
void read(Query& query, bool& value) {
  value = query.number() != 0;
}
void read(Query& query, std::int64_t& value) {
  value = bounded_ms(query.number());
}

struct Column {
  const char* name;
  const char* type;
  void (*write)(Query&, const Place&);
  void (*read)(Query&, Place&);
};

/// A column for one member, unchanged.
template <auto member>
constexpr Column column(const char* name, const char* type) {
  return {.name = name,
          .type = type,
          .write = [](Query& query, const Place& place) { write(query, place.*member); },
          .read = [](Query& query, Place& place) { read(query, place.*member); }};
}

/// A doubt has two columns and exists only if both do.
void write_in_doubt_events(Query& query, const Place& place) {
  query.bind(place.in_doubt ? std::optional(std::int64_t{place.in_doubt->events_left}) : std::nullopt);
}
void write_in_doubt_before(Query& query, const Place& place) {
  query.bind(place.in_doubt ? std::optional(to_sql(place.in_doubt->before)) : std::nullopt);
}
void read_in_doubt_events(Query& query, Place& place) {
  if (const auto events = query.maybe_number())
    place.in_doubt = {.events_left = small_count_of(*events), .before = {}};
}
void read_in_doubt_before(Query& query, Place& place) {
  const auto before = query.maybe_number();
  if (!before) place.in_doubt.reset();
  if (place.in_doubt) place.in_doubt->before = time_of(*before);
}

constexpr std::array columns{
    column<&Place::next>("next", text),
    column<&Place::since>("since_ms", number),
    column<&Place::first_start>("first_start_ms", number),
    column<&Place::pages>("pages", number),
    column<&Place::limit>("page_limit", number),
    column<&Place::repeated>("repeated", number),
    column<&Place::watermark>("watermark_ms", maybe),
    column<&Place::window_from>("window_from_ms", maybe),
    column<&Place::restore_limit>("restore_limit_ms", maybe),
    column<&Place::recovering>("recovering_ms", maybe),
    column<&Place::caught_up>("caught_up_ms", maybe),
    Column{"in_doubt_events", maybe, write_in_doubt_events, read_in_doubt_events},
    Column{"in_doubt_before_ms", maybe, write_in_doubt_before, read_in_doubt_before},
    column<&Place::quiet_until>("quiet_until_ms", maybe),
    column<&Place::okta_offset_ms>("okta_offset_ms", number),
    column<&Place::gap_from>("gap_from_ms", maybe),
    column<&Place::gap_until>("gap_until_ms", maybe),
};

/// Does not compile if Place has another number of fields.
[[maybe_unused]] void count_fields(const Place& place) {
  [[maybe_unused]] const auto& [next, since, first_start, pages, limit, repeated, watermark, window_from,
                                restore_limit, recovering, caught_up, in_doubt, quiet_until, okta_offset_ms,
                                gap_from, gap_until] = place;
}
constexpr std::size_t fields = 16;
static_assert(columns.size() == fields + 1, "each field has its column, and in_doubt has two");

/// The results of `say` for each column, comma-separated.
template <typename Say>
std::string list_of(Say&& say) {
  std::string list;
  for (const Column& each : columns) list.append(list.empty() ? "" : ", ").append(say(each));
  return list;
}

}  // namespace

std::string place_declarations() {
  return list_of([](const Column& each) { return std::string(each.name) + " " + each.type; });
}

std::string place_names() {
  return list_of([](const Column& each) { return each.name; });
}

std::string place_parameters() {
  return list_of([](const Column&) { return "?"; });
}

std::string place_updates() {
  return list_of([](const Column& each) { return std::string(each.name) + " = excluded." + each.name; });
}

void bind_place(Query& query, const Place& place) {
  for (const Column& each : columns) each.write(query, place);
}

Place read_place(Query& query) {
  Place place;
  for (const Column& each : columns) each.read(query, place);
  return place;
}

}  // namespace logzio_okta
