#include "client/tunectl/verbs/bundles.h"

#include "client/endpoint.h"
#include "client/http.h"
#include "client/tunectl/process.h"
#include "client/tunectl/verbs/hand_over.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
namespace fs = std::filesystem;

constexpr double enough = 600; ///< seconds for a whole cache

struct Options {
  std::string file, cache, key;
  std::vector<std::string> kernels, targets, trusted;
  bool allowUntrusted = false, allowOlder = false, trustMeasurements = false, check = false;
};

/// False: tuned-offline has to say what is wrong, or to help.
bool read(const std::string& verb, std::vector<std::string> arguments, Options& options) {
  CLI::App app;
  app.set_help_flag();
  app.add_option("file", options.file)->required();
  app.add_option("--cache", options.cache);
  if (verb == "export") {
    app.add_option("--key", options.key);
    app.add_option("--kernel", options.kernels)->allow_extra_args(false);
    app.add_option("-t,--target", options.targets)->delimiter(',')->allow_extra_args(false);
  } else {
    app.add_option("--trust", options.trusted)->allow_extra_args(false);
    app.add_flag("--allow-untrusted", options.allowUntrusted);
    app.add_flag("--allow-older", options.allowOlder);
    app.add_flag("--check", options.check);
    app.add_flag("--trust-measurements", options.trustMeasurements);
  }
  try {
    std::ranges::reverse(arguments); // as CLI11 takes them
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError&) {
    return false;
  }
  return !options.check;
}

/// A daemon that serves the cache which is meant.
std::optional<client::Client> serving(const Globals& globals, const Options& options) {
  constexpr double soon = 2;
  auto quick = client::Client::connect({globals.socket, soon});
  if (!quick) return std::nullopt;
  auto status = quick->status();
  if (!status) return std::nullopt;
  std::error_code ignored;
  if (!options.cache.empty() &&
      !fs::equivalent(fs::path(status->cache).parent_path(), options.cache, ignored))
    return std::nullopt;
  auto client = client::Client::connect({globals.socket, std::max(globals.timeout, enough)});
  return client ? std::optional(std::move(*client)) : std::nullopt;
}

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& one : list)
    out += (out.empty() ? "" : ",") + one;
  return out;
}

/// The daemon's bytes become the standard input of tuned-offline, which signs them and writes the file.
int exportTo(const Globals& globals, client::Client& client, const Options& options) {
  std::string path = "/v1/bundle";
  for (const auto& [name, list] : {std::pair("kernel", &options.kernels), {"target", &options.targets}})
    if (!list->empty())
      path += (path.contains('?') ? "&" : "?") + std::string(name) + "=" + client::encode(joined(*list));
  auto bytes = client.request("GET", path);
  if (!bytes) return report(globals, bytes.error());
  const int file = ::memfd_create("bundle", 0);
  size_t at = 0;
  while (file >= 0 && at < bytes->size()) {
    const ssize_t count = ::write(file, bytes->data() + at, bytes->size() - at);
    if (count <= 0) break;
    at += static_cast<size_t>(count);
  }
  if (file < 0 || at < bytes->size() || ::lseek(file, 0, SEEK_SET) != 0 || ::dup2(file, STDIN_FILENO) < 0)
    return report(globals, {ErrorKind::OutOfResources,
                            "no memory for the bundle's " + std::to_string(bytes->size()) + " bytes"});
  std::vector<std::string> command = {client::programFolder() + "/tuned-offline", "export", options.file,
                                      "--from", "/dev/stdin"};
  if (!options.key.empty()) command.insert(command.end(), {"--key", options.key});
  if (globals.json) command.emplace_back("--json");
  return become(globals, std::move(command));
}

/// Whether it would be taken is judged here, by the keys that this user trusts.
int importFrom(const Globals& globals, client::Client& client, const Options& options) {
  std::vector<std::string> command = {client::programFolder() + "/tuned-offline", "import", options.file,
                                      "--check"};
  for (const std::string& key : options.trusted)
    command.insert(command.end(), {"--trust", key});
  if (options.allowUntrusted) command.emplace_back("--allow-untrusted");
  if (globals.json) command.emplace_back("--json");
  auto judged = runProgram(command, enough);
  if (!judged) return report(globals, judged.error());
  if (judged->exitCode != 0) {
    std::cerr << judged->errors;
    return judged->exitCode;
  }
  std::ifstream in(options.file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  std::string path = "/v1/bundle?allow_untrusted=true";
  if (options.allowOlder) path += "&allow_older=true";
  if (options.trustMeasurements) path += "&trust_measurements=true";
  auto answer = client.request("POST", path, bytes);
  if (!answer) return report(globals, answer.error());
  if (globals.json) {
    std::cout << *answer << "\n";
    return done;
  }
  const auto said = nlohmann::json::parse(*answer, nullptr, false);
  std::cout << options.file << ": " << (said.is_object() ? said.value("words", "") : "") << "\n";
  return done;
}
} // namespace

std::optional<int> throughDaemon(const Globals& globals, const std::string& verb,
                                 const std::vector<std::string>& arguments) {
  Options options;
  if (!read(verb, arguments, options)) return std::nullopt;
  auto client = serving(globals, options);
  if (!client) return std::nullopt;
  return verb == "export" ? exportTo(globals, *client, options) : importFrom(globals, *client, options);
}

} // namespace tuned::tunectl
