#include "sim/story.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

namespace logzio_okta::sim {
namespace {

constexpr std::size_t first_lines_max = 5;  // A long story shows its beginning ...
constexpr std::size_t last_lines_max = 35;  // ... and its end.

bool has(const About& about, std::size_t event) {
  if (about.events) return std::ranges::find(*about.events, event) != about.events->end();
  return about.first <= event && event < about.end;
}

}  // namespace

void Story::write(Instant now, std::string_view text, About about) {
  const auto ms = to_ms(now.time_since_epoch()).count();
  char stamp[64];
  std::snprintf(stamp, sizeof stamp, "%3lldh %02lld:%02lld.%03lld #%llu  ",
                static_cast<long long>(ms / 3'600'000), static_cast<long long>(ms / 60'000 % 60),
                static_cast<long long>(ms / 1000 % 60), static_cast<long long>(ms % 1000),
                static_cast<unsigned long long>(step_));
  std::string line = stamp;
  line += text;
  if (telling_ == Telling::aloud) {
    std::puts(line.c_str());
    return;
  }
  lines_.push_back({.text = std::move(line), .about = std::move(about)});
}

std::vector<const Story::Line*> Story::lines_of_event(std::size_t org, std::size_t event) const {
  std::set<std::uint64_t> requests;  // Those whose answer held it.
  for (const Line& line : lines_) {
    if (line.about.request > 0 && line.about.org == org && has(line.about, event))
      requests.insert(line.about.request);
  }
  std::vector<const Line*> lines;
  bool passed = false;  // A save has, since the event was last on its way.
  for (const Line& line : lines_) {
    const About& about = line.about;
    if (about.detail) continue;
    const bool everybody = !about.org && !about.events;
    const bool carries = has(about, event) || (about.org == org && requests.contains(about.request));
    const bool passes = about.org == org && about.covered && *about.covered > event && !passed;
    if (carries) passed = false;
    if (passes) passed = true;
    if (everybody || carries || passes) lines.push_back(&line);
  }
  return lines;
}

// But for polls that brought nothing, of which there are thousands.
std::vector<const Story::Line*> Story::lines_of_org(std::size_t org) const {
  std::set<std::uint64_t> details;
  for (const Line& line : lines_) {
    if (line.about.detail && line.about.request > 0) details.insert(line.about.request);
  }
  std::vector<const Line*> lines;
  for (const Line& line : lines_) {
    if ((line.about.detail || details.contains(line.about.request)) && &line != &lines_.back()) continue;
    const bool everybody = !line.about.org && !line.about.events;
    if (everybody || line.about.org == org) lines.push_back(&line);
  }
  return lines;
}

std::vector<std::string> Story::about(const Subject& subject) const {
  std::vector<const Line*> lines;
  if (subject.org && subject.event) {
    lines = lines_of_event(*subject.org, *subject.event);
  } else if (subject.org) {
    lines = lines_of_org(*subject.org);
  } else {
    for (const Line& line : lines_) lines.push_back(&line);
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i == first_lines_max && lines.size() > first_lines_max + last_lines_max) {
      const std::size_t left_out = lines.size() - first_lines_max - last_lines_max;
      texts.push_back("  ... " + std::to_string(left_out) + " lines ...");
      i += left_out;
    }
    texts.push_back(lines[i]->text);
  }
  return texts;
}

}  // namespace logzio_okta::sim
