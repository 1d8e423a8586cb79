// TenantFiles: the tenants file, the files with keys and tokens that it names, and the file with the
// account's token: read again when one of them changes and when a signal asks for it.
//
//     TenantFiles files({settings, environment, keyring, console, reloads, inputs}, key_refused);
//     Roster roster = files.begin(std::move(tenants));
//     files.look();     // Every few seconds.
//     files.reload();   // After SIGHUP.
//     files.collect();  // Each turn, while is_reading().
//
// What has changed goes to the keyring, and to the core as Reload and TokenChanged. The tenants file and what
// it names are read in a thread, because fifty private keys, each of which is tried once, would keep the loop
// from its work. An account's token that changes meanwhile waits for them: they may say who still uses it.
#pragma once

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/tenants.hpp"
#include "logzio_okta/flow/input_queue.hpp"

#include "shell/os/environment.hpp"
#include "shell/os/file_watch.hpp"
#include "shell/process/console.hpp"
#include "shell/process/reloads.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/settings.hpp"
#include "shell/settings/tenants_file.hpp"

namespace logzio_okta {

class TenantFiles {
 public:
  /// All of them must outlive it.
  struct Surroundings {
    const Settings& settings;
    const Environment& environment;  ///< For ${NAME} in the tenants file.
    Keyring& keyring;
    Console& console;
    Reloads& reloads;
    InputQueue& inputs;
  };
  /// `key_refused`: whether Okta refuses a key at this moment.
  TenantFiles(const Surroundings& around, std::function<bool()> key_refused)
      : settings_(around.settings),
        environment_(around.environment),
        keyring_(around.keyring),
        console_(around.console),
        reloads_(around.reloads),
        inputs_(around.inputs),
        key_refused_(std::move(key_refused)) {}

  /// The warnings of the options and of the tenants, which are not repeated when their file is read again.
  void warn(std::vector<std::string> of_options, std::vector<std::string> of_tenants);
  /// Puts the tenants found at the start in force, and watches their files from now on.
  Roster begin(Tenants&& tenants);

  void look();
  void reload();
  [[nodiscard]] bool is_reading() const { return reading_.valid(); }
  void collect();
  /// Puts the same roster in force again, so that what Okta has refused is tried at once.
  void wake_keys(const char* why);

 private:
  /// `quietly`: logs nothing if the fault is the same as before.
  void reload_tenants(bool quietly = false);
  void put_in_force(Result<Tenants>&& tenants);
  void token_changed();
  [[nodiscard]] bool have_changed();
  void reload_token();
  [[nodiscard]] Result<Tenants> read_tenants() const;
  void watch_secret_files(const std::vector<TenantEntry>& entries);
  void tell_changed_tokens();

  const Settings& settings_;
  const Environment& environment_;
  Keyring& keyring_;
  Console& console_;
  Reloads& reloads_;
  InputQueue& inputs_;
  std::function<bool()> key_refused_;
  bool piped_ = false;  ///< The tenants were read from a pipe.
  Roster roster_;       ///< The one in force.
  std::optional<FileWatch> tenants_;
  std::optional<FileWatch> token_;
  std::vector<FileWatch> secrets_;
  bool quietly_ = false;                       ///< How the tenants are being read,
  WallTime reading_since_;                     ///< since when,
  bool again_ = false;                         ///< that they must be read once more,
  bool token_due_ = false;                     ///< and that the token must be read after them.
  std::vector<std::string> tenants_warnings_;  ///< From the last time the file was read.
  std::vector<std::string> token_warnings_;
  std::future<Result<Tenants>> reading_;  ///< Last: it uses the others until it is destroyed.
};

}  // namespace logzio_okta
