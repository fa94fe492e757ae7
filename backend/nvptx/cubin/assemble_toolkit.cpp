#include "backend/nvptx/cubin/assemble_toolkit.h"

#include <cstdlib>
#include <sstream>

namespace fs = std::filesystem;

namespace tuned::nvptx {
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

/// NVIDIA's wheels put libraries into <site>/nvidia/<component>/lib.
void addPythonPackages(const fs::path& site, std::vector<fs::path>& folders) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(site / "nvidia", error))
    folders.push_back(entry.path());
}

void addPythonEnvironment(const fs::path& prefix, std::vector<fs::path>& folders) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(prefix / "lib", error)) {
    if (!entry.path().filename().string().starts_with("python3")) continue;
    addPythonPackages(entry.path() / "site-packages", folders);
    addPythonPackages(entry.path() / "dist-packages", folders);
  }
}

} // namespace

std::vector<fs::path> toolkitFolders() {
  std::vector<fs::path> folders;
  if (fs::path named = environment(toolkitVariable); !named.empty())
    folders.push_back(fs::is_directory(named) ? named : named.parent_path());
  std::error_code error;
  if (fs::path self = fs::read_symlink("/proc/self/exe", error); !error) {
    folders.push_back(self.parent_path());
    folders.push_back(self.parent_path().parent_path());
  }
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
    if (std::string home = environment(variable); !home.empty()) folders.emplace_back(home);
  folders.emplace_back("/usr/local/cuda");
  for (const auto& entry : fs::directory_iterator("/usr/local", error))
    if (entry.path().filename().string().starts_with("cuda-")) folders.push_back(entry.path());
  if (fs::path nvcc = programFolder("nvcc", true); !nvcc.empty()) folders.push_back(nvcc.parent_path());

  if (fs::path environmentFolder = environment("VIRTUAL_ENV"); !environmentFolder.empty())
    addPythonEnvironment(environmentFolder, folders);
  if (fs::path python = programFolder("python3", false); !python.empty())
    addPythonEnvironment(python.parent_path().parent_path(), folders);
  addPythonEnvironment("/usr/local", folders);
  std::erase_if(folders, [](const fs::path& folder) {
    std::error_code ignored;
    return !fs::is_directory(folder, ignored);
  });
  return folders;
}

fs::path findToolkitFile(const std::vector<std::string>& names) {
  if (fs::path named = environment(toolkitVariable); !named.empty())
    for (const std::string& name : names)
      if (named.filename().string().starts_with(name)) return named;
  for (const fs::path& folder : toolkitFolders())
    for (const char* inside : {"", "lib64", "lib", "nvvm/libdevice"})
      for (const std::string& name : names)
        if (std::error_code error; fs::exists(folder / inside / name, error)) return folder / inside / name;
  return {};
}

} // namespace tuned::nvptx
