// Kept: what a daemon keeps beyond its own life, opened as the options say: the state, in a directory or in a
// database that replicas share, and the copies.
//
//     auto kept = open_kept(options, environment);
//     if (!kept) return give_up(kept.error());
//
// The last moment of root: what only root may read has been read before, and with it the process becomes the
// user of --user, who owns what is opened.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/config/options.hpp"

#include "shell/os/environment.hpp"
#include "shell/state/copies.hpp"
#include "shell/state/state_store.hpp"

namespace logzio_okta {

struct StartFailure {
  int exit_code = 0;                  ///< 74, 75 or 78.
  std::vector<std::string> problems;  ///< One line each: what, where, what to do.
};
[[nodiscard]] std::unexpected<StartFailure> refuse_start(int code, std::string text);

struct Kept {
  std::unique_ptr<StateStore> store;
  std::optional<Copies> copies;
  std::string state_dir;              ///< Empty where a database has the state.
  std::string place;                  ///< For people: the directory, or "PostgreSQL at HOST:PORT".
  std::vector<std::string> warnings;  ///< From finding the directory; the store has its own.
};

/// Whether a database is there shows later: it is waited for.
[[nodiscard]] std::expected<Kept, StartFailure> open_kept(const Options& options,
                                                          const Environment& environment);

}  // namespace logzio_okta
