// fuzz_module [--count N] [--seconds S] [--seed K] [--backends cpu,sm_90a] [--print] CORPUS…
// Feeds mutated kernels to parser, verifier, simplify() and the compilers. Each must end in a module or in an
// error with a location; a crash or a hang is reported with the seed that brings it back (--seed K --count 1
// --print).
#include "backend/registry.h"
#include "ir/analysis/axis_info.h"
#include "ir/module.h"
#include "ir/text.h"
#include "tests/fuzz/mutate.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mlir/IR/Verifier.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace tuned;
namespace fs = std::filesystem;

struct Options {
  size_t count = 10'000;
  double seconds = 1e9;
  uint64_t seed = 1;
  std::vector<std::string> backends, corpus;
  bool print = false;
};

/// What a child has come to; shared with the parent, so that a dead child's last seed is known.
struct Progress {
  size_t seed, accepted, refused, unlocated, invalid;
};

constexpr size_t kBatch = 250;
constexpr unsigned kSecondsEach = 20;
constexpr size_t kLongestText = 40'000;

std::vector<std::string> loadCorpus(const std::vector<std::string>& folders) {
  std::vector<fs::path> files;
  for (const std::string& folder : folders)
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.path().extension() == ".ttir") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const fs::path& file : files) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    if (text.str().empty() || text.str().size() > kLongestText) continue;
    // Locations are half of a recorded text: one in eight keeps them.
    texts.push_back(texts.size() % 8 == 0 ? text.str() : withoutLocations(text.str()));
  }
  return texts;
}

/// Errors of a kernel must say where; those of limits and devices need not.
void count(const Error& error, Progress& progress) {
  ++progress.refused;
  if (error.kind == ErrorKind::InvalidInput && error.location) return;
  if (error.kind != ErrorKind::Internal && error.kind != ErrorKind::InvalidInput) return;
  ++progress.unlocated;
  std::cout << "seed " << progress.seed << ": " << error.text() << std::endl;
}

void tryBackends(const std::string& text, const Options& options, Progress& progress) {
  for (const std::string& target : options.backends) {
    auto compiler = makeCompiler(target);
    auto context = makeContext();
    auto module = parseModule(*context, text, "fuzz.ttir");
    if (!compiler || !module) continue;
    CompileOptions compileOptions;
    compileOptions.target = target;
    compileOptions.assemblerLevel = 0;
    auto functions = (**module).getOps<tt::FuncOp>();
    if (functions.empty()) continue;
    auto artefact = (*compiler)->compile(**module, (*functions.begin()).getSymName().str(), compileOptions);
    if (!artefact) count(artefact.error(), progress);
  }
}

void tryOne(const std::string& text, const Options& options, Progress& progress) {
  auto context = makeContext();
  auto module = parseModule(*context, text, "fuzz.ttir");
  if (!module) return count(module.error(), progress);
  auto simple = simplify(**module);
  if (!simple) return count(simple.error(), progress);
  ++progress.accepted;
  if (mlir::failed(mlir::verify(**module))) {
    ++progress.invalid;
    std::cout << "seed " << progress.seed << ": does not verify after simplify()" << std::endl;
  }
  for (auto function : (**module).getOps<tt::FuncOp>())
    tt::AxisInfoAnalysis analysis(function);
  tryBackends(text, options, progress);
}

[[noreturn]] void child(const std::vector<std::string>& corpus, const Options& options, size_t first,
                        size_t last, Progress& progress) {
  rlimit memory{size_t(6) << 30, size_t(6) << 30};
  setrlimit(RLIMIT_AS, &memory);
  for (size_t i = first; i < last; ++i) {
    progress.seed = i;
    alarm(kSecondsEach);
    tryOne(Mutator(corpus, i).next(), options, progress);
  }
  std::cout.flush();
  _exit(0);
}

/// Runs seeds first … last-1 in children; after a crash the next seed goes on. The number of crashes.
size_t runBatch(const std::vector<std::string>& corpus, const Options& options, size_t first, size_t last,
                Progress& progress) {
  size_t crashes = 0;
  while (first < last) {
    progress.seed = first;
    std::cout.flush();
    pid_t pid = fork();
    if (pid == 0) child(corpus, options, first, last, progress);
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    ++crashes;
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    std::cout << "seed " << progress.seed << ": " << (signal == SIGALRM ? "hangs" : "crashes") << " (signal "
              << signal << ")" << std::endl;
    first = progress.seed + 1;
  }
  return crashes;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"mutated kernels end in a module or in an error with a place"};
  Options options;
  app.add_option("--count", options.count, "mutants to try");
  app.add_option("--seconds", options.seconds, "stop after this long");
  app.add_option("--seed", options.seed, "first seed");
  app.add_option("--backends", options.backends, "compile too: cpu, sm_90a, …")->delimiter(',');
  app.add_flag("--print", options.print, "print the first mutant and stop");
  app.add_option("corpus", options.corpus, "folders searched for .ttir")->required();
  CLI11_PARSE(app, argc, argv);
  auto corpus = loadCorpus(options.corpus);
  if (corpus.empty()) return std::cerr << "no .ttir file in the corpus\n", 2;
  if (options.print) return std::cout << Mutator(corpus, options.seed).next(), 0;

  void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Progress& progress = *new (shared) Progress{};
  size_t crashes = 0, tried = 0;
  auto start = std::chrono::steady_clock::now();
  auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  while (tried < options.count && elapsed() < options.seconds) {
    size_t batch = std::min(kBatch, options.count - tried);
    crashes += runBatch(corpus, options, options.seed + tried, options.seed + tried + batch, progress);
    tried += batch;
  }
  std::cout << tried << " tried, " << progress.accepted << " accepted, " << progress.refused << " refused, "
            << progress.unlocated << " without a place, " << progress.invalid << " invalid, " << crashes
            << " crashed (" << elapsed() << " s)\n";
  return crashes || progress.unlocated || progress.invalid || progress.accepted == 0 ? 1 : 0;
}
