// Compiles every recorded kernel under a folder for NVIDIA targets, without a GPU, and says which are taken,
// which refused by us and by which operation, what failed, and where the time goes (by the clock, and of one
// core with what the assemblers take, which a busy machine does not change much):
//   kernel_sweep DIR [--compiler nvptx|tileir] [--target sm_90a]... [--filter TEXT] [--part I/N] [--out DIR]
//     [--emit STAGE] [--print-after PASS] [--no-assembler]
// --out: the cubins are left there, and beside each in a file of JSON how it is launched. --print-after: of
// nvptx. --no-assembler: Tile IR's bytecode is enough.
// Status 1: something failed; of nvptx, which takes all there is, something was refused as well.
#include "backend/nvptx/nvptx.h"
#include "backend/tileir/tileir.h"
#include "base/clock.h"
#include "base/model/json.h"
#include "ir/module.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/resource.h>

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

/// What this process and those that it waited for have taken of the processor.
double processorSeconds() {
  double all = 0;
  for (int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& part : {usage.ru_utime, usage.ru_stime})
      all += double(part.tv_sec) + double(part.tv_usec) * 1e-6;
  }
  return all;
}

struct Options {
  fs::path folder;
  std::vector<std::string> targets;
  std::string compiler = "nvptx", target = "sm_90a", filter, emit, printAfter, out;
  size_t part = 0, parts = 1;
  bool assembles = true;
};

struct Totals {
  int accepted = 0;
  std::map<std::string, int> refused, failed; ///< by reason, without the place
  std::vector<double> seconds, ofOneCore;
  std::map<std::string, double> phases;
};

std::unique_ptr<Compiler> compilerOf(const Options& options) {
  if (options.compiler == "nvptx") return nvptx::makeCompiler();
  return options.assembles ? tileir::makeCompiler() : tileir::makeEmitter();
}

Result<Artefact> compileOne(const fs::path& folder, const Options& options) {
  auto launch = readLaunch(folder / "case.json");
  auto context = makeContext();
  auto module = parseModule(*context, readFile(folder / "kernel.ttir"), (folder / "kernel.ttir").string());
  if (!module) return fail(module.error());
  CompileOptions compile;
  compile.target = options.target;
  auto given = launch.value("options", nlohmann::json::object());
  compile.numWarps = given.value("num_warps", 4);
  if (options.compiler == "tileir" && launch.contains("grid"))
    compile.grid = launch["grid"].get<std::array<int64_t, 3>>();
  compile.fuseMultiplyAdd = given.value("enable_fp_fusion", true);
  compile.printAfter = options.printAfter;
  if (!options.emit.empty() || !options.printAfter.empty())
    compile.onStage = [&](const std::string& stage, const std::string& text) {
      if (stage == options.emit || stage.starts_with("after "))
        std::cout << "// " << stage << "\n" << text << "\n";
    };
  return compilerOf(options)->compile(**module, launch.value("kernel", ""), compile);
}

void count(const fs::path& folder, const Artefact& artefact, double seconds, double ofOneCore,
           const Options& options, Totals& totals) {
  ++totals.accepted;
  totals.seconds.push_back(seconds);
  totals.ofOneCore.push_back(ofOneCore);
  for (const auto& [phase, time] : artefact.phaseSeconds)
    totals.phases[phase] += time;
  const std::string name = folder.filename().string();
  if (!options.out.empty()) {
    std::ofstream(fs::path(options.out) / (name + "." + artefact.format), std::ios::binary) << artefact.bytes;
    std::ofstream(fs::path(options.out) / (name + ".json")) << model::toJson(artefact.launch).dump();
  }
  std::cout << "ok   " << name << " " << seconds * 1e3 << " ms (" << ofOneCore * 1e3 << " of one core), "
            << artefact.resources.registers << " registers, " << artefact.resources.sharedBytes
            << " B shared, " << artefact.resources.spillBytes << " B spilled" << std::endl;
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
    const double used = processorSeconds();
    auto artefact = compileOne(folders[i], options);
    if (artefact) {
      count(folders[i], *artefact, secondsSince(start), processorSeconds() - used, options, totals);
      continue;
    }
    const bool ours = artefact.error().kind == ErrorKind::Unsupported;
    ++(ours ? totals.refused : totals.failed)[artefact.error().message];
    std::cout << (ours ? "refused " : "FAILED ") << folders[i].filename().string() << ": "
              << artefact.error().text() << std::endl;
  }
}

int printReasons(const std::string& what, const std::map<std::string, int>& reasons) {
  int all = 0;
  for (const auto& [reason, count] : reasons) {
    std::cout << what << " " << count << " × " << reason << "\n";
    all += count;
  }
  return all;
}

/// Prints reasons and phases, and gives the line that sums up.
std::string report(const std::string& target, Totals& totals) {
  const int refused = printReasons(target + ": refused", totals.refused);
  const int failed = printReasons(target + ": failed", totals.failed);
  for (const auto& [phase, time] : totals.phases)
    std::cout << target << ": " << phase << " " << time << " s\n";
  std::ranges::sort(totals.seconds);
  std::ranges::sort(totals.ofOneCore);
  std::ostringstream line;
  line << target << ": " << totals.accepted << " taken, " << refused << " refused, " << failed << " failed";
  if (!totals.seconds.empty())
    line << "; median " << totals.seconds[totals.seconds.size() / 2] * 1e3 << " ms, slowest "
         << totals.seconds.back() * 1e3 << " ms; of one core median "
         << totals.ofOneCore[totals.ofOneCore.size() / 2] * 1e3 << ", 95th percentile "
         << totals.ofOneCore[totals.ofOneCore.size() * 95 / 100] * 1e3 << ", most "
         << totals.ofOneCore.back() * 1e3 << " ms";
  return line.str();
}

Options parse(int argc, char** argv) {
  Options options;
  std::map<std::string, std::string*> texts = {{"--compiler", &options.compiler},
                                               {"--filter", &options.filter},
                                               {"--emit", &options.emit},
                                               {"--print-after", &options.printAfter},
                                               {"--out", &options.out}};
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (auto text = texts.find(word); text != texts.end())
      *text->second = value();
    else if (word == "--target")
      options.targets.push_back(value());
    else if (word == "--no-assembler")
      options.assembles = false;
    else if (word == "--part")
      std::sscanf(value().c_str(), "%zu/%zu", &options.part, &options.parts);
    else
      options.folder = word;
  }
  if (options.targets.empty()) options.targets.push_back(options.target);
  return options;
}

} // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  if (options.compiler != "nvptx" && options.compiler != "tileir") {
    std::cerr << "kernel_sweep: there is no compiler '" << options.compiler << "'; take nvptx or tileir\n";
    return 2;
  }
  if (!fs::is_directory(options.folder)) {
    std::cerr << "kernel_sweep: there is no folder '" << options.folder.string() << "' of recorded kernels\n";
    return 2;
  }
  std::string table;
  bool failed = false;
  for (const std::string& target : options.targets) {
    options.target = target;
    Totals totals;
    sweep(options, totals);
    table += report(target, totals) + "\n";
    failed = failed || !totals.failed.empty() || (options.compiler == "nvptx" && !totals.refused.empty());
  }
  std::cout << table;
  return failed;
}
