// `tuned-worker compile-file`: bare kernel IR to any stage of a backend.
#include "backend/registry.h"
#include "backend/toolchain/toolchain.h"
#include "base/model/json.h"
#include "client/protocol/problem.h"
#include "daemon/worker/commands.h"
#include "ir/module.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace tuned {

namespace {

int complain(const Error& error) {
  std::cerr << protocol::problemText(error) << "\n";
  return 1;
}

nlohmann::json describe(const Artefact& artefact) {
  return {{"format", artefact.format},
          {"target", artefact.target},
          {"compiler", artefact.compiler},
          {"assembler", artefact.assembler},
          {"bytes", artefact.bytes.size()},
          {"launch", model::toJson(artefact.launch)},
          {"resources", model::toJson(artefact.resources)},
          {"phase_seconds", artefact.phaseSeconds}};
}

/// A cubin's instructions (SASS), by NVIDIA's disassembler.
Result<std::string> disassembled(const std::string& cubin) {
  constexpr double seconds = 120;
  std::filesystem::path program = toolchain::findProgram("nvdisasm");
  if (program.empty())
    return fail(ErrorKind::Unavailable, "nvdisasm, which shows a cubin's instructions, is not here",
                toolchain::remedy());
  std::string path = (std::filesystem::temp_directory_path() / "tuned-worker-XXXXXX").string();
  int file = ::mkstemp(path.data());
  if (file < 0) return fail(ErrorKind::Denied, "cannot write " + path, "set TMPDIR to a folder of yours");
  ::close(file);
  std::ofstream(path, std::ios::binary) << cubin;
  auto text = toolchain::outputOf(program, {path}, seconds);
  std::filesystem::remove(path);
  return text;
}

/// The bytes that `emit` names: a stage's text, or the artefact itself.
Result<std::string> chosen(const std::string& emit, const Artefact& artefact,
                           const std::map<std::string, std::string>& stages) {
  if (emit.empty() || emit == artefact.format) return artefact.bytes;
  if (auto stage = stages.find(emit); stage != stages.end()) return stage->second;
  if (emit == "asm" && artefact.format == "cubin") return disassembled(artefact.bytes);
  std::string there = artefact.format;
  for (const auto& [name, text] : stages)
    there += ", " + name;
  return fail(ErrorKind::InvalidInput, "there is no stage '" + emit + "' on the way to " + artefact.target,
              "stages: " + there);
}

Result<void> write(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) return fail(ErrorKind::Denied, "cannot write " + path);
  return {};
}

} // namespace

namespace {

CompileOptions optionsOf(const CompileFileOptions& given) {
  CompileOptions options;
  options.target = given.target;
  options.compiler = given.compiler;
  options.numWarps = given.numWarps;
  options.numStages = given.numStages;
  options.numCtas = given.numCtas;
  options.workerWarps = given.workerWarps;
  options.occupancy = given.occupancy;
  options.latency = given.latency;
  options.printAfter = given.printAfter;
  if (!given.grid.empty()) {
    options.grid = {1, 1, 1};
    std::ranges::copy(given.grid, options.grid->begin());
  }
  return options;
}

/// What is proven from a grid is proven for its programs alone: a grid of none would prove anything.
Result<void> checkGrid(const CompileOptions& options) {
  constexpr int64_t most = 0x7fffffff; // what any device takes along its first axis
  for (int64_t extent : options.grid.value_or(std::array<int64_t, 3>{1, 1, 1}))
    if (extent < 1 || extent > most)
      return fail(ErrorKind::InvalidInput,
                  "the grid has " + std::to_string(extent) + " programs along an axis",
                  "give 1 to " + std::to_string(most) + " along x,y,z, or leave --grid out");
  return {};
}

int deliver(const CompileFileOptions& given, const Result<std::string>& bytes, const nlohmann::json& result) {
  if (!bytes) return complain(bytes.error());
  if (given.output.empty() && !given.emit.empty()) {
    std::cout << *bytes << "\n";
  } else if (!given.output.empty()) {
    if (auto written = write(given.output, *bytes); !written) return complain(written.error());
  }
  std::cout << (given.json ? result.dump() : result.dump(2)) << "\n";
  return 0;
}

} // namespace

int compileFileCommand(const CompileFileOptions& given) {
  std::ifstream file(given.file, std::ios::binary);
  if (!file) return complain({ErrorKind::InvalidInput, "cannot read " + given.file});
  std::string text(std::istreambuf_iterator<char>(file), {});
  auto compiler = makeCompiler(given.target, given.compiler);
  if (!compiler) return complain(compiler.error());
  auto context = makeContext();
  auto module = parseModule(*context, text, given.file);
  if (!module) return complain(module.error());

  std::map<std::string, std::string> stages;
  CompileOptions options = optionsOf(given);
  if (auto checked = checkGrid(options); !checked) return complain(checked.error());
  options.onStage = [&](const std::string& stage, const std::string& ir) {
    stages[stage] = ir;
    // Passes asked for by name are printed as they end, so that a crash still shows the way there.
    bool pass = stage.starts_with("after ");
    if (!given.printAfter.empty() && (pass || given.printAfter == "all"))
      std::cout << "// ---- " << stage << "\n" << ir << "\n" << std::flush;
  };
  stages["ttir"] = print(module->get());
  auto artefact = (*compiler)->compile(module->get(), "", options);
  if (artefact) return deliver(given, chosen(given.emit, *artefact, stages), describe(*artefact));
  // Text needs no assembler: what was asked for may be there all the same.
  auto reached = stages.find(given.emit);
  if (artefact.error().kind != ErrorKind::Unavailable || reached == stages.end())
    return complain(artefact.error());
  return deliver(given, reached->second,
                 {{"target", given.target},
                  {"compiler", (*compiler)->backend()},
                  {"unfinished", artefact.error().text()}});
}

} // namespace tuned
