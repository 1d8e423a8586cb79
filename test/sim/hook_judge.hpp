// HookJudge: judges, from outside, an org that pushes and is not polled: what was answered 200 is delivered
// or set aside; nothing is delivered that was not pushed; a repeat is marked as a possible one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace logzio_okta::sim {

class HookJudge {
 public:
  static constexpr std::string_view org = "pusher.okta.com";

  /// An event to be pushed, by its number.
  [[nodiscard]] static std::string event(std::uint64_t number);
  void pushed(std::uint64_t number) { events_[number]; }
  void answered(std::uint64_t number, int status) { events_[number].kept |= status == 200; }

  /// Whether the line belongs to this org.
  [[nodiscard]] static bool owns(std::string_view line);
  void stored(std::string_view line);
  void set_aside(std::string_view bytes);
  /// Empty when everything that was answered 200 has ended; else the first that has not.
  [[nodiscard]] std::string first_unsettled() const;

 private:
  struct Event {
    bool kept = false;
    bool aside = false;
    int stores = 0;
  };
  std::map<std::uint64_t, Event> events_;
};

}  // namespace logzio_okta::sim
