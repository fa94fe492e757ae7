// The worker program's verbs.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tuned {

/// Serves compilations over the channel; 0: no memory limit.
int compileCommand(int64_t memoryBytes);
/// Owns the device and serves measurements over the channel.
int measureCommand(const std::string& device);
/// Lists the devices as JSON: over the channel, else on standard output.
int devicesCommand(bool channel);
/// Prints NVIDIA's tools as JSON, one object a tool: name, path and version (empty: not here), what it is
/// for, what is known to be wrong with it, and the remedy.
int toolsCommand();
/// Where they may be: what a confined worker has to reach.
std::vector<std::string> toolFolders();

struct CompileFileOptions {
  std::string file, target = "cpu", compiler, emit, printAfter, output;
  int numWarps = 4, numStages = 3, numCtas = 1, workerWarps = 0, occupancy = 0, latency = 0;
  std::vector<int64_t> grid; ///< programs along one to three axes; empty: not known
  bool json = false;
};
/// Compiles a file of bare kernel IR: what `emit` names (ttir, llvm, ptx, tileir, bytecode, cubin, asm,
/// object) goes to `output` or standard output, then a line of JSON says what it takes. A stage of text that
/// was reached is written although no assembler is here; "unfinished" in the JSON then says what is missing.
/// On failure the last line of standard error is a problem as JSON.
int compileFileCommand(const CompileFileOptions& options);

} // namespace tuned
