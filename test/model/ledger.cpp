#include "model/ledger.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "logzio_okta/base/hash.hpp"

#include "model/json.hpp"

namespace logzio_okta::model {
namespace {

constexpr std::size_t findings_max = 20;

/// What may be in front of an event in its line.
bool is_spliced(std::string_view key) {
  static constexpr std::array keys{"token", "type", "tenant_name", "@timestamp", "message", "logzio_okta"};
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

std::string on_one_line(std::string_view event) {
  std::string text(event);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (text[i] == '\n' || text[i] == '\r')) {
      text[i] = ' ';
    }
  }
  return text;
}

struct Ledger::Reading {
  std::string_view line;
  Object object;
  std::string_view uuid;
  std::string_view tenant;
  bool marked = false;
  bool backfill = false;
  bool dated = false;
  bool reduced = false;
  std::size_t reduced_from = 0;  ///< The bytes a reduced line says its event had.

  explicit Reading(std::string_view text, Object top) : line(text), object(std::move(top)) {
    uuid = object.text("uuid").value_or("");
    tenant = object.text("tenant_name").value_or("");
    dated = object.value("@timestamp").has_value();
    const auto own = read_object(object.value("logzio_okta").value_or(""));
    if (!own) return;
    marked = own->value("possible_duplicate") == "true";
    backfill = own->value("backfill") == "true";
    reduced = own->value("reduced") == "true";
    if (const auto bytes = own->value("bytes")) {
      for (const char c : *bytes) reduced_from = reduced_from * 10 + static_cast<std::size_t>(c - '0');
    }
  }
};

void Ledger::issue(std::string_view tenant, std::string_view event, Fate fate, bool ahead) {
  const auto index = static_cast<std::uint32_t>(events_.size());
  Issued issued{
      .tenant = tenant_index(tenant), .bytes = event.size(), .uuid = {}, .fate = fate, .ahead = ahead};
  const std::string text = on_one_line(event);
  if (const auto object = read_object(text)) {
    issued.uuid = object->text("uuid").value_or("");
    issued.markable = !object->value("logzio_okta").has_value();
    issued.names_tenant = object->value("tenant_name").has_value();
    by_bytes_[hash64(std::string_view(text).substr(text.find('{') + 1))].push_back(index);
    if (!issued.uuid.empty()) by_uuid_[hash64(issued.uuid)].push_back(index);
  }
  ++tenants_[issued.tenant].issued;
  ++so_far_.issued;
  if (fate != Fate::set_aside) ++expected_;
  events_.push_back(std::move(issued));
}

void Ledger::deliver(std::string_view line) {
  auto object = read_object(line);
  if (!object) return find(so_far_.alien, "a line that is no object: " + std::string(line.substr(0, 120)));
  const Reading reading(line, std::move(*object));
  if (reading.marked) ++so_far_.marked;
  if (Issued* whole = find_whole(reading)) return count(*whole, reading);
  if (Issued* reduced = find_reduced(reading)) return count(*reduced, reading);
  if (by_uuid_.contains(hash64(reading.uuid))) {
    return find(so_far_.altered, "altered: " + std::string(reading.uuid));
  }
  find(so_far_.alien, "of no event: " + std::string(line.substr(0, 120)));
}

void Ledger::forget_deliveries() {
  for (Issued& event : events_) event.forgotten = event.deliveries > 0;
}

Ledger::Issued* Ledger::find_whole(const Reading& reading) {
  // The event begins after the '{' or after one of the spliced members. The earliest place that fits is the
  // right one, since another event may be a suffix of this one.
  const auto event_at = [&](std::size_t place) -> Issued* {
    const auto found = by_bytes_.find(hash64(reading.line.substr(place)));
    return found == by_bytes_.end() ? nullptr : choose(found->second, reading);
  };
  for (const Member& member : reading.object.members) {
    if (Issued* event = event_at(member.begin)) return event;
    if (!is_spliced(member.key) && std::ranges::find(fields_, member.key) == fields_.end()) return nullptr;
  }
  return event_at(reading.object.end);
}

Ledger::Issued* Ledger::find_reduced(const Reading& reading) {
  if (!reading.reduced || reading.uuid.empty()) return nullptr;
  const auto found = by_uuid_.find(hash64(reading.uuid));
  if (found == by_uuid_.end()) return nullptr;
  Issued* event = choose(found->second, reading);
  return event->fate == Fate::reduced && event->bytes == reading.reduced_from ? event : nullptr;
}

/// Among events with the same bytes, prefers one of this tenant, and then one that has not arrived yet.
Ledger::Issued* Ledger::choose(const std::vector<std::uint32_t>& candidates, const Reading& reading) {
  const auto rank = [&](std::uint32_t index) {
    const Issued& event = events_[index];
    const bool named = tenants_[event.tenant].name == reading.tenant;
    return std::pair(!named, event.deliveries);
  };
  return &events_[std::ranges::min(candidates, {}, rank)];
}

void Ledger::count(Issued& event, const Reading& reading) {
  Tenant& tenant = tenants_[event.tenant];
  const std::string who = event.uuid.empty() ? std::string("an event without uuid") : event.uuid;
  if (event.fate == Fate::set_aside) return find(so_far_.unwelcome, "should be set aside: " + who);
  if (!event.names_tenant && reading.tenant != tenant.name) {
    find(so_far_.misnamed, who + " of " + tenant.name + " came as " + std::string(reading.tenant));
  }
  if (event.fate == Fate::reduced) ++so_far_.reduced;
  if (!reading.marked) ++event.unmarked;
  if (++event.deliveries == 1) {
    ++tenant.delivered;
    ++delivered_;
    return;
  }
  ++so_far_.repeats;
  // Without a date it is unknown what it is older than.
  const bool explained =
      std::exchange(event.forgotten, false) && (reading.backfill || !reading.dated || event.ahead);
  const bool says_so = reading.marked || (overtaken_copies_ && event.unmarked == 1);
  if (!says_so && !explained && event.markable)
    find(so_far_.repeats_unmarked, "repeated without a mark: " + who);
}

void Ledger::find(std::size_t& counter, std::string text) {
  ++counter;
  if (so_far_.findings.size() < findings_max) so_far_.findings.push_back(std::move(text));
}

Judgement Ledger::judge() const {
  Judgement judgement = so_far_;
  judgement.expected = expected_;
  judgement.delivered = delivered_;
  judgement.missing = expected_ - delivered_;
  for (const Issued& event : events_) {
    if (judgement.findings.size() >= findings_max) break;
    if (event.deliveries > 0 || event.fate == Fate::set_aside) continue;
    judgement.findings.push_back("missing: " + (event.uuid.empty() ? "an event without uuid" : event.uuid) +
                                 " of " + tenants_[event.tenant].name);
  }
  return judgement;
}

std::size_t Ledger::issued(std::string_view tenant) const {
  const auto found = tenants_by_name_.find(tenant);
  return found == tenants_by_name_.end() ? 0 : tenants_[found->second].issued;
}

std::size_t Ledger::delivered(std::string_view tenant) const {
  const auto found = tenants_by_name_.find(tenant);
  return found == tenants_by_name_.end() ? 0 : tenants_[found->second].delivered;
}

std::uint32_t Ledger::tenant_index(std::string_view name) {
  const auto found = tenants_by_name_.find(name);
  if (found != tenants_by_name_.end()) return found->second;
  const auto index = static_cast<std::uint32_t>(tenants_.size());
  tenants_.push_back({.name = std::string(name)});
  tenants_by_name_.emplace(name, index);
  return index;
}

std::string Judgement::summary() const {
  std::string text = std::to_string(issued) + " issued, " + std::to_string(delivered) + " of " +
                     std::to_string(expected) + " delivered, " + std::to_string(missing) + " missing, " +
                     std::to_string(repeats) + " repeats (" + std::to_string(repeats_unmarked) +
                     " without a mark), " + std::to_string(marked) + " marked";
  const auto add = [&](std::size_t number, std::string_view what) {
    if (number > 0) text += ", " + std::to_string(number) + ' ' + std::string(what);
  };
  add(reduced, "reduced");
  add(altered, "altered");
  add(misnamed, "under a wrong name");
  add(alien, "alien");
  add(unwelcome, "that should be set aside");
  return text;
}

}  // namespace logzio_okta::model
