// `tuned-worker compile-file`: bare kernel IR to any stage of a backend.
#include "backend/registry.h"
#include "client/protocol/problem.h"
#include "daemon/worker/commands.h"
#include "ir/module.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {

int complain(const Error& error) {
  std::cerr << protocol::problemText(error) << "\n";
  return 1;
}

nlohmann::json describe(const Artefact& artefact) {
  constexpr const char* kinds[] = {"pointer", "scalar", "tensor_map"};
  nlohmann::json parameters = nlohmann::json::array();
  for (const ParameterSlot& slot : artefact.launch.parameters)
    parameters.push_back({{"kind", kinds[static_cast<int>(slot.kind)]}, {"size_bytes", slot.sizeBytes}});
  return {{"format", artefact.format},
          {"target", artefact.target},
          {"bytes", artefact.bytes.size()},
          {"launch",
           {{"symbol", artefact.launch.symbol},
            {"block", artefact.launch.block},
            {"threads_per_cta", artefact.launch.threadsPerCta()},
            {"dynamic_shared_bytes", artefact.launch.dynamicSharedBytes},
            {"scratch_bytes", artefact.launch.scratchBytes},
            {"cluster_size", artefact.launch.clusterSize},
            {"parameters", parameters}}},
          {"resources",
           {{"registers", artefact.resources.registers},
            {"shared_bytes", artefact.resources.sharedBytes},
            {"spill_bytes", artefact.resources.spillBytes}}},
          {"phase_seconds", artefact.phaseSeconds}};
}

/// The bytes that `emit` names: a stage's text, or the artefact itself.
Result<std::string> chosen(const std::string& emit, const Artefact& artefact,
                           const std::map<std::string, std::string>& stages) {
  if (emit.empty() || emit == artefact.format) return artefact.bytes;
  if (auto stage = stages.find(emit); stage != stages.end()) return stage->second;
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

int compileFileCommand(const CompileFileOptions& given) {
  std::ifstream file(given.file, std::ios::binary);
  if (!file) return complain({ErrorKind::InvalidInput, "cannot read " + given.file});
  std::string text(std::istreambuf_iterator<char>(file), {});
  auto compiler = makeCompiler(given.target);
  if (!compiler) return complain(compiler.error());
  auto context = makeContext();
  auto module = parseModule(*context, text, given.file);
  if (!module) return complain(module.error());

  std::map<std::string, std::string> stages;
  CompileOptions options;
  options.target = given.target;
  options.numWarps = given.numWarps;
  options.numStages = given.numStages;
  options.numCtas = given.numCtas;
  options.printAfter = given.printAfter;
  options.onStage = [&](const std::string& stage, const std::string& ir) {
    stages[stage] = ir;
    // Passes asked for by name are printed as they end, so that a crash still shows the way there.
    bool pass = stage.starts_with("after ");
    if (!given.printAfter.empty() && (pass || given.printAfter == "all"))
      std::cout << "// ---- " << stage << "\n" << ir << "\n" << std::flush;
  };
  stages["ttir"] = print(module->get());
  auto artefact = (*compiler)->compile(module->get(), "", options);
  if (!artefact) return complain(artefact.error());
  if (!given.emit.empty() || !given.output.empty()) {
    auto bytes = chosen(given.emit, *artefact, stages);
    if (!bytes) return complain(bytes.error());
    if (given.output.empty()) {
      std::cout << *bytes << "\n";
    } else if (auto written = write(given.output, *bytes); !written) {
      return complain(written.error());
    }
  }
  nlohmann::json result = describe(*artefact);
  std::cout << (given.json ? result.dump() : result.dump(2)) << "\n";
  return 0;
}

} // namespace tuned
