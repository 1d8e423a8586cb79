#include "shell/settings/secret_file.hpp"

#include <sys/stat.h>

#include "catch.hpp"
#include "shell/temp_dir.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using test::TempDir;
using test::write_file;

TEST_CASE("secret file: variables are put in their places, and one that is not set is named") {
  const Environment environment({{"ACME_KEY", "00SECRET"}, {"ORG", "acme"}, {"EMPTY", ""}});
  const auto expanded = [&](std::string_view text) { return expand_variables(text, environment).value(); };
  REQUIRE(expanded("${ACME_KEY}") == "00SECRET");
  REQUIRE(expanded("https://${ORG}.okta.com/${ORG}") == "https://acme.okta.com/acme");
  REQUIRE(expanded("").empty());
  REQUIRE(expanded("$ORG {ORG} $") == "$ORG {ORG} $");
  for (const char* const other : {"${", "a${ORG", "${9}", "${}", "${O RG}", "${${ORG}"}) {
    CAPTURE(other);
    REQUIRE_THAT(expanded(other), Contains("${"));
  }
  for (const char* const name : {"${NOBODY}", "${EMPTY}"}) {
    REQUIRE_THAT(expand_variables(name, environment).error().text, Contains("is not set"));
  }
}

TEST_CASE("secret file: a bare name is looked for where systemd puts credentials, then beside its referrer") {
  const TempDir dir;
  const TempDir credentials;
  const Environment environment({{"CREDENTIALS_DIRECTORY", credentials.path()}});
  const std::string referrer = dir / "tenants.yml";
  REQUIRE(find_secret_file("/some/where", referrer, environment) == "/some/where");
  REQUIRE(find_secret_file("acme", referrer, environment) == dir / "acme");
  write_file(credentials / "acme", "00SECRET");
  REQUIRE(find_secret_file("acme", referrer, environment) == credentials / "acme");
}

TEST_CASE(
    "secret file: white space around its content is ignored, and a file that others can read causes a "
    "warning") {
  const TempDir dir;
  const std::string file = dir / "key";
  std::vector<std::string> warnings;
  REQUIRE_THAT(read_secret_file(file, warnings).error().text, Contains(file) && Contains("check the path"));
  write_file(file, " \n");
  REQUIRE_THAT(read_secret_file(file, warnings).error().text, Contains("is empty"));
  write_file(file, "00SECRET\r\n");
  REQUIRE(read_secret_file(file, warnings)->expose() == "00SECRET");
  REQUIRE(warnings.empty());
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  REQUIRE(read_secret_file(file, warnings)->expose() == "00SECRET");
  REQUIRE_THAT(warnings.at(0), Contains(file) && Contains("chmod 600") && !Contains("SECRET"));
}

TEST_CASE("secret file: a default as in a shell is named, and never repeated") {
  const Environment environment(Environment::Variables{{"ACME_KEY", "00SECRET"}});
  for (const char* const text : {"${ACME_KEY:-00OTHER}", "${ACME_KEY-00OTHER}", "${ACME_KEY:?00OTHER}"}) {
    CAPTURE(text);
    const auto expanded = expand_variables(text, environment);
    REQUIRE_FALSE(expanded);
    CHECK_THAT(expanded.error().text, Contains("ACME_KEY") && Contains("default") && !Contains("00OTHER"));
  }
  CHECK(first_variable("https://${1}${ORG}.okta.com") == "ORG");
  CHECK(first_variable("00KEY").empty());
}

TEST_CASE("secret file: what editors and shells add is taken off or named") {
  const auto bare = [](std::string_view text) { return bare_credential(text).value(); };
  CHECK(bare("\xEF\xBB\xBF 00SECRET\r\n") == "00SECRET");
  CHECK(bare("00_-SECRET") == "00_-SECRET");
  CHECK(bare("$") == "$");
  const auto refused = [](std::string_view text) {
    const auto credential = bare_credential(text);
    REQUIRE_FALSE(credential);
    REQUIRE_THAT(credential.error().text, !Contains("SECRET"));
    return credential.error().text;
  };
  CHECK_THAT(refused({"\xFF\xFE"
                      "0\0S\0E\0",
                      8}),
             Contains("UTF-16"));
  CHECK_THAT(refused({"0\0S\0E\0", 6}), Contains("UTF-16"));
  CHECK_THAT(refused("\"00SECRET\"\n"), Contains("quotes"));
  CHECK_THAT(refused("'00SECRET'"), Contains("quotes"));
  for (const char* const line :
       {"OKTA_API_KEY=00SECRET", "export LOGZIO_TOKEN = SECRET", "okta_api_key: 00SECRET"})
    CHECK_THAT(refused(line), Contains("begins with a name"));
  CHECK_THAT(refused("$ACME_SECRET"), Contains("${NAME}"));
}
