// Unsettled: the pages (of Okta's log, or rows of the spool) that a source has handed on and that are not
// fully settled, oldest first. Saving proceeds from the front only: a page counts once every page before it
// does.
//
//     pages.push_back(std::move(page));
//     if (!pages.settle(settlement)) forget(settlement);  // Its page is gone.
//     for (; !pages.empty() && pages.front().unsettled == 0; pages.pop_front()) move_on(pages.front());
//
// Promises
// - Numbers grow, so a settlement finds exactly one page.
// - Never more of a page is settled than was handed on.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

struct UnsettledPage {
  std::uint64_t number = 0;
  std::uint32_t unsettled = 0;
  bool touched = false;  ///< Part of it is settled, or may have arrived where it is no longer sent.
  std::vector<SetAside> kept{};

  /// Never more than was handed on.
  void settle(const Settlement& settlement);
  /// Numbers grow.
  void follow(const UnsettledPage& last) const;
};

/// A settlement for a page that is gone can only be a copy that waited for room.
void check_is_a_copy(const Settlement& settlement);

/// Adds a settlement to its source's counts.
void count(EventCounts& counts, const Settlement& settlement);

template <std::derived_from<UnsettledPage> Page>
class Unsettled {
 public:
  void push_back(Page&& page) {
    if (!pages_.empty()) page.follow(pages_.back());
    pages_.push_back(std::move(page));
  }
  /// False if the page is gone.
  [[nodiscard]] bool settle(const Settlement& settlement) {
    const auto page = std::ranges::find(pages_, settlement.page, &Page::number);
    if (page == pages_.end()) {
      check_is_a_copy(settlement);
      return false;
    }
    page->settle(settlement);
    return true;
  }
  /// Marks the page as touched; false if it is gone.
  [[nodiscard]] bool touch(std::uint64_t number) {
    const auto page = std::ranges::find(pages_, number, &Page::number);
    if (page != pages_.end()) page->touched = true;
    return page != pages_.end();
  }
  [[nodiscard]] bool touched() const { return std::ranges::any_of(pages_, &Page::touched); }
  /// Unsettled events in all pages.
  [[nodiscard]] std::uint64_t events() const {
    std::uint64_t events = 0;
    for (const Page& page : pages_) events += page.unsettled;
    return events;
  }

  [[nodiscard]] bool empty() const { return pages_.empty(); }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  [[nodiscard]] Page& front() { return pages_.front(); }
  [[nodiscard]] const Page& front() const { return pages_.front(); }
  [[nodiscard]] Page& back() { return pages_.back(); }
  [[nodiscard]] const Page& back() const { return pages_.back(); }
  void pop_front() { pages_.pop_front(); }
  void clear() { pages_.clear(); }
  [[nodiscard]] auto begin() { return pages_.begin(); }
  [[nodiscard]] auto end() { return pages_.end(); }
  [[nodiscard]] auto begin() const { return pages_.begin(); }
  [[nodiscard]] auto end() const { return pages_.end(); }

 private:
  std::deque<Page> pages_;
};

}  // namespace logzio_okta
