#include "logzio_okta/logzio/line_again.hpp"

#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

using namespace std::string_view_literals;

std::string event_in(std::string_view line, const LineRecord& record) {
  return "{" + std::string(line.substr(record.event_at));
}

std::string marked_line(std::string_view line, const LineRecord& record) {
  constexpr auto object = "\"logzio_okta\":{"sv;
  constexpr auto said = "\"possible_duplicate\":true"sv;
  const std::string_view splice = line.substr(0, record.event_at);
  std::string marked(line);
  // Inside a JSON string quotes are escaped, so this can only be our own key.
  if (const auto at = splice.rfind(object); at != std::string_view::npos) {
    return marked.insert(at + object.size(), std::string(said) + ",");
  }
  EventSlice event;
  const std::string bytes = event_in(line, record);
  if (PageCutter::cut_one(bytes, event) && event.own_keys.has(OwnKey::logzio_okta)) return {};
  const bool empty_event = line.substr(record.event_at).find_first_not_of(" }\t") == std::string_view::npos;
  const std::string ours = std::string(object) + std::string(said) + "}";
  return marked.insert(record.event_at, empty_event ? "," + ours : ours + ",");
}

}  // namespace logzio_okta
