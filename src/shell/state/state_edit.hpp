// StateEdit: changes the state for a command, while no daemon holds it.
//
//     auto edit = StateEdit::open(dir);
//     if (!edit) return give_up(edit.error());  // 75 and who holds it, if a daemon does.
//     Result<std::optional<Place>> place = edit->place("acme.okta.com");
//     Result<void> written = edit->write("acme.okta.com", other);  // On disk when it returns.
//     Result<void> closed = edit->close();  // Without it the next run would find an unclean end.
//
// Writing a place replaces the previous one with all its data: the window is emptied, and no doubt remains.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/flow/place.hpp"

#include "shell/state/state_store.hpp"
#include "shell/state/store.hpp"

namespace logzio_okta {

class StateEdit {
 public:
  /// Creates the state if there is none; a damaged one is an error and stays unchanged.
  static std::expected<StateEdit, StoreError> open(const std::string& dir);
  /// The store is open, or opens while it is waited for.
  explicit StateEdit(std::unique_ptr<StateStore> store) : store_(std::move(store)) {}

  /// The place with this key; nothing if there is none. An error if a replica follows its org.
  [[nodiscard]] Result<std::optional<Place>> place(const std::string& key);
  /// The bounds of Okta's clock at our `wall`: by our clock, and by the difference of the two when the place
  /// was saved. Either clock may have been corrected since.
  struct OktaTime {
    WallTime at_least;
    WallTime at_most;
  };
  [[nodiscard]] Result<OktaTime> okta_time(const std::string& key, WallTime wall);
  [[nodiscard]] Result<void> write(const std::string& key, const Place& place);
  [[nodiscard]] Result<void> close() { return store_->close(true); }

 private:
  /// The first answer that `wanted` takes, or why there is none.
  Result<Input> wait_for(bool (*wanted)(const Input&));

  std::unique_ptr<StateStore> store_;
  std::uint64_t streams_ = 0;
};

}  // namespace logzio_okta
