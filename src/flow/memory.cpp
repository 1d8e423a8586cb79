#include "logzio_okta/flow/memory.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

template <typename Change>
void Memory::change(DestinationId destination, Change&& change_it) {
  Account& account = accounts_[destination];
  const auto weigh = [&](auto&& add) {
    add(used_, account.used());
    add(taken_, std::max(account.used(), account.kept));
    add(moving_, account.open && account.healthy ? account.used() : 0);
    add(reservations_, account.reservations);
  };
  weigh([](std::size_t& sum, std::size_t part) {
    CHECK(sum >= part);
    sum -= part;
  });
  std::forward<Change>(change_it)(account);
  weigh([](std::size_t& sum, std::size_t part) { sum += part; });
  if (!account.open && account.reservations == 0 && account.kept == 0) {
    CHECK(account.used() == 0);
    accounts_.erase(destination);
  }
}

void Memory::serve(const std::vector<DestinationId>& of_tenants) {
  std::map<DestinationId, std::size_t> kept;
  for (const auto& [id, account] : accounts_) kept[id] = 0;
  for (const DestinationId id : of_tenants) ++kept[id];
  for (const auto& [id, tenants] : kept) {
    const std::size_t bytes =
        tenants == 0 ? 0
                     : std::max(limits::memory_budget * tenants / of_tenants.size() / 2, limits::ask_reserve);
    change(id, [bytes](Account& account) { account.kept = bytes; });
  }
}

void Memory::hold(DestinationId destination, std::size_t bytes, bool healthy) {
  change(destination, [&](Account& account) {
    account.open = true;
    account.healthy = healthy;
    account.held = bytes;
  });
}

void Memory::forget(DestinationId destination) {
  change(destination, [](Account& account) {
    account.open = account.healthy = false;
    account.held = 0;
  });
}

void Memory::reserve(DestinationId destination, std::size_t bytes) {
  change(destination, [&](Account& account) {
    account.reserved += bytes;
    ++account.reservations;
  });
}

void Memory::release(DestinationId destination, std::size_t bytes) {
  change(destination, [&](Account& account) {
    CHECK(account.reservations > 0 && account.reserved >= bytes);
    account.reserved -= bytes;
    --account.reservations;
  });
}

bool Memory::has_room_for(DestinationId destination, std::size_t bytes) const {
  const Account& account = accounts_.at(destination);
  const std::size_t own = account.used();
  const std::size_t moving = account.healthy ? moving_ : moving_ + own;
  const std::size_t taken = taken_ - std::max(own, account.kept) + own;
  if (moving == 0 || taken + bytes <= limits::memory_budget) return true;
  return accounts_.size() > 1 && own + bytes <= account.kept;
}

bool Memory::expects_for(DestinationId destination) const {
  const auto account = accounts_.find(destination);
  return account != accounts_.end() && account->second.reservations > 0;
}

}  // namespace logzio_okta
