#include "daemon/worker/confinement/confine.h"

#include "daemon/worker/confinement/landlock.h"
#include "daemon/worker/confinement/seccomp.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <iostream>
#include <linux/capability.h>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tuned {

namespace {

/// Who a worker of root's daemon becomes: the user and group "nobody" of every Linux.
constexpr uid_t nobody = 65534;
/// Temporary files of one worker at most.
constexpr const char* folderOptions = "size=1g,mode=0700";
constexpr rlim_t mostDescriptors = 1024;

bool writeFile(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
}

/// A user namespace in which this process stays who it is and may set up the others.
bool enterUserNamespace() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) return false;
  return writeFile("/proc/self/setgroups", "deny") &&
         writeFile("/proc/self/uid_map", std::to_string(user) + " " + std::to_string(user) + " 1") &&
         writeFile("/proc/self/gid_map", std::to_string(group) + " " + std::to_string(group) + " 1");
}

/// No network, no System V memory of others, and a file system in memory over the worker's own folder, which
/// goes when the worker does.
bool enterNamespaces(const std::string& folder) {
  const bool root = ::geteuid() == 0;
  if (!root && !enterUserNamespace()) return false;
  if (::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS) != 0) return false;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (folder.empty()) return true;
  return ::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, folderOptions) == 0;
}

std::unexpected<Error> denied(const char* doing) {
  return fail(ErrorKind::Denied,
              std::string("a worker cannot give up its privileges: ") + doing + ": " + std::strerror(errno));
}

/// Whether others than root may run this program and reach the folders that it is to read. Those that root
/// does not find either do not count.
bool programIsPublic(std::vector<std::string> paths) {
  std::error_code error;
  std::erase_if(paths, [&](const std::string& path) { return !std::filesystem::exists(path, error); });
  paths.push_back(std::filesystem::read_symlink("/proc/self/exe", error).string());
  if (error || ::setresuid(static_cast<uid_t>(-1), nobody, 0) != 0) return false;
  const bool reached = std::ranges::all_of(paths, [](const std::string& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
  });
  return ::setresuid(static_cast<uid_t>(-1), 0, 0) == 0 && reached;
}

/// Root's worker becomes nobody; where the program or a toolchain lies in a folder of root's alone it stays
/// root's in name, so that it finds them, but has no more rights than any user.
Result<void> dropPrivileges(const std::string& folder, const std::vector<std::string>& readable) {
  if (::geteuid() == 0) {
    const bool change = programIsPublic(readable);
    if (::setgroups(0, nullptr) != 0 && change) return denied("setgroups"); // some containers do not let
    if (change && !folder.empty()) (void)!::chown(folder.c_str(), nobody, nobody);
    if (change && ::setresgid(nobody, nobody, nobody) != 0) return denied("setresgid");
    // The bounding set goes while there still is the capability to empty it.
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
      (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (change && ::setresuid(nobody, nobody, nobody) != 0) return denied("setresuid");
  }
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{}, left[2]{};
  // A service's own filter may forbid the call where there is nothing to give up.
  if (::syscall(SYS_capset, &header, none) != 0) {
    const int error = errno;
    const bool known = ::syscall(SYS_capget, &header, left) == 0;
    errno = error;
    if (!known || left[0].permitted || left[1].permitted) return denied("capset");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return denied("no_new_privs");
  return {};
}

void limitProcess() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max = std::min(files.rlim_max, mostDescriptors);
  ::setrlimit(RLIMIT_NOFILE, &files);
}

/// The folders of the toolchain variables and of the loader's path that the daemon handed on.
std::vector<std::string> foldersOfEnvironment() {
  std::vector<std::string> out;
  for (const char* name :
       {"GPU_TUNED_TOOLCHAIN", "CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "PATH"}) {
    const char* value = std::getenv(name);
    std::istringstream list(value ? value : "");
    for (std::string folder; std::getline(list, folder, ':');)
      if (folder.starts_with('/') && folder != "/") out.push_back(folder);
  }
  return out;
}

ReachableFiles reachableFor(const ConfineRequest& request) {
  ReachableFiles out;
  out.readable = {"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives",
                  "/etc/localtime",   "/proc",           "/sys/devices",      "/sys/fs/cgroup",
                  "/dev/urandom",     "/dev/zero"};
  std::vector<std::string> programs = {"/usr", "/lib", "/lib64", "/bin", "/opt"};
  std::error_code error;
  // build/bin of a checkout or bin of an installation, whose toolchain lies up to two folders above.
  auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (own.has_relative_path()) programs.push_back(own.string());
  for (int level = 0; level < 3 && own.has_relative_path(); ++level, own = own.parent_path())
    for (const char* toolchain : {".toolchain", "toolchain"})
      programs.push_back((own / toolchain).string());
  for (std::string& folder : foldersOfEnvironment())
    programs.push_back(std::move(folder));
  programs.insert(programs.end(), request.readable.begin(), request.readable.end());
  // Only assemblers are executed; a library is mapped, which takes no right to execute.
  const bool executes = request.duty == Duty::Compile || request.duty == Duty::Discover;
  auto& list = executes ? out.executable : out.readable;
  list.insert(list.end(), programs.begin(), programs.end());
  if (!request.folder.empty()) out.writable.push_back(request.folder);
  out.devices.push_back("/dev/null");
  if (request.duty == Duty::MeasureGpu || request.duty == Duty::Discover) {
    for (const auto& entry : std::filesystem::directory_iterator("/dev", error))
      if (entry.path().filename().string().starts_with("nvidia"))
        out.devices.push_back(entry.path().string());
    out.readable.insert(out.readable.end(), {"/sys", "/run/nvidia", "/dev/nvidia-caps"});
    out.writable.emplace_back("/proc/self/task"); // the driver names its threads there, or does not start
    if (const char* pipes = std::getenv("CUDA_MPS_PIPE_DIRECTORY")) out.writable.emplace_back(pipes);
  }
  return out;
}

} // namespace

std::string Confinement::missing() const {
  std::string out;
  for (auto [there, name] : {std::pair{namespaces, "namespaces"}, {files, "Landlock"}, {calls, "seccomp"}})
    if (!there) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

Result<Confinement> confine(const ConfineRequest& request) {
  Confinement out;
  const ReachableFiles reachable = reachableFor(request);
  out.namespaces = enterNamespaces(request.folder);
  if (auto dropped = dropPrivileges(request.folder, request.readable); !dropped) return fail(dropped.error());
  limitProcess();
  if (!request.folder.empty()) (void)!::chdir(request.folder.c_str());
  out.files = restrictFiles(reachable);
#ifndef TUNED_SANITIZED // a sanitizer makes calls of its own
  out.calls = restrictCalls(request.duty, true).has_value();
#endif
  return out;
}

bool enterConfinement(Duty duty, const std::vector<std::string>& readable) {
  const char *folder = std::getenv("TMPDIR"), *isolation = std::getenv("GPU_TUNED_ISOLATION");
  if (isolation && std::string(isolation) == "off") {
    std::cerr << "tuned-worker: not confined, as GPU_TUNED_ISOLATION=off asks for\n";
    return true;
  }
  auto confined = confine({duty, folder ? folder : "", readable});
  if (!confined) {
    std::cerr << "tuned-worker: " << confined.error().text() << "\n";
    return false;
  }
  if (const std::string missing = confined->missing(); !missing.empty())
    std::cerr << "tuned-worker: confined without " << missing << ", which this machine does not offer\n";
  return true;
}

Result<void> closeFiles() {
#ifndef TUNED_SANITIZED
  return restrictCalls(Duty::MeasureCpu, false);
#else
  return {};
#endif
}

} // namespace tuned
