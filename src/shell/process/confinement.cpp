#include "shell/process/confinement.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shell/os/descriptor.hpp"
#include "shell/process/sanitized.hpp"

namespace logzio_okta {
namespace {

std::string why(const char* what, int error) {
  return std::string(what) + ": " + std::generic_category().message(error);
}

// Landlock, which has no wrappers in glibc.

constexpr std::uint64_t truncate_right = 1ULL << 14U;  // Newer than Debian 12's headers.
constexpr std::uint64_t making = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t handled = making | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                  LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE;
constexpr std::uint64_t of_files =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;

/// What a kernel of this version of Landlock knows.
std::uint64_t known(std::uint64_t rights, long version) {
  if (version >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rights |= truncate_right;
  return rights;
}

std::string restrict_files(const std::vector<WritableDir>& writable_dirs) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return why("Landlock", errno);
  const landlock_ruleset_attr attributes{.handled_access_fs = known(handled, version)};
  const Descriptor rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules) return why("landlock_create_ruleset", errno);
  for (const auto& [dir, makes_directories] : writable_dirs) {
    const Descriptor opened(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = of_files | (version >= 3 ? truncate_right : 0);
    if (makes_directories) beneath.allowed_access |= LANDLOCK_ACCESS_FS_MAKE_DIR;
    beneath.parent_fd = opened.get();
    if (!opened ||
        ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
      return why(dir.c_str(), errno);
  }
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return why("landlock_restrict_self", errno);
  return {};
}

// seccomp: a program for the kernel that judges each system call

#if defined(__x86_64__)
constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t machine = 0;  // Not one we know the calls of.
#endif

constexpr std::array forbidden = {
    SYS_execve,
    SYS_execveat,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    SYS_mount,
    SYS_umount2,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    SYS_syslog,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_personality,
    SYS_open_by_handle_at,
    SYS_memfd_create,
    SYS_shmget,
    SYS_shmat,
    SYS_mknodat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_pidfd_send_signal,
#if defined(__x86_64__)
    SYS_fork,
    SYS_vfork,
    SYS_mknod,
    SYS_link,
    SYS_symlink,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_uselib,
#endif
};

constexpr std::array families = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};

/// Written from top to bottom; each piece either ends with a verdict or leaves the call's number loaded for
/// the next.
class Filter {
 public:
  Filter() {
    load(offsetof(seccomp_data, arch));
    unless_equal(machine, 1);
    skip(1);
    refuse(EPERM);
    load_number();
#if defined(__x86_64__)
    constexpr std::uint32_t x32 = 0x40000000;  // Other numbers for the same calls.
    add(BPF_JMP | BPF_JGE | BPF_K, x32, 0, 1);
    refuse(EPERM);
#endif
  }

  void forbid(long call, int error = EPERM) {
    unless_equal(static_cast<std::uint32_t>(call), 1);
    refuse(error);
  }

  /// The call is refused if its argument has all of these bits.
  void forbid_bits(long call, std::size_t argument, std::uint32_t bits) {
    unless_equal(static_cast<std::uint32_t>(call), 5);
    load_argument(argument);
    add(BPF_ALU | BPF_AND | BPF_K, bits);
    unless_equal(bits, 1);
    refuse(EPERM);
    allow();
  }

  /// ... if it has none of them.
  void demand_bits(long call, std::size_t argument, std::uint32_t bits) {
    unless_equal(static_cast<std::uint32_t>(call), 4);
    load_argument(argument);
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
    refuse(EPERM);
    allow();
  }

  /// ... if it is this one.
  void forbid_value(long call, std::size_t argument, std::uint32_t value) {
    unless_equal(static_cast<std::uint32_t>(call), 4);
    load_argument(argument);
    unless_equal(value, 1);
    refuse(EPERM);
    load_number();
  }

  /// ... if it is another.
  void demand_value(long call, std::size_t argument, std::uint32_t value) {
    unless_equal(static_cast<std::uint32_t>(call), 4);
    load_argument(argument);
    unless_equal(value, 1);
    allow();
    refuse(EPERM);
  }

  void demand_family() {
    const auto count = static_cast<std::uint8_t>(families.size());
    unless_equal(SYS_socket, static_cast<std::uint8_t>(2 * count + 2));
    load_argument(0);
    for (const int family : families) {
      unless_equal(static_cast<std::uint32_t>(family), 1);
      allow();
    }
    refuse(EAFNOSUPPORT);
  }

  [[nodiscard]] std::string install() {
    allow();
    const sock_fprog program{.len = static_cast<unsigned short>(code_.size()), .filter = code_.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return why("seccomp", errno);
    return {};
  }

 private:
  void add(std::uint16_t code, std::uint32_t value, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
    code_.push_back({.code = code, .jt = if_true, .jf = if_false, .k = value});
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void load_number() { load(offsetof(seccomp_data, nr)); }
  /// Its lower half, which has all that the kernel looks at of an int; both machines are little endian.
  void load_argument(std::size_t argument) {
    load(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
  }
  /// Skips this many instructions unless the loaded value is equal.
  void unless_equal(std::uint32_t value, std::uint8_t over) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, over);
  }
  void skip(std::uint32_t instructions) { add(BPF_JMP | BPF_JA, instructions); }
  void refuse(int error) {
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA));
  }
  void allow() { add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW); }

  std::vector<sock_filter> code_;
};

std::string restrict_calls() {
  if (machine == 0) return "seccomp: the system calls of this machine are not known";
  Filter filter;
  for (const long call : forbidden) filter.forbid(call);
  if (!sanitized) {
    filter.forbid(SYS_ptrace);
    filter.demand_bits(SYS_clone, 0, CLONE_THREAD);
    filter.forbid(SYS_clone3, ENOSYS);  // Its flags cannot be seen; glibc then takes clone.
  }
  const auto self = static_cast<std::uint32_t>(::getpid());
  filter.demand_value(SYS_kill, 0, self);
  filter.demand_value(SYS_tgkill, 0, self);
  filter.demand_family();
  filter.forbid_bits(SYS_mmap, 2, PROT_WRITE | PROT_EXEC);
  filter.forbid_bits(SYS_mprotect, 2, PROT_EXEC);
  filter.forbid_bits(SYS_pkey_mprotect, 2, PROT_EXEC);
  filter.forbid_value(SYS_ioctl, 1, TIOCSTI);
  return filter.install();
}

}  // namespace

Confinement confine(const std::vector<WritableDir>& writable_dirs) {
  // Both require this of a process without the capability.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    const std::string refused = why("no_new_privs", errno);
    return {.files_open = refused, .calls_open = refused};
  }
  Confinement confinement;
  confinement.files_open = restrict_files(writable_dirs);
  confinement.calls_open = restrict_calls();
  return confinement;
}

}  // namespace logzio_okta
