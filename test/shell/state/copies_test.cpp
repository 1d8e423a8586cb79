#include "shell/state/copies.hpp"

#include <filesystem>

#include <sys/stat.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"

#include "catch.hpp"
#include "shell/file_limit.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using test::FullDisk;
using test::names_like;
using test::read_file;
using test::TempDir;
using test::write_file;

const WallTime evening = *parse_rfc3339("2026-11-27T18:59:59Z");
const WallTime later = *parse_rfc3339("2026-11-27T19:00:01Z");

using Lines = std::string;

KeepCopy bulk_of(const std::string& lines, std::string name = "default", std::uint64_t destination = 1) {
  return {.destination = DestinationId{destination},
          .name = std::move(name),
          .packed = std::make_shared<const std::string>(gzip(lines))};
}

Copies opened(const std::string& dir) {
  auto copies = Copies::open(dir);
  if (!copies) FAIL(copies.error().text);
  return std::move(*copies);
}

/// What zcat would print; it fails where zcat would.
std::string zcat(const std::string& path) {
  const auto plain = gunzip(read_file(path), 64 * limits::MiB);
  if (!plain) FAIL(path << " is no whole gzip file");
  return *plain;
}

/// So that a bulk is not a few bytes only: random text.
std::string lines_of(std::uint64_t seed, std::size_t bytes) {
  Random random(seed);
  std::string text;
  while (text.size() < bytes) text += std::to_string(random.next());
  return text + "\n";
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("copies: what was added is in the file of the hour, in order, and gets its final name at the end") {
  const TempDir dir;
  const std::string root = dir / "new/copies";
  {
    Copies copies = opened(root);
    copies.add(bulk_of("a\nb\n"));
    copies.add(bulk_of("c\n"));
    REQUIRE(copies.report().waiting == 2);
    REQUIRE(copies.sync(evening));
    const std::string working = root + "/default/2026-11-27T18.ndjson.gz.partial";
    REQUIRE(zcat(working) == "a\nb\nc\n");
    REQUIRE(mode_of(working) == 0600);
    REQUIRE(mode_of(root) == 0700);
    REQUIRE(mode_of(root + "/default") == 0700);
    copies.add(bulk_of("d\n"));
    REQUIRE(copies.close(evening));
    REQUIRE(copies.report().bulks == 3);
    REQUIRE(copies.report().waiting == 0);
    REQUIRE(copies.report().last_written == evening);
  }
  REQUIRE(names_like(root + "/default", "") == std::vector<std::string>{"2026-11-27T18.ndjson.gz"});
  REQUIRE(zcat(root + "/default/2026-11-27T18.ndjson.gz") == "a\nb\nc\nd\n");
  REQUIRE(mode_of(root + "/default/2026-11-27T18.ndjson.gz") == 0600);
}

TEST_CASE("copies: an hour that is over gets its final name, with the next bulk or without") {
  const TempDir dir;
  Copies copies = opened(dir.path());
  copies.add(bulk_of("a\n"));
  REQUIRE(copies.sync(evening));
  SECTION("with it") {
    copies.add(bulk_of("b\n"));
    REQUIRE(copies.sync(later));
    REQUIRE(zcat(dir / "default/2026-11-27T19.ndjson.gz.partial") == "b\n");
  }
  SECTION("without") {
    copies.finish_hours(evening);
    REQUIRE(names_like(dir / "default", "").front().ends_with(".partial"));
    copies.finish_hours(later);
    REQUIRE(names_like(dir / "default", "").size() == 1);
  }
  REQUIRE(zcat(dir / "default/2026-11-27T18.ndjson.gz") == "a\n");
}

TEST_CASE(
    "copies: what has its final name is never touched again: the next run of the hour has a file beside it") {
  const TempDir dir;
  for (const char* const lines : {"a\n", "b\n", "c\n"}) {
    Copies copies = opened(dir.path());
    copies.add(bulk_of(lines));
    REQUIRE(copies.close(evening));
  }
  REQUIRE(zcat(dir / "default/2026-11-27T18.ndjson.gz") == "a\n");
  REQUIRE(zcat(dir / "default/2026-11-27T18_2.ndjson.gz") == "b\n");
  REQUIRE(zcat(dir / "default/2026-11-27T18_3.ndjson.gz") == "c\n");

  // Another process takes the name while the file is written.
  Copies copies = opened(dir.path());
  copies.add(bulk_of("d\n"));
  REQUIRE(copies.sync(evening));
  write_file(dir / "default/2026-11-27T18_4.ndjson.gz", "somebody's");
  REQUIRE(copies.close(evening));
  REQUIRE(read_file(dir / "default/2026-11-27T18_4.ndjson.gz") == "somebody's");
  REQUIRE(zcat(dir / "default/2026-11-27T18_5.ndjson.gz") == "d\n");
}

TEST_CASE(
    "copies: a full disk keeps what was added in memory and the file whole, and it recovers by itself") {
  const TempDir dir;
  Copies copies = opened(dir.path());
  const std::string first = lines_of(1, 30'000);
  const std::string second = lines_of(2, 30'000);
  const std::string third = lines_of(3, 30'000);
  const std::string working = dir / "default/2026-11-27T18.ndjson.gz.partial";
  copies.add(bulk_of(first));
  REQUIRE(copies.sync(evening));
  const std::size_t size = read_file(working).size();
  {
    // So that the second bulk is written, and of the third a piece.
    const FullDisk full(size + gzip(second).size() + 100);
    copies.add(bulk_of(second));
    copies.add(bulk_of(third));
    const auto failed = copies.sync(evening);
    REQUIRE_FALSE(failed);
    REQUIRE(failed.error().text.starts_with(dir / "default: File too large; "));
    REQUIRE(copies.report().last_error == failed.error().text);
    REQUIRE(copies.report().waiting == 2);
    REQUIRE(copies.report().bulks == 1);
    REQUIRE((zcat(working) == first));
    const auto again = copies.sync(evening);
    REQUIRE_FALSE(again);
    REQUIRE(again.error().text == failed.error().text);  // So that it is said once.
  }
  REQUIRE(copies.sync(later));
  REQUIRE(copies.report().last_error.empty());
  REQUIRE(copies.close(later));
  REQUIRE((zcat(dir / "default/2026-11-27T18.ndjson.gz") == first));
  REQUIRE((zcat(dir / "default/2026-11-27T19.ndjson.gz") == second + third));
}

TEST_CASE("copies: trouble with one destination does not block the others") {
  const TempDir dir;
  write_file(dir / "broken", "no directory");
  Copies copies = opened(dir.path());
  copies.add(bulk_of("a\n", "broken", 1));
  copies.add(bulk_of("b\n", "fine", 2));
  REQUIRE_FALSE(copies.sync(evening));
  REQUIRE(zcat(dir / "fine/2026-11-27T18.ndjson.gz.partial") == "b\n");
  REQUIRE_FALSE(copies.sync(evening));
  std::filesystem::remove(dir / "broken");
  REQUIRE(copies.sync(evening));
  REQUIRE(zcat(dir / "broken/2026-11-27T18.ndjson.gz.partial") == "a\n");
  REQUIRE(zcat(dir / "fine/2026-11-27T18.ndjson.gz.partial") == "b\n");
}

TEST_CASE(
    "copies: killed in the middle of a write, whatever of it is there, the next start leaves whole bulks") {
  const std::string first = lines_of(1, 300);
  const std::string second = lines_of(2, 300);
  const std::string whole = gzip(first) + gzip(second);
  for (std::size_t left = 0; left <= whole.size(); ++left) {
    INFO(left << " of " << whole.size() << " bytes");
    const TempDir dir;
    std::filesystem::create_directory(dir / "default");
    write_file(dir / "default/2026-11-27T18.ndjson.gz.partial", whole.substr(0, left));
    Copies copies = opened(dir.path());
    const bool cut = left != 0 && left != gzip(first).size() && left != whole.size();
    REQUIRE(copies.take_warnings().size() == (cut ? 1 : 0));
    if (left < gzip(first).size()) {
      REQUIRE(names_like(dir / "default", "").empty());
    } else {
      REQUIRE(names_like(dir / "default", "").size() == 1);
      REQUIRE(zcat(dir / "default/2026-11-27T18.ndjson.gz") ==
              (left < whole.size() ? first : first + second));
    }
  }
}

TEST_CASE(
    "copies: of a long file only the end is looked through, and what it holds of a torn bulk is cut off") {
  // Noise, so that bytes which begin a member are in the middle of one too.
  const TempDir dir;
  const std::string torn = gzip(lines_of(7, 50'000));
  const std::string lure("\x1f\x8b\x08\0\0\0\0\0 not a member", 21);
  std::string whole;
  std::size_t members = 0;
  for (; whole.size() < 2 * limits::copy_tail_bytes_first || members < 2 * limits::copy_members_doubted;
       ++members)
    whole += gzip(lines_of(members, 8'000));
  std::string tail;
  SECTION("nothing") {}
  SECTION("a piece of one") {
    tail = torn.substr(0, torn.size() - 9);
  }
  SECTION("one whose end never came to the disk") {
    tail = torn.substr(0, 9'000) + std::string(9'000, '\0');
  }
  SECTION("what looks like the beginning of one") {
    tail = torn.substr(0, 100) + lure;
  }
  std::filesystem::create_directory(dir / "default");
  write_file(dir / "default/2026-11-27T18.ndjson.gz.partial", whole + tail);
  Copies copies = opened(dir.path());
  REQUIRE(copies.take_warnings().size() == (tail.empty() ? 0 : 1));
  REQUIRE((read_file(dir / "default/2026-11-27T18.ndjson.gz") == whole));
}

TEST_CASE("copies: what is not ours is not cut, but moved aside") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "default");
  write_file(dir / "default/2026-11-27T18.ndjson.gz.partial", "somebody's own text");
  Copies copies = opened(dir.path());
  REQUIRE(copies.take_warnings().size() == 1);
  REQUIRE(read_file(dir / "default/2026-11-27T18.ndjson.gz.partial.damaged") == "somebody's own text");
}

TEST_CASE("copies: each destination has a directory of its own, whatever the names are") {
  const TempDir dir;
  Copies copies = opened(dir.path());
  copies.add(bulk_of("a\n", "acme.okta.com", 1));
  copies.add(bulk_of("b\n", "acme.okta.com", 2));
  copies.add(bulk_of("c\n", "default in region eu", 3));
  copies.add(bulk_of("d\n", "../../etc", 4));
  copies.add(bulk_of("e\n", "127.0.0.1:9001", 5));
  copies.add(bulk_of("f\n", "acme.okta.com", 1));
  REQUIRE(copies.close(evening));
  const std::string file = "/2026-11-27T18.ndjson.gz";
  REQUIRE(zcat(dir / "acme.okta.com" + file) == "a\nf\n");
  REQUIRE(zcat(dir / "acme.okta.com_2" + file) == "b\n");
  REQUIRE(zcat(dir / "default-in-region-eu" + file) == "c\n");
  REQUIRE(zcat(dir / "-..-..-etc" + file) == "d\n");
  REQUIRE(zcat(dir / "127.0.0.1-9001" + file) == "e\n");
  // One that is gone frees its name.
  copies.forget(DestinationId{1});
  copies.add(bulk_of("g\n", "acme.okta.com", 6));
  REQUIRE(copies.close(later));
  REQUIRE(zcat(dir / "acme.okta.com/2026-11-27T19.ndjson.gz") == "g\n");
}

TEST_CASE("copies: a file that is moved or removed under it is not written to, another is begun") {
  const TempDir dir;
  Copies copies = opened(dir.path());
  const std::string working = dir / "default/2026-11-27T18.ndjson.gz.partial";
  copies.add(bulk_of("a\n"));
  REQUIRE(copies.sync(evening));
  SECTION("moved") {
    std::filesystem::rename(working, dir / "taken");
  }
  SECTION("removed") {
    std::filesystem::remove(working);
  }
  SECTION("with its directory") {
    std::filesystem::remove_all(dir / "default");
  }
  copies.add(bulk_of("b\n"));
  REQUIRE(copies.sync(evening));
  REQUIRE(zcat(working) == "b\n");
  if (std::filesystem::exists(dir / "taken")) REQUIRE(zcat(dir / "taken") == "a\n");
  std::filesystem::remove(working);
  REQUIRE(copies.close(evening));
  REQUIRE(names_like(dir / "default", "").empty());
}

TEST_CASE("copies: no symbolic link leads out of the directory") {
  const TempDir dir;
  const TempDir elsewhere;
  Copies copies = opened(dir.path());
  SECTION("from the start") {}
  SECTION("put there while it is written to") {
    copies.add(bulk_of("a\n"));
    REQUIRE(copies.sync(evening));
    std::filesystem::rename(dir / "default", elsewhere / "moved");
  }
  std::filesystem::create_directory_symlink(
      std::filesystem::exists(elsewhere / "moved") ? elsewhere / "moved" : elsewhere.path(), dir / "default");
  copies.add(bulk_of("b\n"));
  const auto refused = copies.sync(evening);
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().text ==
          dir / "default: a symbolic link, which is not followed in " + dir.path() + "; remove it");
  std::filesystem::remove(dir / "default");
  REQUIRE(copies.close(evening));
  REQUIRE(zcat(dir / "default/2026-11-27T18.ndjson.gz") == "b\n");
  // Its target contains what was moved there, and nothing else.
  REQUIRE(names_like(elsewhere.path(), "2026").empty());
  if (std::filesystem::exists(elsewhere / "moved"))
    REQUIRE(zcat(elsewhere / "moved/2026-11-27T18.ndjson.gz.partial") == "a\n");
}

TEST_CASE("copies: a file's name that is a symbolic link is passed by") {
  const TempDir dir;
  const std::string victim = dir / "victim";
  write_file(victim, "");
  std::filesystem::create_directory(dir / "default");
  std::filesystem::create_symlink(victim, dir / "default/2026-11-27T18.ndjson.gz.partial");
  std::filesystem::create_symlink(victim, dir / "default/2026-11-27T18_2.ndjson.gz");
  Copies copies = opened(dir.path());
  REQUIRE(copies.take_warnings().size() == 1);
  copies.add(bulk_of("a\n"));
  REQUIRE(copies.close(evening));
  REQUIRE(zcat(dir / "default/2026-11-27T18_3.ndjson.gz") == "a\n");
  REQUIRE(read_file(victim).empty());
}

TEST_CASE("copies: a directory has one owner, and one that cannot be used is refused with the cure") {
  const TempDir dir;
  {
    const Copies owner = opened(dir.path());
    const auto second = Copies::open(dir.path());
    REQUIRE_FALSE(second);
    REQUIRE(second.error().held);
    REQUIRE(second.error().text.contains("another instance keeps its copies in " + dir.path()));
  }
  REQUIRE(Copies::open(dir.path()));
  write_file(dir / "file", "");
  for (const std::string& path : {dir / "file", dir / "file/below"}) {
    const auto refused = Copies::open(path);
    REQUIRE_FALSE(refused);
    REQUIRE_FALSE(refused.error().held);
    REQUIRE(refused.error().text.contains(path + " cannot be used for copies: "));
    REQUIRE(refused.error().text.contains("--copy-to"));
    REQUIRE(problem_with_copies(path));
  }
  REQUIRE_FALSE(problem_with_copies(dir.path()));
  REQUIRE_FALSE(problem_with_copies(dir / "not/yet/there"));
  REQUIRE_FALSE(problem_with_copies("not-yet-here"));
  REQUIRE(problem_with_place(dir / ".", dir.path()));
  REQUIRE_FALSE(problem_with_place(dir / "copies", dir.path()));
  REQUIRE_FALSE(std::filesystem::exists(dir / "not"));
}

}  // namespace logzio_okta
