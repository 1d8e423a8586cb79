#include "bench/load.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/logzio/bulk.hpp"

namespace logzio_okta::bench {
namespace {

constexpr std::size_t plain_bytes_max = std::size_t{64} << 20U;
constexpr std::string_view org_host_begin = "tenant-";

double ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string http_date() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

Load::Load(const Pages& pages, LoadSpec spec)
    : pages_(pages),
      spec_(std::move(spec)),
      page_sent_(spec_.orgs.size()),
      asked_past_the_end_(spec_.orgs.size()) {
  for (std::size_t org = 0; org < spec_.orgs.size(); ++org) {
    const OrgLoad& load = spec_.orgs[org];
    const double seconds = std::chrono::duration<double>(load.rate_lasts).count();
    const auto all = load.backlog + static_cast<std::size_t>(load.rate * seconds);
    CHECK(all <= pages_.events());  // Otherwise an event would come twice by itself.
    page_sent_[org].resize(load.backlog / page_events);
  }
}

std::string Load::host_of(std::size_t org) {
  return std::string(org_host_begin) + std::to_string(org + 1) + ".localhost";
}

std::size_t Load::pool_start(std::size_t org) const {
  constexpr std::size_t stride = 7;  // Neighbours do not serve the same page at the same time.
  return org * stride * page_events % pages_.events();
}

std::size_t Load::persisted(std::size_t org, Instant now) const {
  const OrgLoad& load = spec_.orgs[org];
  const Duration passed = std::min(now - first_request_.value_or(now), load.rate_lasts);
  return load.backlog + static_cast<std::size_t>(load.rate * std::chrono::duration<double>(passed).count());
}

Answer Load::answer(Request&& request, std::uint16_t port) {
  if (request.host == listener_host) return take(std::move(request.body));
  CHECK(request.host.starts_with(org_host_begin));
  if (request.target == "/oauth2/v1/token") return grant_token();
  return page(number(request.host.substr(org_host_begin.size())) - 1, request.target, port);
}

/// Granted to every request: other tests check whether assertion and proof are valid.
Answer Load::grant_token() {
  if (!first_request_) first_request_ = steady_now();
  const std::string body =
      R"({"token_type":"DPoP","expires_in":3600,"scope":"okta.logs.read","access_token":")" +
      std::string(900, 't') + std::to_string(++tokens_granted_) + "\"}";
  return {.head = "HTTP/1.1 200 OK\r\nDate: " + http_date() +
                  "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n",
          .body = std::make_shared<const std::string>(body)};
}

Answer Load::page(std::size_t org, std::string_view target, std::uint16_t port) {
  const Instant now = steady_now();
  if (!first_request_) first_request_ = now;
  constexpr std::string_view place = "after=";
  const std::size_t at = target.find(place);
  const std::size_t first = at == std::string_view::npos ? 0 : number(target.substr(at + place.size()));
  const std::size_t count = std::min(persisted(org, now) - first, page_events);
  const std::size_t in_pool = (pool_start(org) + first) % pages_.events();
  const bool ready_made = count == page_events && first % page_events == 0;

  Answer answer{.delay = spec_.round_trip};
  if (ready_made) {
    // Lives as long as the pool: nothing is copied, nothing is owned.
    answer.body = std::shared_ptr<const std::string>(std::shared_ptr<const std::string>(),
                                                     &pages_.packed()[in_pool / page_events]);
  } else {
    answer.body = std::make_shared<const std::string>(pages_.pack(in_pool, count));
  }
  const std::string origin = "https://" + host_of(org) + ":" + std::to_string(port);
  answer.head = "HTTP/1.1 200 OK\r\nDate: " + http_date() +
                "\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
                "X-Rate-Limit-Limit: 1000000\r\nX-Rate-Limit-Remaining: 999000\r\nX-Rate-Limit-Reset: " +
                std::to_string(std::time(nullptr) + 60) + "\r\nLink: <" + origin +
                "/api/v1/logs?limit=1000&after=" + std::to_string(first + count) +
                ">; rel=\"next\"\r\nContent-Length: " + std::to_string(answer.body->size()) + "\r\n\r\n";
  const std::size_t own_page = first / page_events;
  if (ready_made && own_page < page_sent_[org].size()) {
    answer.sent = [this, org, own_page] { page_sent_[org][own_page] = steady_now(); };
  }
  if (count > 0) ++pages_served_;
  if (count == 0) asked_past_the_end_[org] = true;
  bytes_in_ += answer.body->size();
  return answer;
}

Answer Load::take(std::string&& body) {
  constexpr Duration never_comes = 24h;
  bytes_out_ += body.size();
  last_bulk_ = steady_now();
  bulks_.push_back({.taken = last_bulk_, .packed = std::move(body)});
  return {.head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
          .delay = spec_.listening == Listening::never_answering ? never_comes : Duration{}};
}

Proof Load::prove(Instant until) const {
  Proof proof;
  constexpr std::string_view tenant_key = "\"tenant_name\":\"";
  std::vector<std::vector<std::uint8_t>> times(spec_.orgs.size());
  std::vector<std::vector<Instant>> page_taken(spec_.orgs.size());
  for (std::size_t org = 0; org < spec_.orgs.size(); ++org) {
    times[org].resize(persisted(org, until));
    page_taken[org].resize(page_sent_[org].size());
    proof.expected += times[org].size();
  }
  for (const Bulk& bulk : bulks_) {
    const auto plain = gunzip(bulk.packed, plain_bytes_max);
    CHECK(plain.has_value());
    proof.plain_bytes += plain->size();
    for (const std::string_view line : split_lines(*plain)) {
      ++proof.delivered;
      const std::size_t key = line.find(tenant_key);
      const auto ordinal = pages_.ordinal_of(line);
      const bool ours =
          key != std::string_view::npos && line.substr(key + tenant_key.size()).starts_with(org_host_begin);
      const std::size_t org =
          ours ? number(line.substr(key + tenant_key.size() + org_host_begin.size())) - 1 : 0;
      const std::size_t index = ordinal && org < times.size()
                                    ? (*ordinal + pages_.events() - pool_start(org)) % pages_.events()
                                    : 0;
      if (!ours || !ordinal || org >= times.size() || index >= times[org].size()) {
        ++proof.foreign;
        continue;
      }
      if (times[org][index]++ > 0) ++proof.twice;
      const OrgLoad& load = spec_.orgs[org];
      if (index < page_taken[org].size() * page_events) {
        Instant& taken = page_taken[org][index / page_events];
        taken = std::max(taken, bulk.taken);
      } else if (load.backlog == 0) {
        const auto since_start = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(static_cast<double>(index + 1) / load.rate));
        proof.event_ms.push_back(ms(bulk.taken - (*first_request_ + since_start)));
      }
    }
  }
  for (std::size_t org = 0; org < spec_.orgs.size(); ++org) {
    proof.missing += static_cast<std::size_t>(std::ranges::count(times[org], 0));
    for (std::size_t page = 0; page < page_taken[org].size(); ++page) {
      if (page_taken[org][page] != Instant{}) {
        proof.page_ms.push_back(ms(page_taken[org][page] - page_sent_[org][page]));
      }
    }
  }
  std::ranges::sort(proof.page_ms);
  std::ranges::sort(proof.event_ms);
  return proof;
}

}  // namespace logzio_okta::bench
