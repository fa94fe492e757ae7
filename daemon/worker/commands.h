// The worker program's verbs.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>

namespace tuned {

/// Serves compilations over the channel; 0: no memory limit.
int compileCommand(int64_t memoryBytes);
/// Owns the device and serves measurements over the channel.
int measureCommand(const std::string& device);
/// Lists the devices as JSON: over the channel, else on standard output.
int devicesCommand(bool channel);

struct CompileFileOptions {
  std::string file, target = "cpu", emit, printAfter, output;
  int numWarps = 4, numStages = 3, numCtas = 1;
  bool json = false;
};
/// Compiles a file of bare kernel IR: what `emit` names (ttir, llvm, ptx, cubin, asm, object) goes to
/// `output` or standard output, then a line of JSON says what it takes. On failure the last line of standard
/// error is a problem as JSON.
int compileFileCommand(const CompileFileOptions& options);

} // namespace tuned
