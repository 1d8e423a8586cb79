#include "shell/settings/tenants_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "shell/settings/tenants_variables.hpp"
#include "shell/temp_dir.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using test::TempDir;
using test::write_file;

namespace {

constexpr std::string_view key = "00SECRETaBcDeFgHiJkLmNoPqRsTuVwXyZ-_012345";

struct Bench {
  TempDir dir;
  std::string path = dir / "tenants-credentials.yml";

  Result<Tenants> reads(std::string_view yaml) {
    write_file(path, yaml);
    return read_tenants_file(path, Environment({}));
  }

  /// The error about this file, after its name: one line that never holds a key.
  std::string refuses(std::string_view yaml) {
    CAPTURE(yaml);
    const Result<Tenants> tenants = reads(yaml);
    REQUIRE_FALSE(tenants.has_value());
    const std::string text = tenants.error().text;
    REQUIRE_THAT(text, StartsWith(path + ":"));
    REQUIRE_THAT(text, !Contains("SECRET") && !Contains("\n"));
    return text.substr(path.size());
  }
};

std::string entry(std::string_view api_key, std::string_view domain) {
  return "  - okta_api_key: " + std::string(api_key) + "\n    okta_domain: " + std::string(domain) + "\n";
}
std::string file_of(std::string_view entries) {
  return "tenants_credentials:\n" + std::string(entries);
}
std::string file_with_key(std::string_view api_key) {
  return file_of(entry(api_key, "acme.okta.com"));
}
std::string file_with_domain(std::string_view domain) {
  return file_of(entry(key, domain));
}

Environment variables(Environment::Variables variables) {
  return Environment(std::move(variables));
}

}  // namespace

TEST_CASE("tenants file: the old format is read, in its order, the keys of an entry in any order") {
  Bench bench;
  const auto tenants = bench.reads("# our orgs\ntenants_credentials:\n- okta_api_key: " + std::string(key) +
                                   "\n  okta_domain: acme.okta.com\n- okta_domain: 'https://Beta.okta.com/'\n"
                                   "  okta_api_key: \"other\"\n");
  REQUIRE(tenants.has_value());
  REQUIRE(tenants->entries.size() == 2);
  REQUIRE(tenants->entries[0].domain.name() == "acme.okta.com");
  REQUIRE(tenants->entries[0].api_key.expose() == key);
  REQUIRE(tenants->entries[0].line == 3);
  REQUIRE(tenants->entries[1].domain.name() == "beta.okta.com");
  REQUIRE(tenants->entries[1].api_key.expose() == "other");
  REQUIRE(tenants->source == bench.path);
  REQUIRE(tenants->warnings.empty());
}

TEST_CASE("tenants file: a key that YAML takes for a number or a truth value is taken as its text") {
  Bench bench;
  for (const std::string_view text : {"00123", "1e5", "true", "0x1F", "1_000"}) {
    const auto tenants = bench.reads(file_with_key(text));
    REQUIRE(tenants.has_value());
    REQUIRE(tenants->entries[0].api_key.expose() == text);
  }
}

TEST_CASE("tenants file: a byte order mark and Windows line ends do no harm") {
  Bench bench;
  const auto tenants = bench.reads(
      "\xef\xbb\xbftenants_credentials:\r\n  - okta_api_key: abc\r\n    okta_domain: a.okta.com\r\n");
  REQUIRE(tenants.has_value());
  REQUIRE(tenants->entries[0].api_key.expose() == "abc");
}

TEST_CASE("tenants file: two keys of one org stay two entries, the same entry twice is one and a warning") {
  Bench bench;
  const auto tenants =
      bench.reads(file_of(entry("SECRETone", "acme.okta.com") + entry("SECRETtwo", "acme.okta.com") +
                          entry("SECRETone", "https://ACME.okta.com")));
  REQUIRE(tenants.has_value());
  REQUIRE(tenants->entries.size() == 2);
  REQUIRE(tenants->warnings.size() == 1);
  REQUIRE_THAT(tenants->warnings[0],
               Contains(bench.path + ":6") && Contains("line 2") && !Contains("SECRET"));
}

TEST_CASE("tenants file: fifty tenants are taken, one more is refused and says so") {
  Bench bench;
  std::string entries;
  for (int i = 0; i < 50; ++i)
    entries += entry("SECRET" + std::to_string(i), "org" + std::to_string(i) + ".okta.com");
  REQUIRE(bench.reads(file_of(entries))->entries.size() == 50);
  REQUIRE_THAT(bench.refuses(file_of(entries + entry("SECRET", "one-more.okta.com"))),
               StartsWith(":102:5: ") && Contains("51") && Contains("at most 50"));
}

TEST_CASE("tenants file: what is not YAML is refused with line and column") {
  Bench bench;
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n\t- okta_api_key: SECRET\n"),
               StartsWith(":2:2: ") && Contains("YAML"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  - okta_api_key: 'SECRET\n"), StartsWith(":2:"));
  REQUIRE_THAT(bench.refuses("tenants_credentials: [SECRET\n"), Contains("YAML"));
  REQUIRE_THAT(bench.refuses(file_with_key("*SECRET")), StartsWith(":2:19: ") && Contains("YAML"));
  REQUIRE_THAT(bench.refuses(file_with_key("@SECRET")), Contains("YAML"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  - okta_api_key: a: SECRET\n"), StartsWith(":2:"));
  REQUIRE_THAT(bench.refuses(std::string_view("\0\0\0\0", 4)), StartsWith(":"));
}

TEST_CASE("tenants file: a misspelt key is named with line, column and what was probably meant") {
  Bench bench;
  REQUIRE_THAT(bench.refuses("tenants_credential:\n  - okta_api_key: SECRET\n"),
               StartsWith(":1:1: \"tenants_credential\"") && Contains("did you mean tenants_credentials?"));
  REQUIRE_THAT(
      bench.refuses("tenants_credentials:\n  - okta_api_key: SECRET\n    okta_domian: acme.okta.com\n"),
      StartsWith(":3:5: \"okta_domian\"") && Contains("did you mean okta_domain?"));
  REQUIRE_THAT(
      bench.refuses("tenants_credentials:\n  - okta-api-key: SECRET\n    okta_domain: acme.okta.com\n"),
      Contains("did you mean okta_api_key?"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  - api_key: SECRET\n    okta_domain: acme.okta.com\n"),
               Contains("did you mean okta_api_key?"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  - 00SECRET12: acme.okta.com\n"),
               StartsWith(":2:5: ") && Contains("write one of okta_domain, okta_api_key,"));
  REQUIRE_THAT(bench.refuses(file_with_domain("acme.okta.com") + "more: 1\n"), StartsWith(":4:1: \"more\""));
}

TEST_CASE("tenants file: anything missing, given twice or of the wrong shape is reported with its place") {
  Bench bench;
  REQUIRE_THAT(bench.refuses(""), StartsWith(":1:1: ") && Contains("tenants_credentials:"));
  REQUIRE_THAT(bench.refuses("# only a comment\n"), StartsWith(":1:1: "));
  REQUIRE_THAT(bench.refuses("SECRET"), StartsWith(":1:1: ") && Contains("tenants_credentials:"));
  REQUIRE_THAT(bench.refuses("- okta_api_key: SECRET\n"),
               Contains("this is a list without a key; write") && Contains("tenants_credentials:"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n"), StartsWith(":1:1: tenants_credentials has no value"));
  REQUIRE_THAT(bench.refuses("tenants_credentials: []\n"), Contains("empty"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  okta_api_key: SECRET\n  okta_domain: a.okta.com\n"),
               StartsWith(":2:3: ") && Contains("\"- \""));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  - okta_api_key:SECRET\n"),
               StartsWith(":2:5: ") && Contains("space missing after a colon"));
  REQUIRE_THAT(bench.refuses(file_with_domain("a.okta.com") + "    okta_api_key:SECRET\n"),
               Contains("there is no space after the colon of okta_api_key"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  - okta_domain: a.okta.com\n"),
               StartsWith(":2:5: okta_api_key is missing"));
  REQUIRE_THAT(bench.refuses("tenants_credentials:\n  - okta_api_key: SECRET\n"),
               StartsWith(":2:5: okta_domain is missing"));
  REQUIRE_THAT(bench.refuses(file_with_key("")), StartsWith(":2:5: okta_api_key has no value"));
  REQUIRE_THAT(bench.refuses(file_with_key("~")), Contains("okta_api_key has no value"));
  REQUIRE_THAT(bench.refuses(file_with_key("[SECRET]")), Contains("okta_api_key must be one plain value; "));
  REQUIRE_THAT(bench.refuses(file_with_domain("")), Contains("okta_domain has no value"));
  REQUIRE_THAT(bench.refuses(file_with_key("one") + "    okta_api_key: SECRETtwo\n"),
               StartsWith(":4:5: okta_api_key is given twice"));
  REQUIRE_THAT(bench.refuses(file_with_key("SECRET") + "---\n" + file_with_key("SECRET")),
               StartsWith(":4:1: a second YAML document begins here"));
  for (const char* const endless : {",", ",\"", ",,", "]", "}", ", ---"})
    REQUIRE_THAT(bench.refuses(endless), Contains(":1:1: "));
  REQUIRE_THAT(bench.refuses(file_with_key("SECRET") + ","), StartsWith(":4:1: "));
}

TEST_CASE("tenants file: a value that can be no API key is refused without being repeated") {
  Bench bench;
  REQUIRE_THAT(bench.refuses(file_with_key("\"\"")), StartsWith(":2:19: the API key is empty"));
  REQUIRE_THAT(bench.refuses(file_with_key("<<OKTA_API_KEY_SECRET>>")), Contains("placeholder"));
  REQUIRE_THAT(bench.refuses(file_with_key("${NOT_SET}")), Contains("NOT_SET is not set"));
  REQUIRE_THAT(bench.refuses(file_with_key("/run/secrets/SECRET")),
               Contains("write it as okta_api_key_file"));
  REQUIRE_THAT(bench.refuses(file_with_key("${not a name SECRET}")), Contains("placeholder"));
  REQUIRE_THAT(bench.refuses(file_with_key("SSWS 00SECRET")), Contains("without \"SSWS\""));
  REQUIRE_THAT(bench.refuses(file_with_key("\" 00SECRET\"")), Contains("space"));
  REQUIRE_THAT(bench.refuses(file_with_key("\"00SECRET\\n\"")), Contains("line break"));
  REQUIRE_THAT(bench.refuses(file_with_key("\"00SECRET\\0\"")), Contains("no key has"));
  REQUIRE_THAT(bench.refuses(file_with_key("00SECRET\xc3\xa4")), Contains("no key has"));
  REQUIRE_THAT(bench.refuses(file_with_key("00SECRET\n      00more")), Contains("line break"));
  REQUIRE_THAT(bench.refuses(file_with_key("SECRET" + std::string(limits::secret_bytes_max, 'x'))),
               Contains("too long"));
}

TEST_CASE("tenants file: a value that can be no domain is refused with what to write instead") {
  Bench bench;
  REQUIRE_THAT(bench.refuses(file_with_domain("acme-admin.okta.com")),
               StartsWith(":3:18: ") && Contains("acme.okta.com"));
  REQUIRE_THAT(bench.refuses(file_with_domain("<<OKTA_DOMAIN>>")), Contains("placeholder"));
  REQUIRE_THAT(bench.refuses(file_with_domain("192.0.2.1")), Contains("IP address"));
  REQUIRE_THAT(bench.refuses(file_with_domain("okta.com")),
               Contains("is Okta's own domain, not that of an org"));
  REQUIRE_THAT(bench.refuses(file_with_domain("http://acme.okta.com")), Contains("https://"));
  REQUIRE_THAT(bench.refuses(file_with_domain("https://me:SECRET@acme.okta.com")),
               Contains("user or password"));
  REQUIRE_THAT(bench.refuses(file_with_domain("\"  \"")), Contains("the domain is empty"));
}

TEST_CASE("tenants file: key and domain in each other's place are recognised, and neither is repeated") {
  Bench bench;
  REQUIRE_THAT(bench.refuses(file_of(entry("acme.okta.com", key))), Contains("swapped"));
  REQUIRE_THAT(bench.refuses(file_of(entry("abc", key))), Contains("swapped"));
}

TEST_CASE("tenants file: what an entry may say beside key and domain is read") {
  Bench bench;
  write_file(bench.dir / "account", std::string(32, 't') + "\n");
  const auto tenants =
      bench.reads(file_with_key("abc") +
                  "    since: 2020-01-01T00:00:00Z\n"
                  "    filter: ' eventType eq \"user.session.start\" '\n"
                  "    q: login\n"
                  "    logzio_token_file: account\n"
                  "    logzio_listener_host: listener-eu.logz.io\n"
                  "    type: okta-acme\n"
                  "    fields: {customer: acme, tier: 2, vip: true, code: '007', rate: -1.5e3}\n");
  INFO((tenants ? "" : tenants.error().text));
  REQUIRE(tenants.has_value());
  const TenantEntry& entry = tenants->entries.at(0);
  // A date before Okta's retention is not a mistake: the file outlives the day it was written on.
  REQUIRE(std::get<SinceAt>(entry.since.value()).at == parse_rfc3339("2020-01-01T00:00:00Z"));
  REQUIRE(entry.query.filter == "eventType eq \"user.session.start\"");
  REQUIRE(entry.query.q == "login");
  REQUIRE(entry.token.expose() == std::string(32, 't'));
  REQUIRE(entry.token_file == bench.dir / "account");
  REQUIRE(entry.listener->text() == "https://listener-eu.logz.io:8071");
  REQUIRE(entry.type == "okta-acme");
  std::string fields;
  for (const ConstantField& field : entry.fields) fields += field.name + "=" + field.value + " ";
  REQUIRE(fields == "customer=\"acme\" tier=2 vip=true code=\"007\" rate=-1.5e3 ");
}

TEST_CASE("tenants file: each mistake in an entry is reported with its place and its cure") {
  Bench bench;
  const std::string token(32, 't');
  write_file(bench.dir / "empty", "\n");
  write_file(bench.dir / "short", "SECRET\n");
  write_file(bench.dir / "good", token);
  std::string many = "fields: {a0: 0";
  for (std::size_t i = 1; i <= limits::constant_fields_max; ++i) many += ", a" + std::to_string(i) + ": 0";
  struct Mistake {
    std::string said;
    std::string where;  ///< Line and column.
    std::string what;
    std::string cure;
  };
  const std::string long_query(limits::query_bytes_max + 1, 'x');
  const std::string long_value(limits::constant_value_bytes_max + 1, 'x');
  const std::string names = "letters, digits, _ and -";
  const std::vector<Mistake> mistakes = {
      {"since: whenever", "4:12", "\"whenever\" is not a time", "write for example"},
      {"since: 91d", "4:12", "longer ago than the 90 days that Okta keeps", "write 90d or less"},
      {"since: 2999-01-01T00:00:00Z", "4:12", "is in the future", "write for example"},
      {"since: [7d]", "4:12", "since must be one plain value; ", ""},
      {"filter: ''", "4:13", "this is empty", "leave it out"},
      {"filter: " + long_query, "4:13", "is longer than", "write a shorter one"},
      {"filter: \"a\\nb\"", "4:13", "control character", "write it on one line"},
      {"filter: {a: b}", "4:13", "filter must be one plain value; ", ""},
      {"q: ' '", "4:8", "this is empty", "leave it out"},
      {"q: " + long_query, "4:8", "is longer than", "write a shorter one"},
      {"q: \"a\\tb\"", "4:8", "control character", "write it on one line"},
      {"logzio_token: tooshortSECRET", "4:19", "32", "Logz.io"},
      {"logzio_token: ${NOT_SET}", "4:19", "NOT_SET is not set", "set it"},
      {"logzio_token: " + token + "\n    logzio_token_file: good", "5:24", "logzio_token is also set",
       "remove one"},
      {"logzio_token_file: " + token, "4:24", "looks like the token itself", "name that file here"},
      {"logzio_token_file: nowhere", "4:24", "nowhere", "check the path"},
      {"logzio_token_file: ${NOT_SET}", "4:24", "NOT_SET is not set", "set it"},
      {"logzio_token_file: empty", "4:24", bench.dir / "empty" + " is empty",
       "write the shipping token into it"},
      {"logzio_token_file: short", "4:24", bench.dir / "short", "32"},
      {"logzio_listener_host: listener.logz.io:5006", "4:27", "5006", "listener.logz.io:8071"},
      {"logzio_listener_host: ftp://listener.logz.io", "4:27", "is not a scheme", "https://"},
      {"logzio_listener_host: listener.logz.io:99999", "4:27", "is not a port", ":8071"},
      {"logzio_listener_host: http://listener.logz.io/bulk", "4:27", "listener.logz.io", "write"},
      {"logzio_listener_host: ${NOT_SET}", "4:27", "NOT_SET is not set", "set it"},
      {"type: okta acme", "4:11", "cannot be a type", names},
      {"type: ''", "4:11", "cannot be a type", names},
      {"fields: acme", "4:13", "not a list of names and values", "fields: {customer: acme}"},
      {"fields: [acme]", "4:13", "not a list of names and values", "fields: {customer: acme}"},
      {"fields: {}", "4:13", "not a list of names and values", "fields: {customer: acme}"},
      {"fields: {a b: 1}", "4:14", "cannot be a field name", names},
      {"fields: {token: 1}", "4:14", "is set by logzio-okta or by Logz.io itself", "choose another name"},
      {"fields: {a: 1, a: 2}", "4:20", "a is given twice", "keep one"},
      {"fields: {a: [1]}", "4:17", "not a plain value", "write a string, a number, true or false"},
      {"fields: {a: ~}", "4:17", "not a plain value", "write a string, a number, true or false"},
      {"fields: {a: " + long_value + "}", "4:17", "every line would carry it", "write a shorter one"},
      {"fields: {a: 9223372036854775808}", "4:17", "more than 64 bits", "put it in quotes"},
      {"fields: {a: \"\\xFF\xff\"}", "4:17", "not UTF-8", "save it as UTF-8"},
      {many + "}", "4:13", std::to_string(limits::constant_fields_max + 1) + " fields", "at most"},
  };
  for (const Mistake& mistake : mistakes) {
    CAPTURE(mistake.said);
    CHECK_THAT(bench.refuses(file_with_key("abc") + "    " + mistake.said + "\n"),
               StartsWith(":" + mistake.where + ": ") && Contains(mistake.what) && Contains(mistake.cure) &&
                   !Contains(token));
  }
}

TEST_CASE("tenants file: entries of one domain that differ in anything but the key are refused") {
  Bench bench;
  write_file(bench.dir / "good", std::string(32, 't'));
  for (const std::string said :
       {"since: 1d", "filter: a eq b", "q: login", "logzio_token: tttttttttttttttttttttttttttttttt",
        "logzio_token_file: good", "logzio_listener_host: listener-eu.logz.io", "type: other",
        "fields: {a: 1}"}) {
    const std::string name = said.substr(0, said.find(':'));
    CAPTURE(said);
    const std::string one = entry("one", "acme.okta.com");
    const std::string two = entry("two", "acme.okta.com") + "    " + said + "\n";
    CHECK_THAT(bench.refuses(file_of(one + two)), StartsWith(":4:5: ") &&
                                                      Contains("line 2 and in line 4 with another " + name) &&
                                                      Contains("write the same for both"));
    CHECK(bench.reads(file_of(two + two)).has_value());
  }
}

TEST_CASE("tenants file: aliases are followed but cannot blow up, nor can nesting") {
  Bench bench;
  const auto shared = bench.reads(
      "tenants_credentials:\n  - {okta_api_key: &key abc, okta_domain: a.okta.com}\n"
      "  - {okta_api_key: *key, okta_domain: b.okta.com}\n");
  REQUIRE(shared.has_value());
  REQUIRE(shared->entries[1].api_key.expose() == "abc");

  std::string bomb = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "b" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  bomb += "tenants_credentials: *a11\n";
  REQUIRE_THAT(bench.refuses(bomb), StartsWith(":1:1: \"a\""));
  REQUIRE_THAT(bench.refuses("tenants_credentials: &a [*a]\n"), StartsWith(":1:"));
  REQUIRE_THAT(bench.refuses("tenants_credentials: " + std::string(100'000, '[')), StartsWith(":"));
}

TEST_CASE("tenants file: a file that cannot be used says why and what to do") {
  Bench bench;
  const auto text = [&] { return read_tenants_file(bench.path, Environment({})).error().text; };
  REQUIRE_THAT(text(), StartsWith(bench.path) && Contains("No such file"));

  REQUIRE(::mkdir(bench.path.c_str(), 0700) == 0);
  REQUIRE_THAT(text(),
               StartsWith(bench.path) && Contains("directory") && Contains("Docker") && Contains("host"));
  REQUIRE(::rmdir(bench.path.c_str()) == 0);

  write_file(bench.path, std::string(limits::tenants_file_bytes_max + 1, '#'));
  REQUIRE_THAT(text(), Contains("larger than"));

  write_file(bench.path, file_with_key("abc"));
  REQUIRE(::chmod(bench.path.c_str(), 0) == 0);
  if (::geteuid() != 0) REQUIRE_THAT(text(), Contains("Permission denied") && Contains("uid"));
}

TEST_CASE("tenants search: the first place that exists is used, and a warning names the others") {
  const TempDir dir;
  const std::string first = dir / "first.yml";
  const std::string second = dir / "second.yml";
  const std::string third = dir / "third.yml";
  const std::array<std::string_view, 3> places = {first, second, third};
  const Environment nothing = variables({});

  write_file(third, file_with_domain("three.okta.com"));
  REQUIRE(find_tenants(std::nullopt, nothing, places)->entries[0].domain.name() == "three.okta.com");
  REQUIRE(find_tenants(std::nullopt, nothing, places)->warnings.empty());

  write_file(second, file_with_domain("two.okta.com"));
  const auto both = find_tenants(std::nullopt, nothing, places);
  REQUIRE(both->entries[0].domain.name() == "two.okta.com");
  REQUIRE(both->source == second);
  REQUIRE(both->warnings.size() == 1);
  REQUIRE_THAT(both->warnings[0], Contains(second) && Contains(third) && Contains("--tenants"));

  REQUIRE(find_tenants(third, nothing, places)->entries[0].domain.name() == "three.okta.com");
}

TEST_CASE("tenants search: the same file under two names is no reason for a warning") {
  const TempDir dir;
  const std::string first = dir / "first.yml";
  const std::string second = dir / "second.yml";
  write_file(first, file_with_domain("acme.okta.com"));
  REQUIRE(::symlink(first.c_str(), second.c_str()) == 0);
  const std::array<std::string_view, 2> places = {first, second};
  REQUIRE(find_tenants(std::nullopt, variables({}), places)->warnings.empty());
}

TEST_CASE("tenants search: a place that cannot be used is an error, never skipped") {
  const TempDir dir;
  const std::string first = dir / "first.yml";
  const std::string second = dir / "second.yml";
  const std::array<std::string_view, 2> places = {first, second};
  write_file(second, file_with_domain("acme.okta.com"));

  SECTION("a directory") {
    REQUIRE(::mkdir(first.c_str(), 0700) == 0);
  }
  SECTION("a link that leads nowhere") {
    REQUIRE(::symlink("nowhere", first.c_str()) == 0);
  }
  SECTION("an empty file") {
    write_file(first, "");
  }
  const auto tenants = find_tenants(std::nullopt, variables({}), places);
  REQUIRE_FALSE(tenants.has_value());
  REQUIRE_THAT(tenants.error().text, StartsWith(first));
}

TEST_CASE("tenants search: without a file there is the one tenant of the environment") {
  const TempDir dir;
  const std::string absent = dir / "absent.yml";
  const std::array<std::string_view, 1> places = {absent};
  const auto search = [&](Environment::Variables set) {
    return find_tenants(std::nullopt, variables(std::move(set)), places);
  };

  const auto newer = search({{"OKTA_API_KEY", "SECRET"}, {"OKTA_DOMAIN", "acme.okta.com"}});
  REQUIRE(newer.has_value());
  REQUIRE(newer->entries.size() == 1);
  REQUIRE(newer->entries[0].api_key.expose() == "SECRET");
  REQUIRE(newer->entries[0].line == 0);
  REQUIRE(newer->source == "OKTA_API_KEY");
  REQUIRE(search({{"OKTA_API_KEY", "k"}, {"OKTA_TENANT", "old.okta.com"}})->entries[0].domain.name() ==
          "old.okta.com");

  const auto both =
      search({{"OKTA_API_KEY", "k"}, {"OKTA_TENANT", "old.okta.com"}, {"OKTA_DOMAIN", "new.okta.com"}});
  REQUIRE(both->entries[0].domain.name() == "new.okta.com");
  REQUIRE(both->warnings.size() == 1);

  const auto refusal = [&](Environment::Variables set) {
    const auto tenants = search(std::move(set));
    REQUIRE_FALSE(tenants.has_value());
    REQUIRE_THAT(tenants.error().text, !Contains("SECRET") && !Contains("\n"));
    return tenants.error().text;
  };
  REQUIRE_THAT(refusal({}), Contains(absent) && Contains("OKTA_API_KEY") && Contains("--tenants"));
  REQUIRE_THAT(refusal({{"OKTA_API_KEY", ""}, {"OKTA_DOMAIN", ""}}), Contains(absent));
  REQUIRE_THAT(refusal({{"OKTA_API_KEY", "SECRET"}}), Contains("OKTA_DOMAIN is not"));
  REQUIRE_THAT(refusal({{"OKTA_DOMAIN", "acme.okta.com"}}), Contains("OKTA_API_KEY is not"));
  REQUIRE_THAT(refusal({{"OKTA_TENANT", "acme.okta.com"}}), StartsWith("OKTA_TENANT is set"));
  REQUIRE_THAT(refusal({{"OKTA_API_KEY", "SECRET key"}, {"OKTA_DOMAIN", "acme.okta.com"}}),
               StartsWith("OKTA_API_KEY: "));
  REQUIRE_THAT(refusal({{"OKTA_API_KEY", "SECRET"}, {"OKTA_TENANT", "acme-admin.okta.com"}}),
               StartsWith("OKTA_TENANT: "));
  REQUIRE_THAT(refusal({{"OKTA_API_KEY", "acme.okta.com"}, {"OKTA_DOMAIN", std::string(key)}}),
               Contains("swapped"));
}

TEST_CASE("tenants search: a file beats the environment, and a warning says so") {
  const TempDir dir;
  const std::string file = dir / "tenants.yml";
  write_file(file, file_with_domain("acme.okta.com"));
  const std::array<std::string_view, 1> places = {file};
  const auto tenants = find_tenants(
      std::nullopt, variables({{"OKTA_API_KEY", "SECRET"}, {"OKTA_DOMAIN", "b.okta.com"}}), places);
  REQUIRE(tenants->entries[0].domain.name() == "acme.okta.com");
  REQUIRE(tenants->warnings.size() == 1);
  REQUIRE_THAT(tenants->warnings[0], Contains("OKTA_API_KEY") && !Contains("SECRET"));
}

TEST_CASE("tenants variable: it holds the text of a tenants file, and errors name it and the line") {
  const TempDir dir;
  const std::string absent = dir / "absent.yml";
  const std::array<std::string_view, 1> places = {absent};
  const auto search = [&](const std::string& text, Environment::Variables set = {}) {
    set.emplace("LOGZIO_OKTA_TENANTS_YAML", text);
    return find_tenants(std::nullopt, variables(std::move(set)), places);
  };
  const std::string two = file_of(entry(key, "acme.okta.com") + entry("${GLOBEX}", "globex.okta.com"));
  const auto tenants = search(two, {{"GLOBEX", "SECRET"}});
  REQUIRE(tenants->entries.size() == 2);
  REQUIRE(tenants->source == "LOGZIO_OKTA_TENANTS_YAML");
  REQUIRE(tenants->from == TenantsFrom::text_variable);
  REQUIRE(tenants->entries[1].api_key.expose() == "SECRET");
  // Where a valid key must be put.
  REQUIRE(tenants->entries[0].api_key_variable == "LOGZIO_OKTA_TENANTS_YAML");
  REQUIRE(tenants->entries[1].api_key_variable == "GLOBEX");
  REQUIRE(tenants->warnings.empty());
  // On one line, for an environment file.
  REQUIRE(search("{tenants_credentials: [{okta_api_key: SECRET, okta_domain: acme.okta.com}]}").has_value());

  const auto refusal = [&](const std::string& text) {
    const auto refused = search(text);
    REQUIRE_FALSE(refused.has_value());
    REQUIRE_THAT(refused.error().text,
                 StartsWith("LOGZIO_OKTA_TENANTS_YAML:") && !Contains("SECRET") && !Contains("\n"));
    return refused.error().text;
  };
  REQUIRE_THAT(refusal(two), StartsWith("LOGZIO_OKTA_TENANTS_YAML:4:") && Contains("GLOBEX"));
  REQUIRE_THAT(refusal("tenants_credentials:\n\t- SECRET"), StartsWith("LOGZIO_OKTA_TENANTS_YAML:2:"));
  REQUIRE_THAT(refusal("'" + file_with_domain("acme.okta.com") + "'"), Contains("quotes"));
  REQUIRE_THAT(refusal("/etc/logzio-okta/tenants-credentials.yml"), Contains("a file name"));
  REQUIRE_THAT(refusal(std::string(limits::tenants_file_bytes_max + 1, ' ')), Contains("longer than"));
}

TEST_CASE(
    "tenants variable: a file that is named beats it, and it beats a file that is found; warnings say so") {
  const TempDir dir;
  const std::string file = dir / "tenants.yml";
  write_file(file, file_with_domain("acme.okta.com"));
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  const std::array<std::string_view, 1> places = {file};
  const Environment environment =
      variables({{"LOGZIO_OKTA_TENANTS_YAML", file_with_domain("b.okta.com")}, {"OKTA_API_KEY", "SECRET"}});
  const auto named = find_tenants(file, environment, places);
  REQUIRE(named->entries[0].domain.name() == "acme.okta.com");
  REQUIRE_THAT(named->warnings.at(0), Contains("LOGZIO_OKTA_TENANTS_YAML is not used"));
  const auto found = find_tenants(std::nullopt, environment, places);
  REQUIRE(found->entries[0].domain.name() == "b.okta.com");
  REQUIRE(found->warnings.size() == 2);
  REQUIRE_THAT(found->warnings[0], Contains("from LOGZIO_OKTA_TENANTS_YAML and not from " + file));
  REQUIRE_THAT(found->warnings[1], Contains("OKTA_API_KEY") && !Contains("SECRET"));

  // The key of one entry is no tenant of its own.
  const auto referred = find_tenants(
      std::nullopt,
      variables({{"LOGZIO_OKTA_TENANTS_YAML", file_with_key("${OKTA_API_KEY}")}, {"OKTA_API_KEY", "SECRET"}}),
      std::span<const std::string_view>());
  REQUIRE(referred->warnings.empty());
}

TEST_CASE("tenants search: the text of a tenants file where its name belongs is refused and not repeated") {
  const auto tenants = find_tenants(file_with_domain("acme.okta.com"), variables({}));
  REQUIRE_FALSE(tenants.has_value());
  REQUIRE_THAT(tenants.error().text,
               Contains("LOGZIO_OKTA_TENANTS_YAML") && !Contains("SECRET") && !Contains("\n"));
}

TEST_CASE("tenants: ENV_ID is a field env_id of every tenant whose own fields have none") {
  const auto fields = [](const std::string& yaml, const std::string& env_id) {
    const auto tenants =
        find_tenants(std::nullopt, variables({{"LOGZIO_OKTA_TENANTS_YAML", yaml}, {"ENV_ID", env_id}}),
                     std::span<const std::string_view>());
    if (!tenants) FAIL(tenants.error().text);
    return tenants->entries[0].fields;
  };
  using Fields = std::vector<ConstantField>;
  const std::string plain = file_with_key("k");
  REQUIRE(fields(plain, "").empty());
  REQUIRE(fields(plain, "prod \"eu\"") == Fields{{"env_id", R"("prod \"eu\"")"}});
  REQUIRE(fields(plain, "7") == Fields{{"env_id", "\"7\""}});
  REQUIRE(fields(plain + "    fields: {tier: 2}\n", "prod") == Fields{{"tier", "2"}, {"env_id", "\"prod\""}});
  REQUIRE(fields(plain + "    fields: {env_id: own}\n", "prod") == Fields{{"env_id", "\"own\""}});
  REQUIRE(fields("defaults: {fields: {env_id: shared}}\n" + plain, "prod") ==
          Fields{{"env_id", "\"shared\""}});

  const auto single = find_tenants(
      std::nullopt, variables({{"OKTA_API_KEY", "k"}, {"OKTA_DOMAIN", "acme.okta.com"}, {"ENV_ID", "prod"}}),
      std::span<const std::string_view>());
  REQUIRE(single->entries[0].fields == Fields{{"env_id", "\"prod\""}});

  const auto refused = [](const std::string& env_id) {
    return environment_fields(variables({{"ENV_ID", env_id}})).error().text;
  };
  REQUIRE_THAT(refused("'prod'"), StartsWith("ENV_ID: ") && Contains("quotes"));
  REQUIRE_THAT(refused("\xff"), Contains("UTF-8"));
  REQUIRE_THAT(refused(std::string(limits::constant_value_bytes_max + 1, 'x')), Contains("shorter"));
}

TEST_CASE("tenants search: names that Okta's own tools read are answered with ours") {
  const auto text = [](Environment::Variables set) {
    return find_tenants(std::nullopt, variables(std::move(set)), std::span<const std::string_view>())
        .error()
        .text;
  };
  REQUIRE_THAT(
      text({{"OKTA_API_TOKEN", "SECRET"}, {"OKTA_ORG_URL", "SECRET"}}),
      Contains("did you mean OKTA_API_KEY?") && Contains("did you mean OKTA_DOMAIN?") && !Contains("SECRET"));
  REQUIRE_THAT(text({{"OKTA_API_TOKEN", "SECRET"}, {"OKTA_DOMAIN", "acme.okta.com"}}),
               Contains("did you mean OKTA_API_KEY?"));
}

TEST_CASE("tenants search: the places are those of the contract, in its order") {
  const auto places = tenants_places();
  REQUIRE(std::vector<std::string_view>(places.begin(), places.end()) ==
          std::vector<std::string_view>{"/etc/logzio-okta/tenants-credentials.yml",
                                        "/usr/share/logstash/tenants-credentials.yml",
                                        "./tenants-credentials.yml"});
}

TEST_CASE("tenants file: what the tenants share is written once, and an entry's own word counts") {
  Bench bench;
  const std::string token_a(32, 'a');
  const std::string token_b(32, 'b');
  write_file(bench.dir / "token", token_b);
  const auto tenants = bench.reads("defaults:\n  logzio_token: " + token_a +
                                   "\n  logzio_listener_host: listener-eu.logz.io\n  type: okta-all\n"
                                   "  since: 24h\n  fields: {provider: us, tier: 1}\n" +
                                   file_of(entry(key, "acme.okta.com") + entry(key, "beta.okta.com") +
                                           "    logzio_token_file: " + (bench.dir / "token") +
                                           "\n    type: okta-beta\n    fields: {tier: 2, own: x}\n"));
  REQUIRE(tenants.has_value());
  REQUIRE(tenants->entries.size() == 2);
  const TenantEntry& acme = tenants->entries[0];
  const TenantEntry& beta = tenants->entries[1];
  CHECK(acme.token.expose() == token_a);
  CHECK(acme.type == "okta-all");
  CHECK(acme.listener->text() == "https://listener-eu.logz.io:8071");
  CHECK(acme.fields == std::vector<ConstantField>{{"provider", "\"us\""}, {"tier", "1"}});
  CHECK(beta.token.expose() == token_b);
  CHECK(beta.type == "okta-beta");
  CHECK(beta.listener == acme.listener);
  CHECK(beta.since.has_value());
  CHECK(beta.fields == std::vector<ConstantField>{{"tier", "2"}, {"own", "\"x\""}, {"provider", "\"us\""}});
}

TEST_CASE("tenants file: an error in a default is reported once, with its line") {
  Bench bench;
  const std::string two = file_of(entry(key, "acme.okta.com") + entry(key, "beta.okta.com"));
  CHECK_THAT(bench.refuses("defaults: {okta_api_key: SECRET}\n" + two),
             Contains("okta_api_key belongs to each tenant"));
  CHECK_THAT(bench.refuses("defaults: {typ: x}\n" + two),
             StartsWith(":1:12: ") && Contains("did you mean type?"));
  CHECK_THAT(bench.refuses("defaults: {customers: x}\n" + two),
             Contains("write one of since, filter, q, logzio_token"));
  CHECK_THAT(bench.refuses("defaults:\n  logzio_token: short\n" + two),
             StartsWith(":2:17: ") && !Contains("more errors"));
  CHECK_THAT(bench.refuses("x: &all {type: a}\n" + two), StartsWith(":1:1: "));
  CHECK_THAT(bench.refuses(file_of("  - <<: {type: a}\n    okta_domain: acme.okta.com\n")),
             Contains("under \"defaults:\""));
}

TEST_CASE("tenants file: a field that every event has already is said to have no effect") {
  Bench bench;
  const auto tenants = bench.reads("defaults: {fields: {severity: high, customer: acme}}\n" +
                                   file_of(entry(key, "acme.okta.com") + entry(key, "beta.okta.com")));
  REQUIRE(tenants.has_value());
  const auto said = std::ranges::count_if(tenants->warnings, [](const std::string& text) {
    return text.contains("the field severity has no effect");
  });
  CHECK(said == 1);
  CHECK(std::ranges::none_of(tenants->warnings,
                             [](const std::string& text) { return text.contains("customer"); }));
}
