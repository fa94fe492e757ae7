// `tuned-worker tools`: which of NVIDIA's tools compiling would use here.
#include "backend/nvptx/cubin/assemble.h"
#include "backend/toolchain/toolchain.h"
#include "daemon/worker/commands.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

namespace tuned {

namespace {
namespace fs = std::filesystem;

struct Tool {
  const char* name;
  std::vector<std::string> files; ///< names it may have, the best first
  bool program;
  const char* purpose;
};

const std::vector<Tool>& allTools() {
  static const std::vector<Tool> tools = {
      {"nvJitLink", {"libnvJitLink.so.13", "libnvJitLink.so.12"}, false, "makes cubins of PTX"},
      {"tileiras", {"tileiras"}, true, "makes cubins of Tile IR, the second compiler of NVIDIA targets"},
      {"ptxas", {"ptxas"}, true, "is started by tileiras"},
      {"libnvvm", {"libnvvm.so.4", "libnvvm.so"}, false, "is loaded by tileiras"},
      {"libdevice", {"libdevice.10.bc"}, false, "has the functions of mathematics that PTX lacks"},
      {"NVRTC", {"libnvrtc.so.13", "libnvrtc.so.12"}, false, "compiles kernels in CUDA C++"},
      {"nvdisasm", {"nvdisasm"}, true, "shows a cubin's instructions (compile --emit asm)"},
  };
  return tools;
}

nlohmann::json describe(const Tool& tool) {
  fs::path path = tool.program ? toolchain::findProgram(tool.files.front()) : toolchain::findFile(tool.files);
  nlohmann::json out = {{"name", tool.name},       {"path", path.string()}, {"version", ""},
                        {"purpose", tool.purpose}, {"fault", ""},           {"remedy", ""}};
  std::string problem;
  if (path.empty()) {
    out["remedy"] = toolchain::remedy();
  } else if (tool.program) {
    auto version = toolchain::programVersion(path);
    if (version)
      out["version"] = *version;
    else
      problem = version.error().message;
    if (version && std::string(tool.name) == "ptxas") problem = nvptx::assemblerFault("ptxas " + *version);
  } else if (std::string(tool.name) == "nvJitLink") {
    auto version = nvptx::assemblerVersion();
    if (version) out["version"] = version->substr(version->find(' ') + 1);
    problem = version ? nvptx::assemblerFault(*version) : version.error().message;
  }
  out["fault"] = problem;
  if (!problem.empty()) out["remedy"] = toolchain::remedy();
  return out;
}
} // namespace

std::vector<std::string> toolFolders() {
  std::vector<std::string> out;
  for (const fs::path& folder : toolchain::folders())
    out.push_back(folder.string());
  return out;
}

int toolsCommand() {
  nlohmann::json all = nlohmann::json::array();
  for (const Tool& tool : allTools())
    all.push_back(describe(tool));
  if (const std::string fault = toolchain::variableFault(); !fault.empty())
    all.push_back({{"name", toolchain::variable},
                   {"path", std::getenv(toolchain::variable)},
                   {"version", ""},
                   {"purpose", "names the folder of NVIDIA's tools"},
                   {"fault", fault},
                   {"remedy", "correct it, or leave it unset"}});
  std::cout << all.dump(2) << "\n";
  return 0;
}

} // namespace tuned
