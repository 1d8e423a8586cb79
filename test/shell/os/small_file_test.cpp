#include "shell/os/small_file.hpp"

#include <array>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "shell/os/descriptor.hpp"
#include "shell/temp_dir.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using test::TempDir;
using test::write_file;

namespace {

std::string make_pipe(const TempDir& dir, const char* name = "pipe") {
  std::string path = dir / name;
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  return path;
}

/// Opens the other end, which waits for a reader, and writes in two pieces.
std::jthread writer_of(std::string path) {
  return std::jthread([path = std::move(path)] {
    const Descriptor pipe(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    for (const std::string_view piece : {"a secret ", "in two pieces\n"}) {
      [[maybe_unused]] const auto written = ::write(pipe.get(), piece.data(), piece.size());
    }
  });
}

}  // namespace

TEST_CASE("small file: a pipe is read to its end, whoever opens it first") {
  const TempDir dir;
  const std::string path = make_pipe(dir);
  const std::jthread writer = writer_of(path);
  const auto file = read_small_file(path, 100);
  REQUIRE(file);
  CHECK(file->bytes == "a secret in two pieces\n");
  CHECK(file->is_pipe);
  CHECK_FALSE(file->writable_by_others);
}

TEST_CASE("small file: a process substitution is read by the name that the shell gives") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const Descriptor reading(ends[0]);
  {
    const Descriptor writing(ends[1]);
    REQUIRE(::write(writing.get(), "00SECRET", 8) == 8);
  }
  const auto file = read_small_file("/dev/fd/" + std::to_string(reading.get()), 100);
  REQUIRE(file);
  CHECK(file->bytes == "00SECRET");
}

TEST_CASE("small file: once waiting is not allowed, anything but a file is refused at once, with a reason") {
  const TempDir dir;
  const std::string pipe = make_pipe(dir);
  const std::string file = dir / "file";
  write_file(file, "bytes");
  const NeverWaitForFiles never;
  CHECK_THAT(read_small_file(pipe, 100).error().text, Contains("is a pipe, not a file"));
  CHECK_THAT(read_small_file("/dev/zero", 100).error().text, Contains("is a device, not a file"));
  CHECK(read_small_file(file, 100)->bytes == "bytes");
}

TEST_CASE("small file: a socket is never read, and a pipe without end is bounded like a file") {
  const TempDir dir;
  const std::string path = dir / "socket";
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) == 0);
  CHECK_FALSE(read_small_file(path, 100));
  CHECK_THAT(read_small_file("/dev/zero", 100).error().text, Contains("larger than 100 bytes"));
}

TEST_CASE("small file: other users who may change it are reported, by its mode or its directory's") {
  const TempDir dir;
  const std::string path = dir / "file";
  write_file(path, "bytes");
  std::vector<std::string> warnings;
  const auto warn = [&] { warn_of_modes(path, *read_small_file(path, 100), "API keys", warnings); };
  warn();
  CHECK(warnings.empty());
  for (const mode_t mode : {0620U, 0602U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    warn();
    CHECK_THAT(warnings.back(), Contains(path) && Contains("API keys") && Contains("chmod 600"));
  }
  CHECK(warnings.size() == 2);
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
  warn();
  CHECK(warnings.size() == 3);
  REQUIRE(::chmod(dir.path().c_str(), 01777) == 0);
  warn();
  CHECK(warnings.size() == 3);
}
