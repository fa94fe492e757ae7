#include "daemon/worker/confinement/seccomp.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sched.h>
#include <seccomp.h>
#include <span>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tuned {

namespace {

/// Memory, time, threads, signals to itself, and traffic on descriptors that are open already.
constexpr const char* always[] = {"read",
                                  "write",
                                  "readv",
                                  "writev",
                                  "pread64",
                                  "pwrite64",
                                  "close",
                                  "fstat",
                                  "lseek",
                                  "mmap",
                                  "munmap",
                                  "mprotect",
                                  "mremap",
                                  "madvise",
                                  "mlock",
                                  "munlock",
                                  "brk",
                                  "membarrier",
                                  "futex",
                                  "futex_waitv",
                                  "set_robust_list",
                                  "get_robust_list",
                                  "rseq",
                                  "set_tid_address",
                                  "arch_prctl",
                                  "gettid",
                                  "getpid",
                                  "getppid",
                                  "getuid",
                                  "geteuid",
                                  "getgid",
                                  "getegid",
                                  "rt_sigaction",
                                  "rt_sigprocmask",
                                  "rt_sigreturn",
                                  "rt_sigtimedwait",
                                  "sigaltstack",
                                  "restart_syscall",
                                  "exit",
                                  "exit_group",
                                  "sched_yield",
                                  "sched_getaffinity",
                                  "sched_setaffinity",
                                  "sched_getparam",
                                  "sched_getscheduler",
                                  "getcpu",
                                  "nanosleep",
                                  "clock_nanosleep",
                                  "clock_gettime",
                                  "clock_getres",
                                  "gettimeofday",
                                  "time",
                                  "times",
                                  "getrusage",
                                  "getrandom",
                                  "sysinfo",
                                  "uname",
                                  "poll",
                                  "ppoll",
                                  "select",
                                  "pselect6",
                                  "recvfrom",
                                  "recvmsg",
                                  "sendto",
                                  "sendmsg",
                                  "fcntl",
                                  "getpriority",
                                  "setrlimit",
                                  "getrlimit"};

/// Looking at files and reading them; Landlock says which.
constexpr const char* reading[] = {
    "open",      "openat",     "stat",     "lstat",      "newfstatat", "statx",  "access",
    "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "statfs",
    "fstatfs",   "fadvise64",  "dup",      "dup2",       "dup3",       "flock",  "mincore"};

/// Assemblers as child processes, and the files that pass between them. An assembler gets a process group, so
/// that it is ended with all it started; what makes one of its own ends with the worker (worker_pool/strays).
constexpr const char* compiling[] = {"execve",        "pidfd_open",      "pidfd_send_signal",
                                     "truncate",      "linkat",          "symlinkat",
                                     "vfork",         "wait4",           "waitid",
                                     "kill",          "setpgid",         "getpgid",
                                     "pipe",          "pipe2",           "umask",
                                     "chdir",         "unlink",          "unlinkat",
                                     "mkdir",         "mkdirat",         "rmdir",
                                     "rename",        "renameat",        "renameat2",
                                     "ftruncate",     "fallocate",       "fsync",
                                     "fchmod",        "chmod",           "fchmodat",
                                     "utimensat",     "copy_file_range", "sendfile",
                                     "eventfd2",      "epoll_create1",   "epoll_ctl",
                                     "epoll_wait",    "epoll_pwait",     "capget",
                                     "getpgrp",       "getsid",          "getresuid",
                                     "getresgid",     "getgroups",       "close_range",
                                     "alarm",         "setitimer",       "timer_create",
                                     "timer_settime", "timer_delete"};

/// What NVIDIA's driver does in its process.
constexpr const char* driving[] = {"ioctl",
                                   "eventfd2",
                                   "epoll_create1",
                                   "epoll_ctl",
                                   "epoll_wait",
                                   "epoll_pwait",
                                   "pipe",
                                   "pipe2",
                                   "memfd_create",
                                   "ftruncate",
                                   "mlock2",
                                   "mlockall",
                                   "munlockall",
                                   "get_mempolicy",
                                   "set_mempolicy",
                                   "mbind",
                                   "sched_get_priority_max",
                                   "sched_get_priority_min",
                                   "capget",
                                   "getresuid",
                                   "getresgid",
                                   "getgroups",
                                   "umask",
                                   "timerfd_create",
                                   "unlink",
                                   "setsockopt",
                                   "bind",
                                   "listen",
                                   "timerfd_settime"};

class Filter {
public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  ~Filter() {
    if (context_) ::seccomp_release(context_);
  }
  Filter(const Filter&) = delete;

  /// A name that this libseccomp does not know is passed over: the call stays forbidden.
  void allow(std::span<const char* const> names) const {
    for (const char* name : names)
      if (const int number = ::seccomp_syscall_resolve_name(name); number != __NR_SCMP_ERROR)
        (void)::seccomp_rule_add(context_, SCMP_ACT_ALLOW, number, 0);
  }
  template <typename... Arguments> void allowWhen(const char* name, const Arguments&... arguments) const {
    (void)::seccomp_rule_add(context_, SCMP_ACT_ALLOW, ::seccomp_syscall_resolve_name(name),
                             sizeof...(arguments), arguments...);
  }
  void absent(const char* name) const {
    (void)::seccomp_rule_add(context_, SCMP_ACT_ERRNO(ENOSYS), ::seccomp_syscall_resolve_name(name), 0);
  }
  int load() const {
    (void)::seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1);
    return ::seccomp_load(context_);
  }

private:
  scmp_filter_ctx context_;
};

constexpr scmp_datum_t newNamespaces =
    CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;

} // namespace

Result<void> restrictCalls(Duty duty, bool files) {
  const Filter filter;
  filter.allow(always);
  if (files) filter.allow(reading);
  if (duty == Duty::Compile || duty == Duty::Discover) {
    filter.allow(compiling);
    filter.allowWhen("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, newNamespaces, 0));
  } else {
    filter.allowWhen("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  }
  if (duty == Duty::MeasureGpu || duty == Duty::Discover) {
    filter.allow(driving);
    // The driver makes one when it starts and listens under an abstract name. Connect stays forbidden, and so
    // do datagrams, which need none.
    constexpr scmp_datum_t kind = 0xf; // the rest of the type are flags
    for (const scmp_datum_t type : {SOCK_STREAM, SOCK_SEQPACKET})
      filter.allowWhen("socket", SCMP_A0(SCMP_CMP_EQ, AF_UNIX), SCMP_A1(SCMP_CMP_MASKED_EQ, kind, type));
  }
  // Its flags lie in memory, where a filter cannot look: glibc then takes clone.
  filter.absent("clone3");
  // Limits and signals of its own process only; abort() is a signal to itself.
  filter.allowWhen("prlimit64", SCMP_A0(SCMP_CMP_EQ, 0));
  filter.allowWhen("setpriority", SCMP_A1(SCMP_CMP_EQ, 0));
  filter.allowWhen("tgkill", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
  filter.allowWhen("prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
  // Assemblers end with the worker that started them.
  if (duty == Duty::Compile) filter.allowWhen("prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG));
  // What closeFiles() needs; it leaves neither.
  if (files && duty == Duty::MeasureCpu) filter.allow(std::array{"seccomp", "prctl"});
  if (const int error = filter.load(); error != 0)
    return fail(ErrorKind::Unavailable, std::string("seccomp: ") + std::strerror(-error));
  return {};
}

} // namespace tuned
