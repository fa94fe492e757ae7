// `tuned-worker devices`: what this machine has, and what this program compiles with.
#include "backend/nvptx/assemble.h"
#include "backend/registry.h"
#include "base/sha256.h"
#include "daemon/worker/commands.h"
#include "daemon/worker/loop.h"
#include "daemon/worker/messages.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {
/// Our compiler's identity: this very program.
std::string buildId() {
  std::ifstream self("/proc/self/exe", std::ios::binary);
  return sha256(std::string(std::istreambuf_iterator<char>(self), {})).substr(0, 16);
}

nlohmann::json listing() {
  nlohmann::json out = {{"devices", nlohmann::json::array()}, {"build", buildId()}};
  for (const DeviceInfo& info : listDevices())
    out["devices"].push_back(deviceToJson(info));
  auto assembler = nvptx::assemblerVersion();
  out["assembler"] = assembler ? *assembler : "";
  return out;
}
} // namespace

int devicesCommand(bool channel) {
  if (channel) return serve([](const nlohmann::json&) -> Result<nlohmann::json> { return listing(); });
  std::cout << listing().dump(2) << "\n";
  return 0;
}

} // namespace tuned
