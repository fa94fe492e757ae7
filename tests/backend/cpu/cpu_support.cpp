#include "tests/backend/cpu/cpu_support.h"

#include "ir/module.h"

namespace tuned::test {

Device& cpuDevice() {
  static std::unique_ptr<Device> device = *cpu::makeDevice(2);
  return *device;
}

Result<Artefact> compileForCpu(const std::string& text, const CompileOptions& options) {
  auto context = makeContext();
  auto module = parseModule(*context, text, "test.ttir");
  if (!module) return std::unexpected(module.error());
  return cpu::makeCompiler()->compile(**module, "", options);
}

Result<void> runOnCpu(const std::string& text, const Grid& grid, const std::vector<ArgumentValue>& arguments,
                      const CompileOptions& options) {
  auto artefact = compileForCpu(text, options);
  if (!artefact) return std::unexpected(artefact.error());
  auto kernel = cpuDevice().load(*artefact);
  if (!kernel) return std::unexpected(kernel.error());
  return cpuDevice().launch(**kernel, grid, arguments);
}

std::string mapKernel(int elements, const std::string& in, const std::string& out, const std::string& body) {
  std::string n = std::to_string(elements), shape = "tensor<" + n + "x";
  auto pointers = [&](const std::string& type) { return shape + "!tt.ptr<" + type + ">>"; };
  auto at = [&](const std::string& name, const std::string& type) {
    return "    %" + name + "s = tt.splat %" + name + "p : !tt.ptr<" + type + "> -> " + pointers(type) +
           "\n" + "    %" + name + "a = tt.addptr %" + name + "s, %r : " + pointers(type) + ", " + shape +
           "i32>\n";
  };
  return "module {\n  tt.func public @k(%xp: !tt.ptr<" + in + ">, %yp: !tt.ptr<" + out + ">) {\n" +
         "    %r = tt.make_range {end = " + n + " : i32, start = 0 : i32} : " + shape + "i32>\n" +
         at("x", in) + at("y", out) + "    %x = tt.load %xa : " + pointers(in) + "\n" + body +
         "\n    tt.store %ya, %y : " + pointers(out) + "\n    tt.return\n  }\n}\n";
}

} // namespace tuned::test
