#include "shell/settings/store_url.hpp"

#include <string>

#include "catch.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("store url: what libpq understands is accepted") {
  for (const char* url : {"postgresql://okta@db.example.com/okta", "postgres://db/okta",
                          "postgresql://okta@db1:5432,db2:5433/okta?sslrootcert=/etc/ssl/rds.pem",
                          "postgresql:///okta?host=/run/postgresql", "postgresql://db1,db2:5433/okta"}) {
    CAPTURE(url);
    CHECK(check_store_url(url));
  }
}

TEST_CASE("store url: a password in it is refused, and in no error") {
  for (const char* url :
       {"postgresql://okta:hunter2@db/okta", "postgresql://okta:hun/ter2@db/okta",
        "postgresql://okta:hun?ter2@db/okta", "postgresql://okta@db/okta?password=hunter2",
        "postgresql://okta@db/okta?sslmode=require&PASSWORD=hunter2", "postgresql://:hunter2@db/okta",
        "postgresql://okta@db/okta?passw%6frd=hunter2", "postgresql://okta@db/okta?sslpassword=hunter2"}) {
    CAPTURE(url);
    const auto checked = check_store_url(url);
    REQUIRE_FALSE(checked);
    CHECK_THAT(checked.error().text, Contains("PGPASSWORD") && !Contains("ter2"));
  }
}

TEST_CASE("store url: a port that no server can have is refused") {
  for (const char* url : {"postgresql://db:5432x/okta", "postgresql://db:0/okta",
                          "postgresql://db:65536/okta", "postgresql://db1:5432,db2:-1/okta"}) {
    CAPTURE(url);
    const auto checked = check_store_url(url);
    REQUIRE_FALSE(checked);
    CHECK_THAT(checked.error().text, Contains("port"));
  }
}

TEST_CASE("store url: what is none is refused with what to write") {
  for (const char* url : {"", "host=db dbname=okta", "mysql://db/okta", "postgresql://db/okta?nonsense=1"}) {
    CAPTURE(url);
    const auto checked = check_store_url(url);
    REQUIRE_FALSE(checked);
    CHECK_THAT(checked.error().text, Contains("postgresql://okta@db.example.com/okta"));
  }
}

}  // namespace
}  // namespace logzio_okta
