#include "model/ledger.hpp"

#include "catch.hpp"

namespace logzio_okta::model {
namespace {

const WallTime noon = *parse_rfc3339("2026-11-23T12:00:00.000Z");
constexpr std::string_view tenant = "acme.okta.com";

/// The line as the design has it, written here by hand.
std::string line_of(std::string_view event, std::string_view extra = "", std::string_view name = tenant) {
  std::string line = R"({"type":"okta","tenant_name":")" + std::string(name) + '"' + std::string(extra);
  const std::string_view rest = event.substr(1);
  if (rest.front() != '}') line += ',';
  return line + std::string(rest);
}

constexpr std::string_view mark = R"(,"logzio_okta":{"possible_duplicate":true})";

struct Bench {
  Ledger ledger;
  EventMaker maker{1};
  std::string issue() {
    std::string event = maker.make(noon);
    ledger.issue(tenant, event);
    return event;
  }
};

TEST_CASE("ledger: each event once is proven") {
  Bench bench;
  for (int i = 0; i < 50; ++i) bench.ledger.deliver(line_of(bench.issue()));
  const Judgement judgement = bench.ledger.judge();
  CHECK(judgement.proven());
  CHECK(judgement.delivered == 50);
  CHECK(judgement.findings.empty());
  CHECK(bench.ledger.complete());
  CHECK(bench.ledger.delivered(tenant) == 50);
}

TEST_CASE("ledger: a missing event is not proven and is named") {
  Bench bench;
  bench.ledger.deliver(line_of(bench.issue()));
  (void)bench.issue();
  const Judgement judgement = bench.ledger.judge();
  CHECK_FALSE(judgement.proven());
  CHECK(judgement.missing == 1);
  CHECK(judgement.findings.at(0).starts_with("missing: "));
}

TEST_CASE("ledger: a repeat must be marked") {
  Bench bench;
  const std::string event = bench.issue();
  bench.ledger.deliver(line_of(event));
  bench.ledger.deliver(line_of(event, mark));
  CHECK(bench.ledger.judge().proven());
  CHECK(bench.ledger.judge().repeats == 1);
  bench.ledger.deliver(line_of(event));
  CHECK_FALSE(bench.ledger.judge().proven());
  CHECK(bench.ledger.judge().repeats_unmarked == 1);
}

TEST_CASE("ledger: where replicas deliver, all copies but one must be marked, in any order") {
  Bench bench;
  bench.ledger.expect_overtaken_copies();
  const std::string event = bench.issue();
  bench.ledger.deliver(line_of(event, mark));
  bench.ledger.deliver(line_of(event));
  bench.ledger.deliver(line_of(event, mark));
  CHECK(bench.ledger.judge().proven());
  CHECK(bench.ledger.judge().repeats == 2);
  bench.ledger.deliver(line_of(event));
  CHECK_FALSE(bench.ledger.judge().proven());
  CHECK(bench.ledger.judge().repeats_unmarked == 1);
}

TEST_CASE("ledger: one changed byte is an alteration, another tenant's name is a misnaming") {
  Bench bench;
  std::string changed = line_of(bench.issue());
  changed.replace(changed.find("example.com"), 11, "example.org");
  bench.ledger.deliver(changed);
  CHECK(bench.ledger.judge().altered == 1);
  bench.ledger.deliver(line_of(bench.issue(), "", "other.okta.com"));
  CHECK(bench.ledger.judge().misnamed == 1);
  CHECK(bench.ledger.judge().missing == 1);
}

TEST_CASE("ledger: a line of no event is alien") {
  Bench bench;
  bench.ledger.deliver(line_of(bench.maker.make(noon)));
  bench.ledger.deliver("not even an object");
  CHECK(bench.ledger.judge().alien == 2);
}

TEST_CASE("ledger: special events that belong in Logz.io are known again") {
  Bench bench;
  for (const Special special : all_specials()) {
    if (fate_of(special) != Fate::whole) continue;
    INFO(name_of(special));
    std::string event = bench.maker.special(special, noon);
    bench.ledger.issue(tenant, event);
    for (char& c : event) {
      if (c == '\n' || c == '\r') c = ' ';
    }
    bench.ledger.deliver(line_of(event));
    CHECK(bench.ledger.complete());
  }
  CHECK(bench.ledger.judge().proven());
}

TEST_CASE("ledger: the token that lines carry in front does not matter") {
  Bench bench;
  const std::string line = line_of(bench.issue());
  bench.ledger.deliver("{\"token\":\"x\"," + line.substr(1));
  CHECK(bench.ledger.judge().proven());
}

TEST_CASE("ledger: an event that is the tail of another is not taken for it") {
  Ledger ledger;
  ledger.issue(tenant, R"({"b":2})");
  ledger.issue(tenant, R"({"a":1,"b":2})");
  ledger.deliver(line_of(R"({"a":1,"b":2})"));
  CHECK(ledger.judge().missing == 1);
  ledger.deliver(line_of(R"({"b":2})"));
  CHECK(ledger.judge().proven());
}

TEST_CASE("ledger: equal events of one tenant are counted, those of two tenants are told apart") {
  Ledger ledger;
  for (int i = 0; i < 2; ++i) ledger.issue(tenant, R"({"a":1})");
  ledger.issue("other.okta.com", R"({"a":1})");
  ledger.deliver(line_of(R"({"a":1})"));
  ledger.deliver(line_of(R"({"a":1})", "", "other.okta.com"));
  CHECK(ledger.judge().missing == 1);
  ledger.deliver(line_of(R"({"a":1})"));
  CHECK(ledger.judge().proven());
  CHECK(ledger.judge().repeats == 0);
}

TEST_CASE("ledger: after a lost state what is older than a new beginning may come again, once") {
  Bench bench;
  const std::string event = R"({"uuid":"u","published":"2026-11-23T12:00:00.000Z"})";
  const auto line = [&](const std::string& said) {
    return R"({"type":"okta","tenant_name":"acme.okta.com","@timestamp":"2026-11-23T12:00:00.000Z",)" + said +
           event.substr(1);
  };
  const std::string backfill = R"("logzio_okta":{"backfill":true},)";
  bench.ledger.issue(tenant, event);
  bench.ledger.deliver(line(""));
  bench.ledger.forget_deliveries();
  bench.ledger.deliver(line(backfill));
  CHECK(bench.ledger.judge().proven());
  bench.ledger.deliver(line(backfill));
  CHECK(bench.ledger.judge().repeats_unmarked == 1);
  bench.ledger.forget_deliveries();
  bench.ledger.deliver(line(""));
  CHECK(bench.ledger.judge().repeats_unmarked == 2);
}

TEST_CASE("ledger: what was published ahead comes again unmarked once after its delivery was forgotten") {
  Bench bench;
  const std::string event = R"({"uuid":"u","published":"2026-11-23T12:00:00.000Z"})";
  const std::string line =
      R"({"type":"okta","tenant_name":"acme.okta.com","@timestamp":"2026-11-23T12:00:00.000Z",)" +
      event.substr(1);
  bench.ledger.issue(tenant, event, Fate::whole, true);
  bench.ledger.deliver(line);
  bench.ledger.forget_deliveries();
  bench.ledger.deliver(line);
  CHECK(bench.ledger.judge().proven());
  bench.ledger.deliver(line);
  CHECK(bench.ledger.judge().repeats_unmarked == 1);
}

TEST_CASE("ledger: an oversized event must come reduced, and what is to be set aside must not come") {
  Bench bench;
  bench.ledger.issue(tenant, "{}");
  bench.ledger.deliver(line_of("{}"));
  const std::string large = bench.maker.special(Special::oversized, noon);
  bench.ledger.issue(tenant, large, Fate::reduced);
  const std::string uuid = large.substr(large.find("\"uuid\":"), 45);
  const auto reduced = [&](std::size_t bytes) {
    return R"({"type":"okta","tenant_name":"acme.okta.com","logzio_okta":{"reduced":true,"bytes":)" +
           std::to_string(bytes) + "}," + uuid + "}";
  };
  bench.ledger.deliver(reduced(1));
  CHECK(bench.ledger.judge().altered == 1);
  bench.ledger.deliver(reduced(large.size()));
  CHECK(bench.ledger.judge().reduced == 1);
  CHECK(bench.ledger.judge().missing == 0);

  const std::string poison = bench.maker.special(Special::bad_literal, noon);
  bench.ledger.issue(tenant, poison, Fate::set_aside);
  CHECK(bench.ledger.judge().missing == 0);
  bench.ledger.deliver(line_of(poison));
  CHECK(bench.ledger.judge().unwelcome == 1);
}

}  // namespace
}  // namespace logzio_okta::model
