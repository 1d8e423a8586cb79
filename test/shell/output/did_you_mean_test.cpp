#include "shell/output/did_you_mean.hpp"

#include <array>

#include "catch.hpp"

using logzio_okta::did_you_mean;

namespace {

constexpr std::array<std::string_view, 3> words = {"okta_api_key", "okta_domain", "since"};

}  // namespace

TEST_CASE("did you mean: a slip of the finger is understood") {
  REQUIRE(did_you_mean("okta_domian", words) == "okta_domain");
  REQUIRE(did_you_mean("OKTA-API-KEY", words) == "okta_api_key");
  REQUIRE(did_you_mean("snce", words) == "since");
  REQUIRE(did_you_mean("sincee", words) == "since");
}

TEST_CASE("did you mean: another word is not taken for a slip") {
  REQUIRE_FALSE(did_you_mean("tenant", words).has_value());
  REQUIRE_FALSE(did_you_mean("", words).has_value());
  REQUIRE_FALSE(did_you_mean(std::string(100'000, 's'), words).has_value());
  REQUIRE_FALSE(did_you_mean("since", {}).has_value());
}
