#include "backend/toolchain/toolchain.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>
#include <unistd.h>

namespace fs = std::filesystem;

namespace tuned::toolchain {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The folder of the first program of that name in PATH, links followed or not; empty when there is none.
fs::path programFolder(const std::string& program, bool followLinks) {
  std::istringstream path(environment("PATH"));
  for (std::string entry; std::getline(path, entry, ':');) {
    std::error_code error;
    fs::path file = fs::path(entry) / program;
    if (!fs::exists(file, error)) continue;
    if (followLinks) file = fs::canonical(file, error);
    if (!error) return file.parent_path();
  }
  return {};
}

fs::path ownFolder() {
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path();
}

/// build/bin/PROGRAM of a checkout finds .toolchain two folders up; bin/PROGRAM of a bundle finds toolchain
/// one up.
void addInstalled(std::vector<fs::path>& folders) {
  fs::path above = ownFolder();
  for (int level = 0; level < 3 && above.has_relative_path(); ++level, above = above.parent_path()) {
    folders.push_back(above / ".toolchain");
    folders.push_back(above / "toolchain");
  }
  folders.emplace_back("/usr/local/lib/gpu-tuned/toolchain");
}

/// NVIDIA's wheels put their files into <site>/nvidia/<component>.
void addPythonEnvironment(const fs::path& prefix, std::vector<fs::path>& folders) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(prefix / "lib", error)) {
    if (!entry.path().filename().string().starts_with("python3")) continue;
    for (const char* site : {"site-packages", "dist-packages"}) {
      std::error_code ignored;
      for (const auto& component : fs::directory_iterator(entry.path() / site / "nvidia", ignored))
        folders.push_back(component.path());
    }
  }
}

void addSystem(std::vector<fs::path>& folders) {
  if (fs::path own = ownFolder(); !own.empty()) {
    folders.push_back(own);
    folders.push_back(own.parent_path());
  }
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (std::string home = environment(name); !home.empty()) folders.emplace_back(home);
  folders.emplace_back("/usr/local/cuda");
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/local", error))
    if (entry.path().filename().string().starts_with("cuda-")) folders.push_back(entry.path());
  if (fs::path nvcc = programFolder("nvcc", true); !nvcc.empty()) folders.push_back(nvcc.parent_path());

  if (fs::path environmentFolder = environment("VIRTUAL_ENV"); !environmentFolder.empty())
    addPythonEnvironment(environmentFolder, folders);
  if (fs::path python = programFolder("python3", false); !python.empty())
    addPythonEnvironment(python.parent_path().parent_path(), folders);
  addPythonEnvironment("/usr/local", folders);
}

} // namespace

std::vector<fs::path> folders() {
  std::vector<fs::path> all;
  std::error_code ignored;
  if (fs::path named = environment(variable); !named.empty())
    all.push_back(fs::is_directory(named, ignored) ? named : named.parent_path());
  addInstalled(all);
  addSystem(all);
  std::erase_if(all, [&](const fs::path& folder) { return !fs::is_directory(folder, ignored); });
  return all;
}

namespace {
constexpr const char* inside[] = {"", "bin", "lib64", "lib", "nvvm/libdevice", "include"};
} // namespace

std::string variableFault() {
  const fs::path named = environment(variable);
  if (named.empty()) return "";
  std::error_code ignored;
  const std::string value = std::string(variable) + "=" + named.string();
  if (!fs::exists(named, ignored))
    return value + ": there is nothing; NVIDIA's tools are taken from elsewhere";
  const fs::path folder = fs::is_directory(named, ignored) ? named : named.parent_path();
  for (const char* part : inside)
    for (const auto& entry : fs::directory_iterator(folder / part, ignored)) {
      const std::string name = entry.path().filename().string();
      for (const char* tool :
           {"libnvJitLink.so", "libnvrtc.so", "tileiras", "ptxas", "libdevice.10.bc", "nvdisasm"})
        if (name.starts_with(tool)) return "";
    }
  return value + ": none of NVIDIA's tools is there; they are taken from elsewhere";
}

fs::path findFile(const std::vector<std::string>& names) {
  std::error_code ignored;
  if (fs::path named = environment(variable); !named.empty() && fs::is_regular_file(named, ignored))
    for (const std::string& name : names)
      if (named.filename().string().starts_with(name)) return named;
  for (const fs::path& folder : folders())
    for (const char* part : inside)
      for (const std::string& name : names)
        if (fs::is_regular_file(folder / part / name, ignored)) return folder / part / name;
  return {};
}

fs::path findProgram(const std::string& name) {
  auto runs = [](const fs::path& file) { return !file.empty() && ::access(file.c_str(), X_OK) == 0; };
  if (fs::path file = findFile({name}); runs(file)) return file;
  fs::path folder = programFolder(name, false);
  return !folder.empty() && runs(folder / name) ? folder / name : fs::path();
}

std::string remedy() {
  std::string text = "run scripts/toolchain, which brings NVIDIA's tools, or name their folder in ";
  text += variable;
  return text;
}

int compareVersions(const std::string& a, const std::string& b) {
  std::istringstream left(a), right(b);
  for (;;) {
    std::string first, second;
    bool more = static_cast<bool>(std::getline(left, first, '.'));
    more |= static_cast<bool>(std::getline(right, second, '.'));
    if (!more) return 0;
    int one = 0, two = 0;
    std::from_chars(first.data(), first.data() + first.size(), one);
    std::from_chars(second.data(), second.data() + second.size(), two);
    if (one != two) return one < two ? -1 : 1;
  }
}

} // namespace tuned::toolchain
