#include "shell/hooks/hook_gate.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/logzio/endpoint.hpp"

#include "shell/os/small_file.hpp"
#include "shell/settings/secret_file.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view health_path = "/healthz";
constexpr std::size_t secret_bytes_min = 16;  // A shorter one could be guessed.
constexpr std::string_view challenge_name = "X-Okta-Verification-Challenge";
constexpr std::array read_headers = {std::string_view("logzio_token"), std::string_view("logzio_region"),
                                     std::string_view("Authorization"), challenge_name,
                                     std::string_view("Content-Encoding")};

TurnedAway malformed(int status, std::string_view why) {
  return {.kind = HookRefusal::malformed, .status = status, .why = why};
}

}  // namespace

Admission HookGate::judge(const RequestReader& request) const {
  if (std::ranges::any_of(read_headers, [&](std::string_view name) { return request.count(name) > 1; })) {
    return malformed(400, "a header that this server reads is given twice");
  }
  const auto challenge = request.header(challenge_name);
  const bool looks = request.method() == "GET" || request.method() == "HEAD";
  if (looks && request.target() == health_path && !challenge) return HealthProbe{};
  auto let_in = lets_in(request);
  if (request.method() == "GET") {
    const bool sound = challenge && !challenge->empty() &&
                       challenge->size() <= limits::hook_challenge_bytes_max &&
                       std::ranges::all_of(*challenge, ascii::is_visible);
    if (!sound) return malformed(400, "a GET must be Okta's verification, with its challenge in a header");
    return Verification{.challenge = std::string(*challenge), .let_in = let_in.has_value()};
  }
  if (request.method() != "POST") return malformed(405, "only GET and POST are allowed");
  if (!let_in) {
    return TurnedAway{.kind = HookRefusal::unauthorized,
                      .status = 401,
                      .why = "the header logzio_token or Authorization is missing or wrong"};
  }
  const std::string region = ascii::lower(request.header("logzio_region").value_or(""));
  if (!region.empty() && !is_region(region))
    return malformed(400, "logzio_region is one of us, au, ca, eu, uk");
  if (!region.empty() && regions_ && std::ranges::find(*regions_, region) == regions_->end()) {
    return malformed(403, "logzio_region names a region that --hooks-regions does not allow");
  }
  const auto encoding = request.header("Content-Encoding");
  if (encoding && !ascii::equal_ignoring_case(*encoding, "identity")) {
    return malformed(415, "the body must not be compressed");
  }
  return LetIn{.region = region, .accounts = std::move(*let_in)};
}

// A given token must be right even if another credential is: it decides which account gets the events.
std::optional<std::vector<DestinationId>> HookGate::lets_in(const RequestReader& request) const {
  using Accounts = std::vector<DestinationId>;
  if (const auto token = request.header("logzio_token")) {
    const bool usual = keyring_.is_token(*token);
    Accounts accounts = keyring_.accounts_of(*token);
    if (usual) return Accounts{};
    return accounts.empty() ? std::nullopt : std::optional(std::move(accounts));
  }
  const auto authorization = request.header("Authorization");
  if (!authorization) return std::nullopt;
  const auto same =
      std::ranges::count_if(secrets_, [&](const Secret& each) { return each.same_as(*authorization); });
  return same > 0 ? std::optional(Accounts{}) : std::nullopt;
}

Result<std::vector<Secret>> read_hook_secrets(const std::string& path, std::vector<std::string>& warnings) {
  Result<SmallFile> file = read_small_file(path, limits::hook_secrets_max * limits::secret_bytes_max);
  if (!file) return fail(path + " " + file.error().text);
  const Secret whole(std::move(file->bytes));
  std::vector<Secret> secrets;
  const Result<std::string_view> plain = without_byte_order_mark(whole.expose());
  if (!plain) return fail(path + ": " + plain.error().text);
  std::string_view rest = *plain;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = ascii::trim(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty()) continue;
    const std::string where = path + ", line " + std::to_string(number);
    const bool visible = std::ranges::all_of(line, [](char c) { return c == ' ' || ascii::is_visible(c); });
    if (!visible) return fail(where + " has a character that is not allowed in a header; write plain ASCII");
    if (line.size() < secret_bytes_min) {
      return fail(where +
                  " is shorter than 16 characters; write a longer secret, and the same one into Okta");
    }
    secrets.emplace_back(std::string(line));
  }
  if (secrets.empty()) return fail(path + " has no secret; write one per line");
  if (secrets.size() > limits::hook_secrets_max) return fail(path + " has more than 64 secrets");
  warn_of_modes(path, *file, "the event hook's secrets", warnings);
  return secrets;
}

}  // namespace logzio_okta
