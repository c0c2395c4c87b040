#include "base/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/program_file.h"

namespace ferry {

namespace {

// Newer kernels' rights, which Debian 12's headers do not name: <linux/landlock.h> of Linux 6.2, 6.7 and 6.12.
constexpr std::uint64_t right_refer = 1ULL << 13, right_truncate = 1ULL << 14;
constexpr std::uint64_t net_bind = 1ULL << 0, net_connect = 1ULL << 1;
constexpr std::uint64_t scope_abstract_sockets = 1ULL << 0, scope_signals = 1ULL << 1;
constexpr int first_with_network = 4, first_with_scopes = 6;

constexpr std::uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t running = read_rights | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t making = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_FIFO;
constexpr std::uint64_t devices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
// What may be said of a file that is no directory.
constexpr std::uint64_t of_files =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | right_truncate;

// As Linux 6.12 has it; an older kernel takes the beginning of it.
struct RulesetAttributes {
  std::uint64_t file_rights;
  std::uint64_t net_rights;
  std::uint64_t scopes;
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

// Each of them and its loader.
Result<void> allow_programs(int ruleset, const std::vector<std::string>& programs, std::uint64_t rights) {
  for (const std::string& path : programs) {
    const Descriptor there(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!there) return fail_errno(errno, path);
    Result<void> allowed = allow(ruleset, there.get(), rights);
    if (!allowed) return allowed;
    struct stat facts {};
    if (::fstat(there.get(), &facts) == 0 && S_ISDIR(facts.st_mode)) continue;
    const Result<std::string> loader = interpreter_of(path);
    if (!loader) return fail(loader.error());
    if (!loader->empty()) allowed = allow_all(ruleset, {*loader}, rights);
    if (!allowed) return allowed;
  }
  return {};
}

Result<Descriptor> make_ruleset(int kernel, std::uint64_t files) {
  const RulesetAttributes attributes{files, kernel >= first_with_network ? net_bind | net_connect : 0,
                                     kernel >= first_with_scopes ? scope_abstract_sockets | scope_signals : 0};
  std::size_t size = sizeof attributes;
  if (kernel < first_with_scopes) size -= sizeof attributes.scopes;
  if (kernel < first_with_network) size -= sizeof attributes.net_rights;
  Descriptor ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return fail_errno(errno, "sandbox: landlock_create_ruleset");
  return ruleset;
}

SyscallFilter calls_for(const SandboxRules& rules, int kernel) {
  using Signals = SyscallRules::Signals;
  SyscallRules calls{.signals = rules.signals ? Signals::some : Signals::none, .guarded = ::getpid()};
  if (kernel >= first_with_scopes) calls.signals = Signals::scoped;
  return make_syscall_filter(calls);
}

}  // namespace

bool Sandbox::supported() {
  static const bool has = version() >= 1;
  return has;
}

Result<Sandbox> Sandbox::make(const SandboxRules& rules) {
  const int kernel = std::min(version(), rules.landlock_at_most);
  if (kernel < 1) return fail(ErrorCode::unsupported, "this kernel cannot confine programs (Landlock)");
  const std::uint64_t all = file_rights(kernel);
  Result<Descriptor> ruleset = make_ruleset(kernel, all);
  if (!ruleset) return fail(ruleset.error());
  const int number = ruleset->get();
  Result<void> allowed = allow_programs(number, rules.programs, running & all);
  if (allowed) allowed = allow_all(number, rules.readable, read_rights & all);
  if (allowed) allowed = allow_all(number, {"/dev/null"}, (read_rights | LANDLOCK_ACCESS_FS_WRITE_FILE) & all);
  const std::uint64_t changing = (all & ~(devices | LANDLOCK_ACCESS_FS_EXECUTE));
  for (const int descriptor : rules.writable) {
    if (allowed) allowed = allow(number, descriptor, changing);
  }
  if (!allowed) return fail(allowed.error());
  return Sandbox(std::move(*ruleset), calls_for(rules, kernel));
}

bool Sandbox::enter() const {
  return drop_capabilities() && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_landlock_restrict_self, rules_.get(), 0) == 0 && enter_syscall_filter(calls_);
}

}  // namespace ferry
