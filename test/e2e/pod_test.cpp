// The pod of etc/kubernetes, as far as a process can imitate it: the manifest's variables, user, groups,
// capabilities and read-only root, its probes, and a Secret that changes as the kubelet changes it. ./dev
// chart test runs the image in the same way.
#include <filesystem>
#include <map>

#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

using Catch::Matchers::Contains;
namespace fs = std::filesystem;

constexpr gid_t fs_group = 1000;
const std::string source_dir = LOGZIO_OKTA_SOURCE_DIR;

/// The StatefulSet's pod and its one container.
struct Manifest {
  YAML::Node pod;
  YAML::Node container;

  Manifest() {
    for (const YAML::Node& each : YAML::LoadAllFromFile(source_dir + "/etc/kubernetes/statefulset.yaml")) {
      if (each["kind"].as<std::string>() == "StatefulSet") pod = each["spec"]["template"]["spec"];
    }
    container = pod["containers"][0];
  }
  [[nodiscard]] std::string mount(const std::string& volume) const {
    for (const YAML::Node& each : container["volumeMounts"]) {
      if (each["name"].as<std::string>() == volume) return each["mountPath"].as<std::string>();
    }
    return {};
  }
};

/// A volume of a Secret: the files in a directory of their own, links to them, and one link that a rename
/// turns.
class SecretVolume {
 public:
  explicit SecretVolume(fs::path dir) : dir_(std::move(dir)) {
    fs::create_directory(dir_);
    fs::permissions(dir_, fs::perms(03777));
  }
  void write(const std::string& name, std::string_view text) {
    if (!fs::is_symlink(dir_ / name)) fs::create_symlink("..data/" + name, dir_ / name);
    files_[name] = text;
  }
  /// All of it at once, owned by root and readable by the pod's group.
  void publish() {
    const std::string version = "..version" + std::to_string(++versions_);
    fs::create_directory(dir_ / version);
    for (const auto& [name, text] : files_) {
      const fs::path file = dir_ / version / name;
      write_file(file, text);
      REQUIRE(::chown(file.c_str(), 0, fs_group) == 0);
      fs::permissions(file, fs::perms(0440));
    }
    fs::create_symlink(version, dir_ / "..data_tmp");
    fs::rename(dir_ / "..data_tmp", dir_ / "..data");
    if (versions_ > 1) fs::remove_all(dir_ / ("..version" + std::to_string(versions_ - 1)));
  }

 private:
  fs::path dir_;
  std::map<std::string, std::string> files_;
  int versions_ = 0;
};

struct Pod : Bench {
  Manifest manifest;
  std::size_t org = add_org();
  SecretVolume secret{path("secret")};
  std::string program = path("logzio-okta");
  std::uint16_t admin = free_port();

  Pod() {
    add_listener({.protocol = Protocol::http_bulk});
    world.issue_past(org, 20, 24h);
    fs::permissions(path(""),
                    fs::perms(0755));  // For the pod's user, who may not reach the build's own files.
    fs::copy_file(binary(), program);
    fs::create_directory(path("state"));  // A fresh disk, after fsGroup.
    fs::permissions(path("state"), fs::perms(02775));
    secret.write("tenants-credentials.yml", world.tenants_yaml());
    secret.write("logzio-token", world.token() + "\n");
  }

  [[nodiscard]] bool possible() {
    Daemon attempt({.binary = "/usr/bin/unshare",
                    .args = {"--mount", "/bin/mount", "-o", "remount,ro,bind", "/"},
                    .env = {{"PATH", "/usr/bin:/bin"}}});
    if (::geteuid() == 0 && attempt.wait_exit(patience) == 0) {
      return ::chown(path("state").c_str(), 0, fs_group) == 0;
    }
    WARN("not tried: only root may make a pod, where mounts are allowed");
    return false;
  }

  /// The container's variables, and the ConfigMap's except the listener, which is the sandbox's.
  [[nodiscard]] Variables variables() const {
    Variables all = {{"PATH", "/usr/bin:/bin"},
                     {"ASAN_OPTIONS", "detect_leaks=0"},  // It would have to trace another user's process.
                     {"LOGZIO_LISTENER_HOST", world.listener_address(0)},
                     {"LOGZIO_OKTA_STATE_DIR", path("state")},  // As the image sets it, of the claim's mount.
                     {"LOGZIO_OKTA_ADMIN", "127.0.0.1:" + std::to_string(admin)},
                     {"LOGZIO_OKTA_POLL_INTERVAL", "100ms"}};
    const std::string mounted = manifest.mount("secret");
    for (const YAML::Node& each : manifest.container["env"]) {
      std::string value = each["value"].as<std::string>();
      REQUIRE(value.starts_with(mounted + "/"));
      all.emplace_back(each["name"].as<std::string>(), path("secret") + value.substr(mounted.size()));
    }
    return all;
  }

  void starts() {
    const YAML::Node context = manifest.pod["securityContext"];
    const YAML::Node container = manifest.container["securityContext"];
    REQUIRE(context["runAsNonRoot"].as<bool>());
    REQUIRE(container["readOnlyRootFilesystem"].as<bool>());
    REQUIRE_FALSE(container["allowPrivilegeEscalation"].as<bool>());
    REQUIRE(container["capabilities"]["drop"][0].as<std::string>() == "ALL");
    REQUIRE(manifest.mount("state") == "/var/lib/logzio-okta");
    const std::string script =
        "set -e; mount --bind \"$1\" \"$1\"; mount -o remount,ro,bind /; "
        "exec setpriv --reuid \"$2\" --regid \"$3\" --groups \"$4\" --no-new-privs --inh-caps=-all "
        "--bounding-set=-all \"$5\"";
    start_process({.binary = "/usr/bin/unshare",
                   .args = {"--mount", "/bin/sh", "-c", script, "sh", path("state"),
                            context["runAsUser"].as<std::string>(), context["runAsGroup"].as<std::string>(),
                            context["fsGroup"].as<std::string>(), program},
                   .env = variables()});
  }
  /// The command of the manifest's probe, with our program.
  [[nodiscard]] std::optional<int> probe(const std::string& name) {
    auto command = manifest.container[name]["exec"]["command"].as<Words>();
    REQUIRE(command.front() == "/usr/bin/logzio-okta");
    command.erase(command.begin());
    Daemon asked({.binary = binary(), .args = command, .env = variables()});
    return asked.wait_exit(patience);
  }
};

TEST_CASE_METHOD(
    Pod, "pod: as the manifest has it, it delivers, takes a changed Secret and goes on after a restart") {
  if (!possible()) return;
  secret.publish();
  starts();
  REQUIRE(all_arrive());
  const std::string status = read_whole("/proc/" + std::to_string(daemon().pid()) + "/status");
  CHECK_THAT(status, Contains("Uid:\t1000\t1000\t1000\t1000\n"));
  CHECK_THAT(status, Contains("CapBnd:\t0000000000000000\n") && Contains("NoNewPrivs:\t1\n"));
  CHECK(probe("startupProbe") == 0);
  CHECK(probe("livenessProbe") == 0);

  const std::size_t second = add_org();
  world.issue_past(second, 20, 24h);
  secret.write("tenants-credentials.yml", world.tenants_yaml());
  secret.publish();
  CHECK(says("reloaded "));
  REQUIRE(all_arrive());
  CHECK_FALSE(daemon().log().contains("ERROR"));
  CHECK_FALSE(daemon().log().contains("every user"));
  CHECK(stop() == 0);

  world.issue(org, 5);
  starts();
  REQUIRE(all_arrive());
  CHECK_FALSE(daemon().log().contains("no state found"));
  CHECK(stop() == 0);
  CHECK(proven_once());
}

TEST_CASE_METHOD(
    Pod, "pod: without the Secret's file, or with a disk that is not its own, it says what to change") {
  if (!possible()) return;
  SECTION("an empty Secret") {
    starts();
    CHECK(daemon().wait_exit(patience) == 78);
    CHECK(says(path("secret") + "/logzio-token cannot be read: No such file or directory"));
  }
  SECTION("a disk of another's") {
    secret.publish();
    REQUIRE(::chown(path("state").c_str(), 0, 0) == 0);
    fs::permissions(path("state"), fs::perms(0755));
    starts();
    CHECK(daemon().wait_exit(patience) == 74);
    CHECK(says(path("state")));
  }
}

TEST_CASE_METHOD(Bench, "examples: the provider's tenants file is one") {
  fs::copy_file(source_dir + "/etc/examples/provider-tenants.yml", tenants_file());
  fs::permissions(tenants_file(), fs::perms(0600));
  int number = 0;
  for (const char* const file : {"acme-okta-key", "globex-okta-key", "initech-okta-key", "initech-okta-key-2",
                                 "acme-logzio-token", "globex-logzio-token", "initech-logzio-token"}) {
    CAPTURE(file);
    REQUIRE(read_whole(tenants_file()).contains(std::string(file) + "\n"));
    const std::string content(32, static_cast<char>('a' + number++));
    add_secret(content);
    write_file(path(file), content + "\n");
  }
  for (const char* const tenant : {"acme.okta.com", "globex.okta.com", "initech.oktapreview.com"}) {
    CAPTURE(tenant);
    // It reads the whole file, and needs neither Okta nor Logz.io.
    start_process(
        {.args = {"cursor", "set", tenant, "24h", "--tenants", tenants_file(), "--state-dir", state_dir()},
         .env = sanitizer_variables()});
    CHECK(daemon().wait_exit(patience) == 0);
    CHECK(daemon().log().empty());
  }
}

}  // namespace
}  // namespace logzio_okta::e2e
