// Compiles every recorded kernel under a folder through Tile IR, without a GPU, and says which are taken,
// which refused by us and by which operation, which the assembler failed on, and how long it takes:
//   tileir_sweep DIR [--target sm_90a]... [--filter TEXT] [--emit STAGE] [--part I/N] [--no-assembler] [--out
//   DIR]
// --out: the cubins (or the bytecode) are left there.
#include "backend/compiler.h"
#include "backend/tileir/tileir.h"
#include "base/clock.h"
#include "ir/module.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace {

using namespace tuned;
namespace fs = std::filesystem;

std::string readFile(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// A recorded launch may name numbers that JSON does not have; they are not needed here.
nlohmann::json readLaunch(const fs::path& path) {
  std::string text = readFile(path);
  for (const char* number : {"-Infinity", "Infinity", "NaN"})
    for (size_t at; (at = text.find(std::string(": ") + number)) != std::string::npos;)
      text.replace(at + 2, std::string(number).size(), "null");
  return nlohmann::json::parse(text);
}

struct Options {
  fs::path folder;
  std::vector<std::string> targets;
  std::string target = "sm_90a", filter, emit, out;
  size_t part = 0, parts = 1;
  bool assembles = true;
};

struct Totals {
  int accepted = 0;
  std::map<std::string, int> refused, failed; ///< by reason, without the place
  std::vector<double> seconds;
};

Result<Artefact> compileOne(const fs::path& folder, const Options& options) {
  auto launch = readLaunch(folder / "case.json");
  auto context = makeContext();
  auto module = parseModule(*context, readFile(folder / "kernel.ttir"), (folder / "kernel.ttir").string());
  if (!module) return fail(module.error());
  CompileOptions compile;
  compile.target = options.target;
  auto given = launch.value("options", nlohmann::json::object());
  compile.numWarps = given.value("num_warps", 4);
  if (launch.contains("grid")) compile.grid = launch["grid"].get<std::array<int64_t, 3>>();
  compile.fuseMultiplyAdd = given.value("enable_fp_fusion", true);
  if (!options.emit.empty())
    compile.onStage = [&](const std::string& stage, const std::string& text) {
      if (stage == options.emit) std::cout << "// " << stage << "\n" << text << "\n";
    };
  auto compiler = options.assembles ? tileir::makeCompiler() : tileir::makeEmitter();
  return compiler->compile(**module, launch.value("kernel", ""), compile);
}

void sweep(const Options& options, Totals& totals) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::recursive_directory_iterator(options.folder))
    if (entry.path().filename() == "kernel.ttir" &&
        entry.path().string().find(options.filter) != std::string::npos)
      folders.push_back(entry.path().parent_path());
  std::ranges::sort(folders);
  for (size_t i = options.part; i < folders.size(); i += options.parts) {
    std::cerr << folders[i].string() << std::endl;
    auto start = std::chrono::steady_clock::now();
    auto artefact = compileOne(folders[i], options);
    double seconds = secondsSince(start);
    if (!artefact) {
      bool ours = artefact.error().kind == ErrorKind::Unsupported;
      ++(ours ? totals.refused : totals.failed)[artefact.error().message];
      std::cout << (ours ? "refused " : "FAILED ") << folders[i].filename().string() << ": "
                << artefact.error().text() << std::endl;
      continue;
    }
    ++totals.accepted;
    if (!options.out.empty())
      std::ofstream(fs::path(options.out) / (folders[i].filename().string() + "." + artefact->format),
                    std::ios::binary)
          << artefact->bytes;
    totals.seconds.push_back(seconds);
    std::cout << "ok   " << folders[i].filename().string() << " " << seconds * 1e3 << " ms, "
              << artefact->resources.registers << " registers, " << artefact->resources.sharedBytes
              << " B shared, " << artefact->resources.spillBytes << " B spilled" << std::endl;
  }
}

/// Prints the reasons, and gives the line that sums up.
std::string report(const std::string& target, Totals& totals) {
  int refused = 0, failed = 0;
  for (auto& [reason, count] : totals.refused) {
    std::cout << target << ": refused " << count << " × " << reason << "\n";
    refused += count;
  }
  for (auto& [reason, count] : totals.failed) {
    std::cout << target << ": failed " << count << " × " << reason << "\n";
    failed += count;
  }
  std::ranges::sort(totals.seconds);
  std::ostringstream line;
  line << target << ": " << totals.accepted << " taken, " << refused << " refused, " << failed << " failed";
  if (!totals.seconds.empty())
    line << "; median " << totals.seconds[totals.seconds.size() / 2] * 1e3 << " ms, slowest "
         << totals.seconds.back() * 1e3 << " ms";
  return line.str();
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (word == "--target")
      options.targets.push_back(value());
    else if (word == "--filter")
      options.filter = value();
    else if (word == "--emit")
      options.emit = value();
    else if (word == "--out")
      options.out = value();
    else if (word == "--no-assembler")
      options.assembles = false;
    else if (word == "--part")
      std::sscanf(value().c_str(), "%zu/%zu", &options.part, &options.parts);
    else
      options.folder = word;
  }
  if (options.targets.empty()) options.targets.push_back(options.target);
  std::string table;
  for (const std::string& target : options.targets) {
    options.target = target;
    Totals totals;
    sweep(options, totals);
    table += report(target, totals) + "\n";
  }
  std::cout << table;
  return 0;
}
