// What is read in a thread takes effect in one turn of the loop, in an order that sends nothing to another
// account, and with the newest version of each file.
#include "shell/process/tenant_files.hpp"

#include <filesystem>
#include <iterator>
#include <thread>
#include <variant>

#include <fcntl.h>

#include "catch.hpp"
#include "shell/os/descriptor.hpp"
#include "shell/process/log.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using test::TempDir;
using test::write_file;

const std::string old_token = "OldTokenOldTokenOldTokenOldToken";
const std::string new_token = "NewTokenNewTokenNewTokenNewToken";
const Origin acme{.scheme = "https", .host = "acme.okta.com", .port = 443};

std::ptrdiff_t count_threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

struct Bench {
  TempDir dir;
  Descriptor nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Log log{Level::error, LogFormat::text, nowhere.get()};
  Console console{log};
  Reloads reloads{console};
  Environment environment{Environment::Variables{}};
  Settings settings;
  Keyring keyring;
  InputQueue inputs;
  std::optional<TenantFiles> files;
  Roster roster;

  Bench() {
    settings.options.token_file = dir / "token";
    write_file(dir / "token", old_token);
    write_tenants("    okta_api_key: 00keyOfAcmeAbCdEfGhIjKlMnOpQrStUvWxYz01\n");
    keyring.set_usual({.listener = Endpoint::parse("listener.logz.io").value(),
                       .token = Secret(std::string(old_token)),
                       .token_from = "--token-file",
                       .listener_from = ""});
    files.emplace(TenantFiles::Surroundings{settings, environment, keyring, console, reloads, inputs},
                  [] { return false; });
    roster = files->begin(read_tenants_file(dir / "tenants.yml", environment).value());
  }
  void write_tenants(const std::string& entry) const {
    write_file(dir / "tenants.yml", "tenants_credentials:\n  - okta_domain: acme.okta.com\n" + entry);
  }
  void finishes_reading() {
    while (files->is_reading()) {
      files->collect();
      std::this_thread::yield();
    }
  }
  /// Of the core's inputs, in order: 'r' for Reload, 't' for TokenChanged.
  std::string given() {
    std::string all;
    while (const auto input = inputs.pop()) {
      if (const auto* reload = std::get_if<Reload>(&*input)) {
        roster = reload->roster;
        all += 'r';
      } else {
        REQUIRE(std::holds_alternative<TokenChanged>(*input));
        all += 't';
      }
    }
    return all;
  }
  [[nodiscard]] std::string authorization() const {
    const auto header = keyring.authorization(roster.tenants.at(0).credentials.at(0), acme);
    return header ? std::string(header->expose()) : "";
  }
};

TEST_CASE("tenant files: a token that changes with the tenants is not used before they are in force") {
  Bench bench;
  bench.write_tenants(
      "    okta_api_key: 00keyOfAcmeAbCdEfGhIjKlMnOpQrStUvWxYz01\n    logzio_token: " + old_token + "\n");
  write_file(bench.dir / "token", new_token);
  bench.files->reload();
  REQUIRE(bench.files->is_reading());
  CHECK(bench.keyring.is_token(old_token));  // Acme's events still go to the default account.
  CHECK(bench.given().empty());
  bench.finishes_reading();
  CHECK(bench.keyring.is_token(new_token));
  CHECK(bench.given().starts_with("r"));
}

TEST_CASE("tenant files: a token waits for the tenants that were written with it, not for those before") {
  Bench bench;
  const auto threads = count_threads();
  bench.files->reload();
  while (count_threads() > threads) std::this_thread::yield();  // It has read the old tenants.
  bench.write_tenants(
      "    okta_api_key: 00keyOfAcmeAbCdEfGhIjKlMnOpQrStUvWxYz01\n    logzio_token: " + old_token + "\n");
  write_file(bench.dir / "token", new_token);  // Nobody has said so yet.
  const DestinationId before = bench.roster.tenants.at(0).destination;
  while (bench.files->is_reading()) {
    bench.files->collect();
    static_cast<void>(bench.given());
    const bool moved = bench.roster.tenants.at(0).destination != before;
    CHECK((moved || bench.keyring.is_token(old_token)));
    std::this_thread::yield();
  }
  CHECK(bench.keyring.is_token(new_token));
}

TEST_CASE("tenant files: a token that changes while nothing is read is used at once") {
  Bench bench;
  write_file(bench.dir / "token", new_token);
  bench.files->look();
  CHECK_FALSE(bench.files->is_reading());
  CHECK(bench.keyring.is_token(new_token));
}

TEST_CASE("tenant files: what changes while they are read is read once more") {
  Bench bench;
  bench.files->reload();
  bench.write_tenants("    okta_api_key: 00laterKeyOfAcmeAbCdEfGhIjKlMnOpQrStUv1\n");
  bench.files->reload();
  bench.finishes_reading();
  CHECK(bench.given() == "rrt");
  CHECK(bench.authorization().ends_with("00laterKeyOfAcmeAbCdEfGhIjKlMnOpQrStUv1"));
}

TEST_CASE("tenant files: a key file that is newly named and changes while it is read is read again") {
  Bench bench;
  write_file(bench.dir / "key", "00firstKeyOfAcmeAbCdEfGhIjKlMnOpQrStUv1");
  bench.write_tenants("    okta_api_key_file: " + (bench.dir / "key") + "\n");
  bench.files->reload();
  write_file(bench.dir / "key", "00laterKeyOfAcmeAbCdEfGhIjKlMnOpQrStUv1");
  bench.finishes_reading();
  CHECK(bench.given() == "rrt");
  CHECK(bench.authorization().ends_with("00laterKeyOfAcmeAbCdEfGhIjKlMnOpQrStUv1"));
}

}  // namespace
}  // namespace logzio_okta
