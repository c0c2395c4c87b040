#include "base/syscall_filter.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <initializer_list>

namespace ferry {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#else
#error "name this processor's AUDIT_ARCH_*"
#endif
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arguments are read by their lower half");

constexpr std::uint32_t x32_calls = 0x40000000;  // the third ABI of x86-64: its calls have numbers of their own

// Newer calls have the same number on all machines; older headers do not name them.
constexpr std::uint32_t call_clone3 = 435, call_pidfd_getfd = 438, call_process_madvise = 440, call_mount_setattr = 442,
                        call_quotactl_fd = 443, call_memfd_secret = 447, call_process_mrelease = 448;

constexpr std::uint32_t denied[] = {
    // The network, and servers of this machine that listen at a path.
    SYS_socket,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    // Leaving the process group, and namespaces.
    SYS_setsid,
    SYS_setpgid,
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    call_mount_setattr,
    // Other processes.
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    call_pidfd_getfd,
    call_process_madvise,
    call_process_mrelease,
    SYS_move_pages,
    SYS_migrate_pages,
    SYS_setpriority,
    SYS_ioprio_set,
    SYS_sched_setaffinity,
    SYS_sched_setscheduler,
    SYS_sched_setparam,
    SYS_sched_setattr,
    // What stays behind when all processes are gone, and files that can be run though no rule of Landlock names them.
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_mq_open,
    SYS_memfd_create,
    call_memfd_secret,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    // Large and seldom used parts of the kernel.
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_fanotify_init,
    SYS_open_by_handle_at,
    // The machine.
    SYS_reboot,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    call_quotactl_fd,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_syslog,
    SYS_vhangup,
#if defined(__x86_64__)
    SYS_iopl,
    SYS_ioperm,
#endif
};

constexpr std::uint32_t signalling[] = {
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal};

constexpr std::uint32_t new_namespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr std::uint32_t answer(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

class Writer {
 public:
  explicit Writer(SyscallFilter& out) : out_(out) {}
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  // The lower half of an argument: all of an int.
  void load_argument(std::size_t index) { load(offsetof(seccomp_data, args) + index * 8); }
  void load_number() { load(offsetof(seccomp_data, nr)); }
  void keep_bits(std::uint32_t mask) { add(BPF_ALU | BPF_AND | BPF_K, mask); }
  void end(std::uint32_t action) { add(BPF_RET | BPF_K, action); }
  // Ends with `action` if what was loaded ...
  void end_if_equal(std::uint32_t value, std::uint32_t action) { end_if(BPF_JEQ, value, action, true); }
  void end_unless_equal(std::uint32_t value, std::uint32_t action) { end_if(BPF_JEQ, value, action, false); }
  void end_if_at_least(std::uint32_t value, std::uint32_t action) { end_if(BPF_JGE, value, action, true); }
  void end_if_any_bit(std::uint32_t bits, std::uint32_t action) { end_if(BPF_JSET, bits, action, true); }
  // What follows until end_call() is only for the system call `number`, which is loaded before and after.
  void begin_call(std::uint32_t number) {
    add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0);
    begun_ = out_.size();
  }
  void end_call() {
    end(SECCOMP_RET_ALLOW);
    out_[begun_ - 1].jf = static_cast<std::uint8_t>(out_.size() - begun_);
  }

 private:
  void add(unsigned code, std::uint32_t value, std::uint8_t yes = 0, std::uint8_t no = 0) {
    out_.push_back({static_cast<std::uint16_t>(code), yes, no, value});
  }
  void end_if(unsigned comparison, std::uint32_t value, std::uint32_t action, bool wanted) {
    add(BPF_JMP | comparison | BPF_K, value, wanted ? 0 : 1, wanted ? 1 : 0);
    end(action);
  }

  SyscallFilter& out_;
  std::size_t begun_ = 0;
};

void limit_signals(Writer& write, const SyscallRules& rules) {
  if (rules.signals == SyscallRules::Signals::scoped) return;
  if (rules.signals == SyscallRules::Signals::none) {
    for (const std::uint32_t call : signalling) write.end_if_equal(call, answer(EPERM));
    return;
  }
  for (const std::uint32_t call : {SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal}) {
    write.end_if_equal(static_cast<std::uint32_t>(call), answer(EPERM));
  }
  for (const std::uint32_t call : {SYS_kill, SYS_tgkill}) {
    write.begin_call(call);
    write.load_argument(0);
    write.end_if_equal(static_cast<std::uint32_t>(rules.guarded), answer(EPERM));
    write.end_if_at_least(0x80000000U, answer(EPERM));  // a group, or all
    write.end_call();
  }
}

}  // namespace

SyscallFilter make_syscall_filter(const SyscallRules& rules) {
  SyscallFilter filter;
  Writer write(filter);
  write.load(offsetof(seccomp_data, arch));
  write.end_unless_equal(machine, SECCOMP_RET_KILL_PROCESS);
  write.load_number();
#if defined(__x86_64__)
  write.end_if_at_least(x32_calls, SECCOMP_RET_KILL_PROCESS);
#endif
  for (const std::uint32_t call : denied) write.end_if_equal(call, answer(EPERM));
  // Its flags lie in memory, where no filter can look; libraries take clone() instead.
  write.end_if_equal(call_clone3, answer(ENOSYS));
  for (const std::uint32_t call : {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register}) {
    write.end_if_equal(call, answer(ENOSYS));  // makes sockets too
  }
  limit_signals(write, rules);
  write.begin_call(SYS_clone);
  write.load_argument(0);
  write.end_if_any_bit(new_namespaces, answer(EPERM));
  write.end_call();
  // A pair of datagram sockets could be connected to a path afterwards.
  write.begin_call(SYS_socketpair);
  write.load_argument(1);
  write.keep_bits(0xF);
  write.end_unless_equal(SOCK_STREAM, answer(EPERM));
  write.end_call();
  write.begin_call(SYS_prlimit64);  // of itself only
  write.load_argument(0);
  write.end_unless_equal(0, answer(EPERM));
  write.end_call();
  write.end(SECCOMP_RET_ALLOW);
  return filter;
}

bool enter_syscall_filter(const SyscallFilter& filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool drop_capabilities() {
  constexpr std::uint32_t kept =
      1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER | 1U << CAP_FSETID;
  for (int one = 0; one < 64; ++one) {
    const bool keep = one < 32 && (kept >> one & 1U) != 0;
    if (!keep) ::prctl(PR_CAPBSET_DROP, one, 0, 0, 0);  // fails for others than root, who have none
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  sets[0] = {sets[0].effective & kept, sets[0].permitted & kept, 0};
  sets[1] = {0, 0, 0};
  return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

}  // namespace ferry
