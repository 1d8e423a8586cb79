// The Link header: whatever is sent, a link that is found is in it; a well-formed link is found whatever is
// beside it; and a link that is admitted leads only to the org.
#include <string>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/link_header.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

namespace {

const Origin org{.scheme = "https", .host = "acme.okta.com", .port = 443};

void judge_admission(std::string_view link) {
  const auto target = admit_next(org, link);
  if (!target) {
    CHECK(!target.error().empty());
    return;
  }
  CHECK(link.ends_with(*target));
  CHECK(path_of(*target) == log_path);
  CHECK(target->size() <= limits::next_link_bytes_max);
  for (const char c : *target) CHECK(ascii::is_visible(c));
  const auto url = parse_url(org.text() + *target);
  CHECK(url && url->origin == org && url->target == *target);
  // Followed, it is admitted again: it is a place.
  CHECK(admit_next(org, *target) == target);
}

/// What may stand between < and > and come out again.
bool is_plain(std::string_view target) {
  return target.find_first_of("<>\n") == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Headers headers;
  const std::string_view first = input.line();
  while (!input.empty()) headers.push_back({.name = "link", .value = std::string(input.line())});

  for (const std::string_view relation : {"next", "self"}) {
    const auto found = find_link(headers, relation);
    if (!found) continue;
    bool stands_there = false;
    for (const Header& header : headers)
      stands_there = stands_there || header.value.contains("<" + *found + ">");
    CHECK(stands_there);
    judge_admission(*found);
  }
  judge_admission(first);
  judge_admission(org.text() + std::string(first));

  // A link of its own header line, before anything else, is found; so is one joined after a good one.
  if (!is_plain(first)) return 0;
  const std::string target(first);
  Headers own{{.name = "Link", .value = "<" + target + ">; rel=\"next\""}};
  own.insert(own.end(), headers.begin(), headers.end());
  CHECK(find_link(own, "next") == target);
  const Headers joined{
      {.name = "LINK",
       .value = "<https://a/b,c;d>; title=\"x\\\", <y>\"; rel=self , <" + target + ">;REL=next"}};
  CHECK(find_link(joined, "next") == target);
  CHECK(find_link(joined, "self") == "https://a/b,c;d");
  return 0;
}
