#include "client/endpoint.h"
#include "client/protocol/problem.h"
#include "client/tunectl/output.h"
#include "client/tunectl/process.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

namespace tuned::tunectl {

namespace {
/// Seconds after which a compilation is given up; the largest tiles take some on a busy machine.
constexpr double compileSeconds = 300;

struct Options {
  std::string file, target = "cpu", compiler, emit, printAfter, output, grid;
  int warps = 4, stages = 3, ctas = 1, workerWarps = 0, occupancy = 0, latency = 0;
};

std::vector<std::string> command(const Options& options) {
  std::vector<std::string> out = {client::programFolder() + "/tuned-worker",
                                  "compile-file",
                                  options.file,
                                  "--target",
                                  options.target,
                                  "--num-warps",
                                  std::to_string(options.warps),
                                  "--num-stages",
                                  std::to_string(options.stages),
                                  "--num-ctas",
                                  std::to_string(options.ctas),
                                  "--json"};
  const auto add = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out.insert(out.end(), {name, value});
  };
  const auto addHint = [&add](const char* name, int value) {
    if (value > 0) add(name, std::to_string(value));
  };
  add("--compiler", options.compiler);
  addHint("--worker-warps", options.workerWarps);
  addHint("--occupancy", options.occupancy);
  addHint("--latency", options.latency);
  add("--grid", options.grid);
  add("--emit", options.emit);
  add("--print-after", options.printAfter);
  add("--output", options.output);
  return out;
}

/// The worker's stderr: what it says on the way passes through; a problem in its last line is taken out.
Error takeProblem(const Finished& worker) {
  std::string text = worker.errors;
  while (text.ends_with('\n'))
    text.pop_back();
  const size_t start = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  const std::string last = text.substr(start);
  if (nlohmann::json::parse(last, nullptr, false).is_object()) {
    std::cerr << text.substr(0, start);
    return protocol::errorFromProblem(last, 0);
  }
  std::cerr << worker.errors;
  return {worker.exitCode > 128 ? ErrorKind::Faulted : ErrorKind::Internal,
          worker.exitCode > 128 ? "the compiler was killed by signal " + std::to_string(worker.exitCode - 128)
                                : "the compiler failed with exit code " + std::to_string(worker.exitCode),
          std::nullopt,
          {}};
}

/// A figure of a GPU's binary; a CPU's are not counted.
std::string count(const nlohmann::json& json, const char* key, bool bytes, bool cpu) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number_integer() || it->get<int64_t>() < 0)
    return cpu ? "not counted on a CPU" : "not known";
  return std::to_string(it->get<int64_t>()) + (bytes ? " bytes" : "");
}

/// Beside IR that goes to standard output, on standard error: the IR may be piped on.
void print(const nlohmann::json& result, std::ostream& out) {
  if (result.contains("unfinished")) {
    out << facts({{"target", result.value("target", "")}, {"not finished", result.value("unfinished", "")}});
    return;
  }
  const nlohmann::json& resources = result.contains("resources") ? result["resources"] : result;
  std::vector<Row> rows;
  if (result.contains("target")) rows.push_back({"target", result["target"].get<std::string>()});
  if (const std::string compiler = result.value("compiler", ""); !compiler.empty()) {
    const std::string assembler = result.value("assembler", "");
    rows.push_back({"compiler", compiler + (assembler.empty() ? "" : ", " + assembler)});
  }
  if (result.contains("launch")) rows.push_back({"entry", result["launch"].value("symbol", "")});
  const bool cpu = result.value("target", "").starts_with("cpu");
  rows.push_back({"registers", count(resources, "registers", false, cpu)});
  rows.push_back({"shared memory", count(resources, "shared_bytes", true, cpu)});
  rows.push_back({"spills", count(resources, "spill_bytes", true, cpu)});
  if (cpu && result.contains("launch"))
    rows.push_back({"scratch", count(result["launch"], "scratch_bytes", true, cpu) + " a thread"});
  if (result.contains("bytes") && result["bytes"].is_number())
    rows.push_back({"size", std::to_string(result["bytes"].get<int64_t>()) + " bytes"});
  if (const auto phases = result.find("phase_seconds"); phases != result.end() && phases->is_object())
    for (const auto& [phase, seconds] : phases->items())
      rows.push_back({"time in " + phase, formatSeconds(seconds.get<double>())});
  out << facts(rows);
}

/// What the worker made: its results, and before them the IR that was asked for.
struct Compiled {
  std::string text;
  nlohmann::json result;
};

Result<Compiled> runCompiler(const Options& options) {
  const auto worker = runProgram(command(options), compileSeconds);
  if (!worker) return fail(worker.error());
  if (worker->exitCode != 0) {
    std::cerr << worker->output;
    return fail(takeProblem(*worker));
  }
  std::cerr << worker->errors;
  std::string text = worker->output;
  while (text.ends_with('\n'))
    text.pop_back();
  const size_t start = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  Compiled out{text.substr(0, start), nlohmann::json::parse(text.substr(start), nullptr, false)};
  if (!out.result.is_object()) return fail(ErrorKind::Internal, "tuned-worker did not say what it made");
  return out;
}

int compile(const Globals& globals, const Options& options) {
  const auto compiled = runCompiler(options);
  if (!compiled) {
    // No daemon is asked here: a tool that is not there is no daemon that is not there.
    const int status = report(globals, compiled.error());
    return status == noDaemon ? failed : status;
  }
  (globals.json ? std::cerr : std::cout) << compiled->text;
  if (globals.json) {
    std::cout << compiled->result.dump() << '\n';
  } else {
    print(compiled->result, options.output.empty() && !options.emit.empty() ? std::cerr : std::cout);
  }
  return done;
}
} // namespace

void addCompile(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("compile", "compile a file of kernel IR, without a daemon");
  auto options = std::make_shared<Options>();
  verb->add_option("file", options->file, "kernel IR as Triton prints it (.ttir)")
      ->required()
      ->check(CLI::ExistingFile);
  verb->add_option("-t,--target", options->target,
                   "cpu, sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_103a, sm_120a")
      ->capture_default_str();
  verb->add_option("--num-warps", options->warps, "warps a program instance")
      ->check(CLI::IsMember({1, 2, 4, 8, 16, 32}))
      ->capture_default_str();
  verb->add_option("--num-stages", options->stages, "depth of software pipelines")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  verb->add_option("--num-ctas", options->ctas, "CTAs a cluster")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  verb->add_option("--compiler", options->compiler, "nvptx, or tileir (CUDA Tile IR); else the target's own")
      ->check(CLI::IsMember({"nvptx", "tileir"}));
  verb->add_option("--worker-warps", options->workerWarps,
                   "tileir: warps that compute; else told from --num-warps")
      ->check(CLI::IsMember({2, 4, 8, 16}));
  verb->add_option("--occupancy", options->occupancy, "tileir: CTAs a multiprocessor should hold")
      ->check(CLI::Range(1, 32));
  verb->add_option("--latency", options->latency,
                   "tileir: how early loads are issued; else told from --num-stages")
      ->check(CLI::Range(1, 10));
  verb->add_option("--grid", options->grid, "programs along x,y,z where they are known: more can be proven");
  verb->add_option("--emit", options->emit,
                   "stage to write: ttir, layouts, llvm, ptx, tileir (text), bytecode, cubin, asm")
      ->check(
          CLI::IsMember({"ttir", "layouts", "llvm", "ptx", "tileir", "bytecode", "cubin", "asm", "object"}));
  verb->add_option("--print-after", options->printAfter, "print the IR after this pass, or after \"all\"");
  verb->add_option("-o,--output", options->output, "the file to write");
  verb->callback(
      [options, &context] { context.run = [=, &context] { return compile(context.globals, *options); }; });
}

} // namespace tuned::tunectl
