#include "backend/tileir/assemble/assembler.h"

#include "backend/toolchain/toolchain.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tuned::tileir {
namespace {

namespace fs = std::filesystem;
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

Result<std::string> readCubin(const Assembler& assembler, const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    return fail(ErrorKind::Faulted, "tileiras " + assembler.version + " ended well and wrote no file");
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

/// What went wrong, when something did.
std::optional<Error> failure(const Assembler& assembler, const ChildOutcome& outcome,
                             const ChildLimits& limits) {
  std::string who = "tileiras " + assembler.version;
  if (outcome.timedOut)
    return Error{ErrorKind::TimedOut,
                 who + " did not end within " + std::to_string(limits.processor.count()) +
                     " s of processor time, or " + std::to_string(limits.deadline.count() / 1000) + " s",
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
  auto version = toolchain::programVersion(path);
  if (!version) return fail(version.error());
  if (toolchain::compareVersions(*version, oldestVersion) < 0)
    return fail(ErrorKind::Unavailable,
                path + " is " + *version + ", too old: " + oldestVersion + " is the first that serves",
                toolchain::remedy());
  return Assembler{path, *version};
}

Result<Assembler> findAssembler() {
  fs::path program = toolchain::findProgram("tileiras");
  if (program.empty())
    return fail(ErrorKind::Unavailable, "there is no tileiras, the assembler of Tile IR, on this machine",
                toolchain::remedy());
  return assemblerAt(fs::absolute(program).string());
}

std::vector<std::string> assemblerTargets() {
  return {"sm_80",  "sm_86",  "sm_87",  "sm_88",  "sm_89", "sm_90",
          "sm_100", "sm_103", "sm_110", "sm_120", "sm_121"};
}

Result<std::string> assemblerTarget(const std::string& target) {
  std::string name = target;
  if (!name.empty() && (name.back() == 'a' || name.back() == 'f')) name.pop_back();
  std::string known;
  for (const std::string& row : assemblerTargets()) {
    if (name == row) return name;
    known += (known.empty() ? "" : ", ") + row;
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
  auto cubin = readCubin(assembler, output);
  if (!cubin) return fail(cubin.error());
  if (!cubin->starts_with("\x7f"
                          "ELF"))
    return fail(ErrorKind::Faulted, "tileiras " + assembler.version + " wrote something that is no cubin",
                toolchain::remedy());
  return Assembled{std::move(*cubin), std::move(outcome->output)};
}

Result<std::string> disassemble(const std::string& bytecode) {
  fs::path program = toolchain::findProgram("tileirdisasm");
  if (program.empty())
    return fail(ErrorKind::Unavailable, "there is no tileirdisasm on this machine", toolchain::remedy());
  auto folder = TemporaryFolder::make();
  if (!folder) return fail(folder.error());
  std::string input = folder->path() + "/kernel.tileirbc";
  std::ofstream(input, std::ios::binary) << bytecode;
  auto outcome =
      runChild({fs::absolute(program).string(), input}, folder->path(), {.outputKept = size_t(64) << 20});
  if (!outcome) return fail(outcome.error());
  if (outcome->status == 0 && outcome->signal == 0 && !outcome->timedOut) return outcome->output;
  return fail(ErrorKind::Internal, "tileirdisasm does not read the bytecode: " + oneLine(outcome->output));
}

} // namespace tuned::tileir
