#include "client/endpoint.h"

#include "base/document/pack.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace fs = std::filesystem;

namespace tuned::client {

namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<std::string> readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (fs::is_directory(path) || !in || !(out << in.rdbuf()))
    return fail(ErrorKind::NotFound, "cannot read " + path.string());
  return out.str();
}

/// The file that a name stands for; a name with a slash or an ending is a path.
Result<fs::path> findKernel(const std::string& kernel) {
  std::error_code ignored;
  if (kernel.find('/') != std::string::npos || kernel.ends_with(".json") ||
      fs::is_regular_file(kernel, ignored))
    return fs::path(kernel);
  std::string searched;
  for (const std::string& folder : kernelFolders()) {
    for (const fs::path& path :
         {fs::path(folder) / (kernel + ".json"), fs::path(folder) / kernel / (kernel + ".json")})
      if (fs::is_regular_file(path, ignored)) return path;
    searched += (searched.empty() ? "" : ", ") + folder;
  }
  return fail(ErrorKind::NotFound,
              "no kernel named \"" + kernel + "\" in " + (searched.empty() ? "any folder" : searched),
              "give the path of a kernel document, or set GPU_TUNED_KERNELS to the folder that holds it");
}
} // namespace

std::string socketPath(const std::string& given) {
  if (!given.empty()) return given;
  if (std::string set = environment("GPU_TUNED_SOCKET"); !set.empty()) return set;
  if (const std::string runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty()) {
    const std::string path = runtime + "/gpu-tuned/tuned.sock";
    std::error_code ignored;
    if (fs::exists(path, ignored)) return path;
  }
  return "/run/gpu-tuned/tuned.sock";
}

std::string programFolder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? "." : program.parent_path().string();
}

std::vector<std::string> kernelFolders() {
  std::vector<std::string> folders;
  std::istringstream set(environment("GPU_TUNED_KERNELS"));
  for (std::string folder; std::getline(set, folder, ':');)
    if (!folder.empty()) folders.push_back(folder);
  const fs::path program = programFolder();
  for (const fs::path& folder : {program / "../share/gpu-tuned/kernels",
                                 program / "../../share/gpu-tuned/kernels", program / "../configs/kernels",
                                 program / "../../configs/kernels", program / "../kernels" /* a wheel's */}) {
    std::error_code ignored;
    if (fs::is_directory(folder, ignored)) folders.push_back(fs::weakly_canonical(folder, ignored).string());
  }
  return folders;
}

Result<std::string> loadDocument(const std::string& kernel) {
  const auto path = findKernel(kernel);
  if (!path) return fail(path.error());
  const auto text = readFile(*path);
  if (!text) return fail(text.error());
  auto document = parseDocument(*text, path->string());
  if (!document) return fail(document.error());
  if (!document->is_object())
    return fail(ErrorKind::InvalidInput, path->string() + ": a kernel is a JSON object");
  if (!document->contains("source_text") && !document->contains("sources") &&
      (!document->contains("source") || !(*document)["source"].is_string()))
    return fail(ErrorKind::InvalidInput, path->string() + ": \"source\" is missing",
                "name the file of the kernel's source, or give its text as \"source_text\", or a list of "
                "\"sources\"");
  auto packed = packDocument(std::move(*document), *path);
  if (!packed)
    return fail(packed.error().kind, path->string() + ": " + packed.error().message, packed.error().remedy);
  return packed->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace tuned::client
