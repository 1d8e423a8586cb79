// HookIntake: how event hooks come into the daemon: the server and its gate, the files that both need
// (secrets, certificate), and what an earlier run or another replica has spooled.
//
//     HookIntake hooks(settings, keyring, console, reloads, inputs);
//     if (const auto opened = hooks.open(); !opened) return complain(opened.error());
//     descriptors.push_back(hooks.descriptor());  // If it is open; wait until hooks.timeout().
//     hooks.run();                                // Each turn.
//     hooks.look();                               // Every few seconds; hooks.reload() after SIGHUP.
//     hooks.find_spool(store->take_spool_found());
//
// Deliveries go to the core as HookArrived, with the destination of an org that is not polled.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/input_queue.hpp"
#include "logzio_okta/flow/message.hpp"

#include "shell/hooks/hook_gate.hpp"
#include "shell/hooks/hook_server.hpp"
#include "shell/os/file_watch.hpp"
#include "shell/process/console.hpp"
#include "shell/process/reloads.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/settings.hpp"
#include "shell/state/spool_summary.hpp"

namespace logzio_okta {

class HookIntake {
 public:
  /// All of them must outlive it.
  HookIntake(const Settings& settings, Keyring& keyring, Console& console, Reloads& reloads,
             InputQueue& inputs)
      : settings_(settings),
        keyring_(keyring),
        console_(console),
        reloads_(reloads),
        inputs_(inputs),
        gate_(keyring) {}

  /// Listens where --hooks says. Without --hooks, only find_spool() does anything.
  [[nodiscard]] Result<void> open();
  [[nodiscard]] bool is_open() const { return server_ != nullptr; }
  [[nodiscard]] int descriptor() const { return server_->fd(); }
  [[nodiscard]] std::optional<Duration> timeout() const { return server_->timeout(); }
  void run();
  void answer(const AnswerHook& answer) { server_->answer(answer); }
  void stop_listening();

  void look();
  void reload();

  /// Tells the core about these, if there is somewhere to send them.
  void find_spool(const std::vector<SpoolSummary>& summaries);

 private:
  [[nodiscard]] Result<void> read_secrets(const std::string& path);
  void reload_secrets();
  void reload_certificate();

  const Settings& settings_;
  Keyring& keyring_;
  Console& console_;
  Reloads& reloads_;
  InputQueue& inputs_;
  HookGate gate_;
  std::unique_ptr<HookServer> server_;
  std::optional<FileWatch> secrets_;
  std::optional<FileWatch> certificate_;
  std::optional<FileWatch> certificate_key_;
};

}  // namespace logzio_okta
