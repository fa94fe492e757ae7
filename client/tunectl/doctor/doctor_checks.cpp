#include "client/tunectl/doctor/doctor_checks.h"

#include "client/endpoint.h"
#include "client/tunectl/output.h"
#include "client/tunectl/process.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/statfs.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace tuned::tunectl {

namespace {
std::string firstLine(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// The nearest folder on the way to `path` that exists.
fs::path existing(fs::path path) {
  std::error_code ignored;
  while (!path.empty() && path != path.root_path() && !fs::exists(path, ignored))
    path = path.parent_path();
  return path.empty() ? "." : path;
}

/// Tries names in order; the first that the loader finds.
std::string loadable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    void* library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (!library) continue;
    // Left open: unloading some of these libraries is not safe, and this program ends soon.
    return name;
  }
  return {};
}
} // namespace

Findings checkPrograms() {
  Findings out;
  for (const char* name : {"tuned", "tuned-worker"}) {
    const std::string path = client::programFolder() + "/" + name;
    if (access(path.c_str(), X_OK) == 0) {
      out.push_back({name, "ok", path, {}});
    } else {
      out.push_back({name, "error", path + ": " + std::strerror(errno),
                     "install or build it beside tunectl (scripts/build " + std::string(name) + ")"});
    }
  }
  const auto folders = client::kernelFolders();
  out.push_back({"kernel library", folders.empty() ? "warning" : "ok",
                 folders.empty() ? "not found" : folders[0],
                 folders.empty() ? "set GPU_TUNED_KERNELS to the folder of kernel documents" : ""});
  return out;
}

Findings checkGpu() {
  const std::string driver = firstLine("/proc/driver/nvidia/version");
  std::string devices;
  std::vector<std::string> closed;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/dev", ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("nvidia") || entry.is_directory(ignored)) continue;
    devices += (devices.empty() ? "" : " ") + entry.path().string();
    if (access(entry.path().c_str(), R_OK | W_OK) != 0) closed.push_back(entry.path());
  }
  if (driver.empty() && devices.empty())
    return {
        {"GPU", "warning", "none: no /dev/nvidia* and no NVIDIA driver loaded",
         "on a machine with an NVIDIA GPU install its driver; without one kernels are tuned for the CPU, and "
         "`tunectl compile` still makes cubins"}};
  if (driver.empty())
    return {{"GPU", "error", devices + ", but no driver is loaded",
             "load the nvidia kernel module (modprobe nvidia)"}};
  if (devices.empty())
    return {{"GPU", "error", driver + ", but no /dev/nvidia*",
             "run nvidia-modprobe, or give the container the GPU (--gpus all)"}};
  Findings out = {{"GPU", "ok", devices + "; " + driver, {}}};
  for (const std::string& path : closed)
    out.push_back({"GPU", "error", path + " may not be opened by this user",
                   "join the group that owns it (ls -l " + path + ")"});
  return out;
}

Findings checkLibraries() {
  const bool gpu = fs::exists("/proc/driver/nvidia/version");
  const std::string driver = loadable({"libcuda.so.1"});
  if (!driver.empty()) return {{"driver library", "ok", driver, {}}};
  return {{"driver library", gpu ? "error" : "warning", "not found by the loader",
           "comes with the NVIDIA driver; in a container pass the GPU through"}};
}

Findings checkTools() {
  constexpr double seconds = 60;
  const auto listed = runProgram({client::programFolder() + "/tuned-worker", "tools"}, seconds);
  if (!listed) return {{"NVIDIA's tools", "error", listed.error().message, listed.error().remedy}};
  const auto tools = nlohmann::json::parse(listed->output, nullptr, false);
  if (listed->exitCode != 0 || !tools.is_array())
    return {{"NVIDIA's tools", "error", "tuned-worker tools failed: " + listed->errors,
             "build tuned-worker of the same version beside tunectl"}};
  Findings out;
  for (const auto& tool : tools) {
    const auto text = [&tool](const char* key) { return tool.value(key, std::string()); };
    if (text("path").empty()) {
      out.push_back({text("name"), "warning", "not found; it " + text("purpose"), text("remedy")});
      continue;
    }
    const std::string version = text("version").empty() ? "" : text("version") + ", ";
    const std::string fault = text("fault").empty() ? "" : ": " + text("fault");
    out.push_back(
        {text("name"), fault.empty() ? "ok" : "warning", version + text("path") + fault, text("remedy")});
  }
  return out;
}

Findings checkSocket(const std::string& socket) {
  const fs::path folder = fs::path(socket).parent_path();
  std::error_code error;
  if (fs::exists(socket, error)) {
    if (access(socket.c_str(), W_OK) == 0) return {{"socket", "ok", socket + " may be opened", {}}};
    return {{"socket", "error", socket + ": " + std::strerror(errno),
             "join the group that owns it (ls -l " + socket + ")"}};
  }
  const fs::path nearest = existing(folder);
  if (access(nearest.c_str(), W_OK) == 0)
    return {{"socket", "ok", socket + " does not exist yet; its folder can be written", {}}};
  return {{"socket", "warning", socket + " does not exist, and " + nearest.string() + " may not be written",
           "start the system's service, or set GPU_TUNED_SOCKET to a path of your own for `tunectl serve`"}};
}

Findings checkDaemon(const Globals& globals, std::string& cache) {
  auto client = client::Client::connect({globals.socket, 5});
  if (!client) {
    const bool none = client.error().kind == ErrorKind::Unavailable;
    return {{"daemon", none ? "warning" : "error", client.error().message, client.error().remedy}};
  }
  const auto status = client->status();
  if (!status) return {{"daemon", "error", status.error().message, status.error().remedy}};
  cache = fs::path(status->cache).parent_path().string();
  Findings out = {{"daemon", status->ready ? "ok" : "error",
                   "tuned " + status->version + " answers, " + (status->ready ? "ready" : "not ready"),
                   status->ready ? "" : "see the problems below and the daemon's log"}};
  for (const std::string& problem : status->problems)
    out.push_back({"daemon", "warning", problem, "the daemon's log says more"});
  for (const auto& device : status->devices)
    out.push_back({"device " + device.id, device.available ? "ok" : "error", device.name, device.reason});
  return out;
}

Findings checkCache(const std::string& cache) {
  const fs::path folder = existing(cache);
  struct statfs info {};
  if (statfs(folder.c_str(), &info) != 0)
    return {{"cache", "error", folder.string() + ": " + std::strerror(errno),
             "name another folder with tuned --cache"}};
  Findings out;
  // Types of network file systems: NFS, SMB, CIFS, SMB2, 9P, CephFS, Lustre, FUSE.
  for (const int64_t remote :
       {0x6969L, 0x517bL, 0xff534d42L, 0xfe534d42L, 0x01021997L, 0x00c36400L, 0x0bd00bd0L, 0x65735546L})
    if (static_cast<int64_t>(info.f_type) == remote)
      out.push_back({"cache", "error", cache + " is on a network file system",
                     "name a local folder with tuned --cache"});
  const int64_t free = static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_bsize);
  const bool low = free < (int64_t{1} << 30);
  out.push_back({"cache", low ? "warning" : "ok", formatBytes(free) + " free for " + cache,
                 low ? "free some space: tuning keeps artefacts there" : ""});
  if (access(folder.c_str(), W_OK) != 0)
    out.push_back({"cache", "warning", folder.string() + " may not be written by this user",
                   "only the daemon has to; for one of your own name another folder with tuned --cache"});
  return out;
}

} // namespace tuned::tunectl
