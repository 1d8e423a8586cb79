// Moving from the Logstash image: its plugin's state files become places, and nothing comes twice.
#include <filesystem>

#include "logzio_okta/http/link_header.hpp"

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

struct Mover {
  Bench bench;
  std::string dir = bench.path("logstash");

  Mover() { std::filesystem::create_directory(dir); }

  [[nodiscard]] std::string file_of(const std::string& domain) const {
    return dir + "/" + domain + "_system_log_state.2056.1.498273";
  }
  std::optional<int> imports(Words more = {}) {
    Words args = {"import-logstash",    dir,           "--tenants",
                  bench.tenants_file(), "--state-dir", bench.state_dir()};
    args.insert(args.end(), more.begin(), more.end());
    return bench.start_process({.args = args, .env = Bench::sanitizer_variables()}).wait_exit(patience);
  }
  /// The link that Okta gives after the first page: what the old shipper saved after delivering it.
  [[nodiscard]] std::string link_behind_the_first_page(std::size_t org) {
    return bench.world.with_org(org, [&](model::OktaOrg& okta) {
      const model::Answer answer = okta.handle(
          {.target = "/api/v1/logs?limit=1000&since=" + format_rfc3339(sandbox::World::now() - 48h),
           .headers = {{"Authorization", "SSWS " + bench.world.org_key(org)}}},
          sandbox::World::now());
      CAPTURE(answer.status);
      return find_link(answer.headers, "next").value();
    });
  }
  [[nodiscard]] std::string first_target_asked(std::size_t org, std::size_t skip) {
    return bench.world.with_org(org, [&](model::OktaOrg& okta) { return okta.records().at(skip).target; });
  }
};

TEST_CASE(
    "import: the next question is the saved URL, byte for byte, and nothing comes twice or is missing") {
  Mover mover;
  Bench& bench = mover.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  bench.world.set_judging(false);
  bench.world.issue_past(org, 1000, 24h);
  const std::string link = mover.link_behind_the_first_page(org);
  REQUIRE(link.starts_with(bench.world.org_domain(org)));
  bench.world.set_judging(true);
  bench.world.issue(org, 50);
  write_file(mover.file_of(bench.world.org_name(org)), link + "\n");

  REQUIRE(mover.imports() == 0);
  REQUIRE(mover.imports() == 0);  // Once more changes nothing.
  REQUIRE(bench.run_once() == 0);
  CHECK(bench.world.org_domain(org) + mover.first_target_asked(org, 1) == link);
  CHECK(bench.lines() == 50);
  CHECK(bench.proven_once());
}

TEST_CASE("import: a file that is empty, cut, of another domain or of no tenant is explained and skipped") {
  Mover mover;
  Bench& bench = mover.bench;
  for (int i = 0; i < 4; ++i) bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  const auto url = [&](std::size_t org) {
    return bench.world.org_domain(org) + "/api/v1/logs?limit=1000&after=1_1";
  };
  const auto file = [&](std::size_t org) { return mover.file_of(bench.world.org_name(org)); };
  write_file(file(0), "");
  write_file(file(1), url(1));
  write_file(file(2), url(0) + "\n");
  write_file(file(3), url(3) + "\n");
  write_file(mover.file_of("initech.okta.com"), "https://initech.okta.com/api/v1/logs?after=1\n");
  REQUIRE(mover.imports() == 69);
  const std::string said = bench.daemon().log() + bench.daemon().out();
  for (const char* reason :
       {"it is empty", "the line feed that ends the URL is missing", "another port",
        "no tenant in the tenants file has that domain", "continues where Logstash stopped"}) {
    CAPTURE(said, reason);
    CHECK(said.contains(reason));
  }
  CHECK(bench.query_state("select key from stream") == Words{bench.world.org_name(3)});
}

TEST_CASE("import: an existing place is kept unless --force is given") {
  Mover mover;
  Bench& bench = mover.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 10, 24h);
  REQUIRE(bench.run_once() == 0);
  const Words before = bench.query_state("select next from stream");
  const std::string target = "/api/v1/logs?limit=500&after=1700000000000_7";
  write_file(mover.file_of(bench.world.org_name(org)), bench.world.org_domain(org) + target + "\n");
  REQUIRE(mover.imports() == 69);
  CHECK(bench.query_state("select next from stream") == before);
  REQUIRE(mover.imports({"--force"}) == 0);
  CHECK(bench.query_state("select next from stream") == Words{target});
  CHECK(bench.query_state("select page_limit from stream") == Words{"500"});
  CHECK(bench.query_state("select count(*) from window") == Words{"0"});
}

TEST_CASE("import: while a daemon holds the state nothing is touched") {
  Mover mover;
  Bench& bench = mover.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  write_file(mover.file_of(bench.world.org_name(org)),
             bench.world.org_domain(org) + "/api/v1/logs?after=1_1\n");
  bench.start();
  REQUIRE(bench.wait([&] { return bench.requests(org) > 0; }));
  sandbox::Daemon second({.binary = Bench::binary(),
                          .args = {"import-logstash", mover.dir, "--tenants", bench.tenants_file(),
                                   "--state-dir", bench.state_dir()},
                          .env = Bench::sanitizer_variables()});
  CHECK(second.wait_exit(patience) == 75);
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
