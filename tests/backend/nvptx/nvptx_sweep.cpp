// Compiles every recorded kernel under a folder for an NVIDIA target, without a GPU, and says which fail and
// where the time goes:  nvptx_sweep DIR [--target sm_90a] [--filter TEXT] [--emit STAGE]
// [--print-after PASS]
#include "backend/compiler.h"
#include "backend/nvptx/nvptx.h"
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
  std::string target = "sm_90a", filter, emit, printAfter;
};

struct Totals {
  int passed = 0, failed = 0;
  std::vector<double> seconds;
  std::map<std::string, double> phases;
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
  compile.fuseMultiplyAdd = given.value("enable_fp_fusion", true);
  compile.printAfter = options.printAfter;
  if (!options.emit.empty() || !options.printAfter.empty())
    compile.onStage = [&](const std::string& stage, const std::string& text) {
      if (stage == options.emit || stage.starts_with("after "))
        std::cout << "// " << stage << "\n" << text << "\n";
    };
  return nvptx::makeCompiler()->compile(**module, launch.value("kernel", ""), compile);
}

void sweep(const Options& options, Totals& totals) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::recursive_directory_iterator(options.folder))
    if (entry.path().filename() == "kernel.ttir" &&
        entry.path().string().find(options.filter) != std::string::npos)
      folders.push_back(entry.path().parent_path());
  std::ranges::sort(folders);
  for (const fs::path& folder : folders) {
    std::cerr << folder.string() << std::endl;
    auto start = std::chrono::steady_clock::now();
    auto artefact = compileOne(folder, options);
    double seconds = secondsSince(start);
    if (!artefact) {
      ++totals.failed;
      std::cout << "FAIL " << folder.filename().string() << ": " << artefact.error().text() << "\n";
      continue;
    }
    ++totals.passed;
    totals.seconds.push_back(seconds);
    for (auto& [phase, time] : artefact->phaseSeconds)
      totals.phases[phase] += time;
    std::cout << "ok   " << folder.filename().string() << " " << seconds * 1e3 << " ms, "
              << artefact->resources.registers << " registers, " << artefact->resources.sharedBytes
              << " B shared, " << artefact->resources.spillBytes << " B spilled\n";
  }
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (word == "--target")
      options.target = value();
    else if (word == "--filter")
      options.filter = value();
    else if (word == "--emit")
      options.emit = value();
    else if (word == "--print-after")
      options.printAfter = value();
    else
      options.folder = word;
  }
  Totals totals;
  sweep(options, totals);
  std::ranges::sort(totals.seconds);
  for (auto& [phase, time] : totals.phases)
    std::cout << phase << ": " << time << " s\n";
  if (!totals.seconds.empty())
    std::cout << "median " << totals.seconds[totals.seconds.size() / 2] * 1e3 << " ms, slowest "
              << totals.seconds.back() * 1e3 << " ms\n";
  std::cout << totals.passed << " passed, " << totals.failed << " failed\n";
  return totals.failed != 0;
}
