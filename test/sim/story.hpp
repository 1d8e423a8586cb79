// Story: what happened in a run, as a hash always and as lines for people on request.
//
//     story.tell(now, fact, [&] { return "asks org3 ..."; }, {.org = 3, .request = id});
//     story.about({.org = 3, .event = 1234});   // the lines that tell how it came to this
//
// A run is fast because it writes nothing; a failed seed is run again with a story that is kept, and a second
// run of the same seed that ends in another hash is itself a bug.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::sim {

enum class Telling : std::uint8_t {
  hash_only,
  kept,   ///< For about().
  aloud,  ///< On stdout, as it happens.
};

/// What a line concerns; by default everything.
struct About {
  std::optional<std::size_t> org{};
  std::uint64_t request = 0;  ///< A request to Okta, or its answer.
  std::size_t first = 0;      ///< Events, by the judge's numbers: a page, ...
  std::size_t end = 0;        ///< (after it)
  std::shared_ptr<const std::vector<std::size_t>> events = {};  ///< ... or a bulk.
  std::optional<std::size_t> covered{};  ///< A save: it says that events before this one are settled.
  bool detail = false;                   ///< Useless to anyone who looks for one event.
};

class Story {
 public:
  explicit Story(Telling telling = Telling::hash_only) : telling_(telling) {}

  /// `fact` goes into the hash; `text()` is called only if the story is kept or told.
  template <class Text>
  void tell(Instant now, std::uint64_t fact, Text text, About about = {}) {
    mix(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    mix(fact);
    if (telling_ != Telling::hash_only) write(now, text(), std::move(about));
  }
  void next_step() { ++step_; }
  [[nodiscard]] bool silent() const { return telling_ == Telling::hash_only; }

  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t step() const { return step_; }

  struct Subject {
    std::optional<std::size_t> org;
    std::optional<std::size_t> event;
  };
  /// For an event: the pages that held it, the bulks, their answers, the saves that passed it, and whatever
  /// concerns everybody. For an org: its last lines. For neither: the last lines.
  [[nodiscard]] std::vector<std::string> about(const Subject& subject) const;

 private:
  struct Line {
    std::string text;
    About about;
  };

  void mix(std::uint64_t fact) { hash_ = (hash_ ^ fact) * 0x9e3779b97f4a7c15U + (hash_ >> 29U); }
  void write(Instant now, std::string_view text, About about);
  [[nodiscard]] std::vector<const Line*> lines_of_event(std::size_t org, std::size_t event) const;
  [[nodiscard]] std::vector<const Line*> lines_of_org(std::size_t org) const;

  Telling telling_;
  std::uint64_t hash_ = 0;
  std::uint64_t step_ = 0;
  std::vector<Line> lines_;
};

}  // namespace logzio_okta::sim
