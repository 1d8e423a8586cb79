#include "shell/postgres/shared_totals.hpp"

#include "shell/postgres/tables.hpp"

namespace logzio_okta {
namespace {

constexpr Duration summed_every = 60s;

}  // namespace

void SharedTotals::sum(Instant now) {
  if (!connection_.ready()) return;
  sum_at_ = now + summed_every;
  connection_.send(now, {sum_set_aside()}, PgConnection::usual_patience,
                   [this](const PgConnection::Outcome& answer) {
                     if (!answer) return;
                     spooled_ = spooled_bytes_of(answer->front());
                     const std::uint64_t bytes = set_aside_bytes_of(answer->front());
                     if (set_aside_ == bytes) return;
                     set_aside_ = bytes;
                     changed_(bytes);
                   });
}

void SharedTotals::add_set_aside(std::uint64_t bytes) {
  if (bytes > 0) set_aside_ = set_aside_.value_or(0) + bytes;
}

}  // namespace logzio_okta
