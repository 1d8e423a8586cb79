#include "shell/postgres/spool_finder.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/okta/log_query.hpp"

#include "shell/postgres/tables.hpp"

namespace logzio_okta {

std::vector<SpoolSummary> SpoolFinder::take_found() {
  return std::exchange(found_, {});
}

void SpoolFinder::add_ours(const std::string& key, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t>& ours = told_[key].ours;
  ours.insert(ours.end(), rows.begin(), rows.end());
}

bool SpoolFinder::is_for_us(const std::string& key) const {
  const Fleet::Lease* lease = leases_.fleet().lease_of(std::string(org_of_stream_key(key)));
  const Fleet::Instance* holder = lease == nullptr ? nullptr : leases_.fleet().holder_of(*lease);
  return holder == nullptr || holder->id == leases_.id();
}

void SpoolFinder::look(Instant now) {
  if (!may_ask_() || questions_ > 0) return;
  called_ = false;
  ++questions_;
  connection_.send(now, {list_spool()}, PgConnection::usual_patience,
                   [this, now](const PgConnection::Outcome& answer) {
                     --questions_;
                     if (!answer) return;
                     for (const auto& [key, last] : spool_list_of(answer->front())) {
                       if (is_for_us(key) && last > told_[key].up_to && may_ask_()) sum(now, key, last);
                     }
                     end();
                   });
}

/// `last`: the stream's newest row in the list. The core has been told of no row after it yet.
void SpoolFinder::sum(Instant now, const std::string& key, std::uint64_t last) {
  const Told& known = told_[key];
  ++questions_;
  connection_.send(now, {sum_spool(key, known.up_to, known.ours)}, PgConnection::usual_patience,
                   [this, key, last](const PgConnection::Outcome& answer) {
                     --questions_;
                     if (!answer) return;
                     std::uint64_t up_to = last;
                     for (SpoolSummary& sum : spool_sums_of(answer->front())) {
                       up_to = std::max(up_to, sum.newest);
                       found_.push_back(std::move(sum));
                     }
                     Told& known_now = told_[key];
                     known_now.up_to = std::max(known_now.up_to, up_to);
                     std::erase_if(known_now.ours, [&](std::int64_t row) {
                       return static_cast<std::uint64_t>(row) <= known_now.up_to;
                     });
                     end();
                   });
}

void SpoolFinder::end() {
  if (questions_ > 0) return;
  looked_ = true;
  after_look_();
}

}  // namespace logzio_okta
