// The output of `check`: tables and findings, as text for people or as JSON. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/inspect/diagnosis.hpp"

#include "shell/state/state_view.hpp"

namespace logzio_okta {

/// The state and its directory.
struct StateFound {
  std::string path;  ///< Empty: not examined.
  bool exists = false;
  unsigned owner = 0;
  unsigned mode = 0;
  std::optional<std::uint64_t> free_bytes;
  std::optional<SetAsideTotal> set_aside;  ///< If there is a readable state.
};

/// The database that has the state instead.
struct StoreFound {
  std::string place;  ///< Empty: there is none.
  std::string server;
  std::optional<Duration> round_trip;  ///< Nothing where it did not answer.
  std::vector<std::string> fleet;      ///< Who follows what, a line each.
  std::optional<SetAsideTotal> set_aside;
};

/// The daemon that runs with this state.
struct DaemonFound {
  std::string address;   ///< Where it was asked; empty: not asked.
  std::string headline;  ///< Its own, or why there is none.
  bool running = false;
  bool woken = false;  ///< It now retries refused keys.
};

struct Examination {
  WallTime at;
  StateFound state;
  StoreFound store;
  DaemonFound daemon;
  std::vector<TenantDiagnosis> tenants;  ///< In the file's order, one per key.
  std::vector<ListenerDiagnosis> listeners;
  std::vector<Finding> findings;  ///< All, including those of tenants and listeners; the gravest first.
};

enum class Colour : std::uint8_t { plain, terminal };

/// `strict`: a warning counts as a failure.
[[nodiscard]] std::string examination_text(const Examination& examination, Colour colour, bool strict);
[[nodiscard]] std::string examination_json(const Examination& examination, int exit_code);

}  // namespace logzio_okta
