// The program that compiles and measures: everything that could crash, hang or need LLVM and CUDA.
#include "daemon/worker/commands.h"

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  CLI::App app("compiles and measures for the tuned daemon", "tuned-worker");
  app.require_subcommand(1);
  int64_t memory = 0;
  auto* compile = app.add_subcommand("compile", "serve compilations on descriptor 3");
  compile->add_option("--memory", memory, "bytes of address space; 0: no limit");
  std::string device;
  auto* measure = app.add_subcommand("measure", "serve measurements on descriptor 3");
  measure->add_option("--device", device, "cpu, cuda:0, …")->required();
  bool channel = false;
  auto* devices = app.add_subcommand("devices", "list the devices as JSON");
  devices->add_flag("--channel", channel, "on descriptor 3");
  tuned::CompileFileOptions file;
  auto* tools = app.add_subcommand("tools", "list NVIDIA's tools as JSON");
  auto* compileFile = app.add_subcommand("compile-file", "compile a file of kernel IR");
  compileFile->add_option("file", file.file, "kernel IR as Triton prints it")->required();
  compileFile->add_option("--target", file.target, "cpu, sm_90a, …");
  compileFile->add_option("--num-warps", file.numWarps);
  compileFile->add_option("--num-stages", file.numStages);
  compileFile->add_option("--num-ctas", file.numCtas);
  compileFile->add_option("--compiler", file.compiler, "one of the target's: nvptx, tileir");
  compileFile->add_option("--worker-warps", file.workerWarps);
  compileFile->add_option("--occupancy", file.occupancy);
  compileFile->add_option("--latency", file.latency);
  compileFile->add_option("--grid", file.grid, "programs along one to three axes")
      ->delimiter(',')
      ->expected(1, 3);
  compileFile->add_option("--emit", file.emit, "ttir, llvm, ptx, tileir, bytecode, cubin, asm, object");
  compileFile->add_option("--print-after", file.printAfter, "print the IR after this pass; 'all' for each");
  compileFile->add_option("-o,--output", file.output, "where to write what --emit names");
  compileFile->add_flag("--json", file.json, "the result on one line");
  CLI11_PARSE(app, argc, argv);
  if (*compile) return tuned::compileCommand(memory);
  if (*measure) return tuned::measureCommand(device);
  if (*tools) return tuned::toolsCommand();
  if (*devices) return tuned::devicesCommand(channel);
  return tuned::compileFileCommand(file);
}
