#include "shell/state/queued_window.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace logzio_okta {

void QueuedWindow::add(const Save& save) {
  for (const WindowRow& row : save.rows) rows_.insert_or_assign(row.page, &row);
  from_ = save.rows_from;
  rows_.erase(rows_.begin(), rows_.lower_bound(from_));
}

bool QueuedWindow::list(StreamTables& tables, std::vector<RowInfo>& rows) const {
  std::map<std::uint64_t, RowInfo> by_page;
  for (const auto& [page, row] : rows_) {
    const auto events = static_cast<std::uint32_t>(row->events.size());
    by_page.emplace(page, RowInfo{.page = page, .newest = row->newest, .events = events});
  }
  const bool listed = tables.list_rows(key_, from_, by_page);
  for (const auto& [page, row] : by_page) rows.push_back(row);
  return listed;
}

bool QueuedWindow::read(StreamTables& tables, std::size_t events_max, std::vector<WindowRow>& newest) const {
  std::map<std::uint64_t, WindowRow, std::greater<>> rows;  // Newest first, to be cut from the oldest.
  for (const auto& [page, row] : rows_) rows.emplace(page, *row);

  if (!tables.read_rows(key_, from_, events_max, rows)) return false;

  std::size_t events = 0;
  for (auto& [page, row] : rows) {
    events += row.events.size();
    if (events > events_max) break;
    newest.push_back(std::move(row));
  }
  std::ranges::reverse(newest);
  return true;
}

}  // namespace logzio_okta
