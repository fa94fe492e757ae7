#include "backend/tileir/assemble/assembler.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace tuned::tileir {
namespace {

namespace fs = std::filesystem;
constexpr const char* howToInstall = "install NVIDIA's wheel nvidia-cuda-tileiras (with nvidia-nvvm and "
                                     "nvidia-cuda-nvcc beside it), or say with "
                                     "GPU_TUNED_TILEIRAS where tileiras is";

std::vector<fs::path> places() {
  std::vector<fs::path> all;
  if (const char* named = std::getenv("GPU_TUNED_TILEIRAS"); named && *named) {
    std::error_code ignored;
    fs::path path = named;
    return {fs::is_directory(path, ignored) ? path / "tileiras" : path}; // said is said
  }
  if (const char* tools = std::getenv("GPU_TUNED_TOOLS"); tools && *tools)
    for (const char* below : {"nvidia/cu13/bin", "bin", ""})
      all.push_back(fs::path(tools) / below / "tileiras");
  if (const char* path = std::getenv("PATH")) {
    std::istringstream folders(path);
    for (std::string folder; std::getline(folders, folder, ':');)
      if (!folder.empty()) all.push_back(fs::path(folder) / "tileiras");
  }
  all.emplace_back("/usr/local/cuda/bin/tileiras");
  return all;
}

Result<Assembler> search() {
  std::optional<Error> last;
  for (const fs::path& place : places()) {
    if (access(place.c_str(), X_OK) != 0) continue;
    auto found = assemblerAt(fs::absolute(place).string());
    if (found) return found;
    if (!last) last = found.error();
  }
  if (last) return fail(*last);
  const char* named = std::getenv("GPU_TUNED_TILEIRAS");
  std::string where = named && *named ? std::string(" at ") + named : "";
  return fail(ErrorKind::Unavailable, "there is no tileiras, the assembler of Tile IR" + where, howToInstall);
}

/// Lines that say something, in one.
std::string oneLine(const std::string& output) {
  std::istringstream lines(output);
  std::string all;
  constexpr size_t enough = 400;
  for (std::string line; std::getline(lines, line) && all.size() < enough;)
    if (line.find_first_not_of(" \t\r") != std::string::npos) all += (all.empty() ? "" : "; ") + line;
  if (all.size() > enough) all.resize(enough);
  for (char& c : all)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return all.empty() ? "it says nothing" : all;
}

Result<std::string> readFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(ErrorKind::Faulted, "tileiras ended well and wrote no file");
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

/// What went wrong, when something did.
std::optional<Error> failure(const Assembler& assembler, const ChildOutcome& outcome,
                             const ChildLimits& limits) {
  std::string who = "tileiras " + assembler.version;
  if (outcome.timedOut)
    return Error{ErrorKind::TimedOut,
                 who + " did not end within " + std::to_string(limits.deadline.count() / 1000) + " s",
                 {},
                 "take smaller tiles, or the compiler nvptx"};
  if (outcome.signal != 0) {
    std::string reason = outcome.signal == SIGXFSZ ? " (it wrote too much)" : "";
    return Error{ErrorKind::Faulted,
                 who + " crashed: " + strsignal(outcome.signal) + reason + ": " + oneLine(outcome.output),
                 {},
                 "take the compiler nvptx for this kernel"};
  }
  constexpr int invalidInput = 3, refused = 5;
  if (outcome.status == invalidInput)
    return Error{
        ErrorKind::Internal, who + " does not read the bytecode: " + oneLine(outcome.output), {}, {}};
  if (outcome.status == refused)
    return Error{ErrorKind::Unsupported,
                 who + " refuses the kernel: " + oneLine(outcome.output),
                 {},
                 "take the compiler nvptx for this kernel"};
  if (outcome.status != 0)
    return Error{ErrorKind::Faulted,
                 who + " ended with status " + std::to_string(outcome.status) + ": " +
                     oneLine(outcome.output),
                 {},
                 {}};
  return std::nullopt;
}

} // namespace

Result<Assembler> assemblerAt(const std::string& path) {
  auto folder = TemporaryFolder::make();
  if (!folder) return fail(folder.error());
  constexpr std::chrono::milliseconds patience{20'000};
  auto outcome = runChild({path, "--version"}, folder->path(), {.deadline = patience});
  if (!outcome) return fail(outcome.error());
  Assembler found{path, {}, 0};
  if (size_t at = outcome->output.find(", V"); outcome->status == 0 && at != std::string::npos) {
    const char* text = outcome->output.c_str() + at + 3;
    int major = 0, minor = 0, patch = 0;
    if (std::sscanf(text, "%d.%d.%d", &major, &minor, &patch) == 3) {
      found.version = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
      found.release = major * 100 + minor;
    }
  }
  if (found.release == 0)
    return fail(ErrorKind::Unavailable, path + " --version does not say a version", howToInstall);
  if (found.release < oldestRelease)
    return fail(ErrorKind::Unavailable,
                path + " is " + found.version + ", too old: 13.3 is the first that serves", howToInstall);
  return found;
}

Result<Assembler> findAssembler() {
  static const Result<Assembler> found = search();
  return found;
}

Result<std::string> assemblerTarget(const std::string& target) {
  std::string name = target;
  if (!name.empty() && (name.back() == 'a' || name.back() == 'f')) name.pop_back();
  std::string known;
  for (const char* row : {"sm_80", "sm_86", "sm_87", "sm_88", "sm_89", "sm_90", "sm_100", "sm_103", "sm_110",
                          "sm_120", "sm_121"}) {
    if (name == row) return name;
    known += (known.empty() ? "" : ", ") + std::string(row);
  }
  return fail(ErrorKind::Unsupported, "Tile IR has no target '" + target + "'", "choose one of " + known);
}

Result<Assembled> assemble(const Assembler& assembler, const std::string& bytecode, const std::string& target,
                           const ChildLimits& limits) {
  auto name = assemblerTarget(target);
  if (!name) return fail(name.error());
  auto folder = TemporaryFolder::make();
  if (!folder) return fail(folder.error());
  fs::path input = fs::path(folder->path()) / "kernel.tileirbc",
           output = fs::path(folder->path()) / "k.cubin";
  if (!(std::ofstream(input, std::ios::binary) << bytecode).flush())
    return fail(ErrorKind::Unavailable, "cannot write " + input.string(), "see whether the disk is full");
  auto outcome = runChild({assembler.path, "--gpu-name", *name, "--opt-level", "3", "--output-file",
                           output.string(), input.string()},
                          folder->path(), limits);
  if (!outcome) return fail(outcome.error());
  if (auto wrong = failure(assembler, *outcome, limits)) return fail(*wrong);
  auto cubin = readFile(output);
  if (!cubin) return fail(cubin.error());
  if (!cubin->starts_with("\x7f"
                          "ELF"))
    return fail(ErrorKind::Faulted, "tileiras " + assembler.version + " wrote something that is no cubin",
                howToInstall);
  return Assembled{std::move(*cubin), std::move(outcome->output)};
}

} // namespace tuned::tileir
