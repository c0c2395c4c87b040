#include "base/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

namespace ferry {

namespace {

// Newer kernels' rights, which Debian 12's headers do not name: <linux/landlock.h> of Linux 6.2 and 6.7.
constexpr std::uint64_t right_refer = 1ULL << 13, right_truncate = 1ULL << 14;
constexpr std::uint64_t net_bind = 1ULL << 0, net_connect = 1ULL << 1;

constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t running = reading | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t making = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_FIFO;
constexpr std::uint64_t devices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
// What may be said of a file that is no directory.
constexpr std::uint64_t of_files =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | right_truncate;

// As Linux 6.7 has it; an older kernel takes the beginning of it.
struct RulesetAttributes {
  std::uint64_t file_rights;
  std::uint64_t net_rights;
};

int version() {
  return static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

std::uint64_t file_rights(int version) {
  std::uint64_t rights = running | LANDLOCK_ACCESS_FS_WRITE_FILE | making | devices;
  if (version >= 2) rights |= right_refer;
  if (version >= 3) rights |= right_truncate;
  return rights;
}

Result<void> allow(int ruleset, int descriptor, std::uint64_t rights) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) return fail_errno(errno, "sandbox: fstat");
  if (!S_ISDIR(facts.st_mode)) rights &= of_files;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = descriptor;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return fail_errno(errno, "sandbox: landlock_add_rule");
  }
  return {};
}

Result<void> allow_all(int ruleset, const std::vector<std::string>& paths, std::uint64_t rights) {
  for (const std::string& path : paths) {
    const Descriptor there(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!there) continue;
    const Result<void> allowed = allow(ruleset, there.get(), rights);
    if (!allowed) return allowed;
  }
  return {};
}

}  // namespace

bool Sandbox::supported() {
  static const bool has = version() >= 1;
  return has;
}

Result<Sandbox> Sandbox::make(const SandboxRules& rules) {
  const int kernel = version();
  if (kernel < 1) return fail(ErrorCode::unsupported, "this kernel cannot confine programs (Landlock)");
  const std::uint64_t all = file_rights(kernel);
  const RulesetAttributes attributes{all, kernel >= 4 ? net_bind | net_connect : 0};
  const std::size_t size = kernel >= 4 ? sizeof attributes : sizeof attributes.file_rights;
  Descriptor ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return fail_errno(errno, "sandbox: landlock_create_ruleset");
  Result<void> allowed = allow_all(ruleset.get(), rules.programs, running & all);
  if (allowed) allowed = allow_all(ruleset.get(), rules.readable, reading & all);
  if (allowed) allowed = allow_all(ruleset.get(), {"/dev/null"}, (reading | LANDLOCK_ACCESS_FS_WRITE_FILE) & all);
  const std::uint64_t changing = (all & ~(devices | LANDLOCK_ACCESS_FS_EXECUTE));
  for (const int descriptor : rules.writable) {
    if (allowed) allowed = allow(ruleset.get(), descriptor, changing);
  }
  if (!allowed) return fail(allowed.error());
  return Sandbox(std::move(ruleset));
}

bool Sandbox::enter() const {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::syscall(SYS_landlock_restrict_self, rules_.get(), 0) == 0;
}

}  // namespace ferry
