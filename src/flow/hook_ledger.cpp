#include "logzio_okta/flow/hook_ledger.hpp"

#include <string>

namespace logzio_okta {
namespace {

std::string describe_refusal(HookRefusal kind) {
  switch (kind) {
    case HookRefusal::unauthorized:
      return "(401): it has neither this daemon's shipping token in logzio_token nor a secret from "
             "--hooks-secrets in Authorization. Correct the header in Okta (Workflow, Event Hooks)";
    case HookRefusal::source:
      return "(403): its org is not in the tenants file. Add it under the name in the delivery's \"source\"";
    case HookRefusal::malformed:
      return "(400): it is not in Okta's format; the response says why";
    case HookRefusal::too_large:
      return "(413, 431): it is larger than anything Okta sends";
    case HookRefusal::unavailable:
      return "(503): too many arrive at once. Okta sends it once more";
    case HookRefusal::flooding:
      return "(429): its address was refused too often or has too many connections";
    case HookRefusal::broken:
      return "unread: its connection was too slow, was closed early, or failed in TLS";
    case HookRefusal::cleartext:
      return "unread: it came without TLS from an address that is not in --hooks-proxies. Add the proxy's "
             "address or network there";
  }
  return "";
}

}  // namespace

std::string_view name_of(HookRefusal kind) {
  switch (kind) {
    case HookRefusal::unauthorized:
      return "unauthorized";
    case HookRefusal::source:
      return "source";
    case HookRefusal::malformed:
      return "malformed";
    case HookRefusal::too_large:
      return "too_large";
    case HookRefusal::unavailable:
      return "unavailable";
    case HookRefusal::flooding:
      return "flooding";
    case HookRefusal::broken:
      return "broken";
    case HookRefusal::cleartext:
      return "cleartext";
  }
  return "";
}

void HookLedger::received(Now now) {
  ++counts_.received;
  counts_.last_received = now.wall;
}

std::optional<Note> HookLedger::cannot_keep(Now now, const std::string& why) {
  if (!spool_trouble_.failed(now.steady, "spool")) return std::nullopt;
  return Note{.level = Level::error,
              .tenant = {},
              .text = "deliveries of event hooks cannot be kept: " + why +
                      ". They are answered 503: Okta sends each of them once more; after that it is lost"};
}

std::optional<Note> HookLedger::can_keep(Now now) {
  const auto lasted = spool_trouble_.healed(now.steady);
  if (!lasted) return std::nullopt;
  return Note{.level = Level::info,
              .tenant = {},
              .text = "deliveries of event hooks are kept again, after " + describe(*lasted)};
}

std::optional<Note> HookLedger::verified(Now now, bool let_in) {
  ++counts_.verified;
  if (!verified_.failed(now.steady, let_in ? "let in" : "not let in")) return std::nullopt;
  if (let_in) return Note{.level = Level::info, .tenant = {}, .text = "Okta has verified the event hook"};
  return Note{.level = Level::warn,
              .tenant = {},
              .text =
                  "the event hook was verified, but deliveries with the same headers will be refused (401): "
                  "they need this daemon's shipping token in logzio_token or a secret from --hooks-secrets "
                  "in Authorization"};
}

// Requests from strangers never stop for good, so a complaint is never healed: it only becomes rarer.
std::optional<Note> HookLedger::refused(Now now, HookRefusal kind, std::uint64_t count) {
  const auto at = static_cast<std::size_t>(kind);
  counts_.refused.at(at) += count;
  if (!complaints_.at(at).failed(now.steady, name_of(kind))) return std::nullopt;
  // Any port scanner causes this.
  const Level level = kind == HookRefusal::broken ? Level::debug : Level::warn;
  return Note{.level = level, .tenant = {}, .text = "a hook delivery is refused " + describe_refusal(kind)};
}

}  // namespace logzio_okta
