// The columns of a Place in a table of streams, each listed once: its name, its type, how it is written and
// read. The tables, the statements and both directions are generated from this list, so that they cannot
// differ; a new field of Place does not compile until it has its column.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "logzio_okta/flow/place.hpp"

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

/// What a column holds: bytes, or a number that may be missing. Valid while whoever has the bytes lives.
struct PlaceValue {
  std::optional<std::int64_t> number;
  std::string_view bytes;
};
struct PlaceColumn {
  enum class Type : std::uint8_t { bytes, number, maybe_number };

  const char* name;
  Type type;
  PlaceValue (*write)(const Place&);
  void (*read)(const PlaceValue&, Place&);
};
[[nodiscard]] std::span<const PlaceColumn> place_columns();

// For the state file.

/// "next TEXT NOT NULL, since_ms INTEGER NOT NULL, ...", for the table.
[[nodiscard]] std::string place_declarations();
/// "next, since_ms, ...", for a statement read by read_place().
[[nodiscard]] std::string place_names();
/// "?, ?, ...", one per column, for bind_place().
[[nodiscard]] std::string place_parameters();
/// "next = excluded.next, ...", for an existing row.
[[nodiscard]] std::string place_updates();

/// Binds every column, from the next parameter on. The place must outlive the query.
void bind_place(Query& query, const Place& place);
/// Reads every column, from the next one on.
[[nodiscard]] Place read_place(Query& query);

}  // namespace logzio_okta
