#include "client/endpoint.h"
#include "client/tunectl/doctor/doctor_checks.h"
#include "client/tunectl/output.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
/// Where a daemon of this user would keep its cache.
std::string defaultCache() {
  if (geteuid() == 0) return "/var/lib/gpu-tuned";
  if (const char* set = std::getenv("XDG_CACHE_HOME"); set && *set) return std::string(set) + "/gpu-tuned";
  const char* home = std::getenv("HOME");
  return std::string(home ? home : "") + "/.cache/gpu-tuned";
}

int doctor(const Globals& globals) {
  Findings all;
  const auto add = [&all](Findings found) { all.insert(all.end(), found.begin(), found.end()); };
  std::string cache = defaultCache();
  add(checkPrograms());
  add(checkGpu());
  add(checkLibraries());
  add(checkTools());
  add(checkSocket(client::socketPath(globals.socket)));
  add(checkDaemon(globals, cache));
  add(checkCache(cache));
  bool sound = true;
  nlohmann::json out = nlohmann::json::array();
  std::string text;
  for (const Finding& finding : all) {
    sound = sound && finding.state != "error";
    out.push_back({{"subject", finding.subject},
                   {"state", finding.state},
                   {"found", finding.found},
                   {"remedy", finding.remedy}});
    text += finding.state + std::string(9 - finding.state.size(), ' ') + finding.subject + ": " +
            finding.found + '\n';
    if (!finding.remedy.empty()) text += "         → " + finding.remedy + '\n';
  }
  std::cout << (globals.json ? nlohmann::json({{"findings", out}, {"sound", sound}}).dump() + "\n" : text);
  return sound ? done : failed;
}
} // namespace

void addDoctor(CLI::App& app, Context& context) {
  app.add_subcommand("doctor", "look at GPU, driver, libraries, permissions, disk and daemon")
      ->callback([&context] { context.run = [&context] { return doctor(context.globals); }; });
}

} // namespace tuned::tunectl
