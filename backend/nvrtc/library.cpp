#include "backend/nvrtc/library.h"

#include "backend/toolchain/toolchain.h"
#include "base/sha256.h"

#include <dlfcn.h>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

namespace tuned::nvrtc {
namespace {

/// From here on cubins come out of it for every architecture we name, and NVRTC 13's names do not differ.
constexpr int oldestMajor = 12;

std::unexpected<Error> unavailable(const std::string& why) {
  return fail(ErrorKind::Unavailable, "NVRTC, which compiles CUDA C++, cannot be used: " + why,
              toolchain::remedy());
}

template <typename Function> bool resolve(void* opened, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(opened, name));
  return function != nullptr;
}

bool resolveAll(void* opened, Library& library) {
  return resolve(opened, "nvrtcGetErrorString", library.errorString) &&
         resolve(opened, "nvrtcGetNumSupportedArchs", library.archCount) &&
         resolve(opened, "nvrtcGetSupportedArchs", library.archs) &&
         resolve(opened, "nvrtcCreateProgram", library.create) &&
         resolve(opened, "nvrtcDestroyProgram", library.destroy) &&
         resolve(opened, "nvrtcAddNameExpression", library.addName) &&
         resolve(opened, "nvrtcCompileProgram", library.compile) &&
         resolve(opened, "nvrtcGetProgramLogSize", library.logSize) &&
         resolve(opened, "nvrtcGetProgramLog", library.log) &&
         resolve(opened, "nvrtcGetLoweredName", library.loweredName) &&
         resolve(opened, "nvrtcGetCUBINSize", library.cubinSize) &&
         resolve(opened, "nvrtcGetCUBIN", library.cubin);
}

std::vector<std::string> findHeaderFolders() {
  std::vector<std::string> found;
  fs::path folder = toolchain::findFile({"cuda_fp16.h"}).parent_path();
  if (folder.empty()) return found;
  found.push_back(folder.string());
  std::error_code ignored;
  if (fs::is_directory(folder / "cccl", ignored)) found.push_back((folder / "cccl").string());
  return found;
}

std::string digestHeaders() {
  std::string all;
  for (const std::string& folder : headerFolders())
    for (const char* name : {"cuda_fp16.h", "cuda_fp16.hpp", "cuda_bf16.h", "cuda_bf16.hpp", "cuda_fp8.h",
                             "cuda_fp8.hpp", "mma.h", "crt/mma.h", "crt/mma.hpp", "crt/sm_90_rt.h"}) {
      std::ifstream in(fs::path(folder) / name, std::ios::binary);
      std::ostringstream text;
      if (in && text << in.rdbuf()) all += name + sha256(text.str());
    }
  return all.empty() ? "" : sha256(all).substr(0, 12);
}

} // namespace

Result<Library> openLibrary(const fs::path& path) {
  void* opened = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!opened) return unavailable(dlerror());
  Library library;
  library.path = path;
  if (!resolve(opened, "nvrtcVersion", library.version) ||
      library.version(&library.major, &library.minor) != success)
    return unavailable(path.string() + " does not say its version");
  std::string version = std::to_string(library.major) + "." + std::to_string(library.minor);
  if (library.major < oldestMajor)
    return unavailable(path.string() + " is NVRTC " + version + ", and " + std::to_string(oldestMajor) +
                       ".0 is the oldest that will do");
  if (!resolveAll(opened, library))
    return unavailable(path.string() + " (NVRTC " + version + ") lacks a function: " + dlerror());
  int count = 0;
  if (library.archCount(&count) == success && count > 0) {
    library.architectures.resize(static_cast<size_t>(count));
    library.archs(library.architectures.data());
  }
  return library; // stays open for the life of the process
}

const Result<Library>& library() {
  static const Result<Library> opened = []() -> Result<Library> {
    fs::path path = toolchain::findFile({"libnvrtc.so.13", "libnvrtc.so.12"});
    if (path.empty()) return unavailable("no libnvrtc.so.13 or .12 in the usual places");
    return openLibrary(path);
  }();
  return opened;
}

const std::vector<std::string>& headerFolders() {
  static const std::vector<std::string> found = findHeaderFolders();
  return found;
}

const std::string& headerDigest() {
  static const std::string digest = digestHeaders();
  return digest;
}

} // namespace tuned::nvrtc
