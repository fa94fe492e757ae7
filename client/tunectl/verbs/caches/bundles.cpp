#include "client/tunectl/verbs/caches/bundles.h"

#include "base/model/upkeep.h"
#include "base/units.h"
#include "client/endpoint.h"
#include "client/http.h"
#include "client/protocol/json.h"
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
  std::string file, cache, key, size, age;
  std::vector<std::string> kernels, targets, trusted;
  bool allowUntrusted = false, allowOlder = false, trustMeasurements = false, check = false;
};

/// False: tuned-offline has to say what is wrong, or to help.
bool read(const std::string& verb, std::vector<std::string> arguments, Options& options) {
  CLI::App app;
  app.set_help_flag();
  if (verb == "export" || verb == "import") app.add_option("file", options.file)->required();
  app.add_option("--cache", options.cache);
  if (verb == "gc") {
    app.add_option("--max-size", options.size);
    app.add_option("--max-age", options.age);
  } else if (verb == "export") {
    app.add_option("--key", options.key);
    app.add_option("--kernel", options.kernels)->allow_extra_args(false);
    app.add_option("-t,--target", options.targets)->delimiter(',')->allow_extra_args(false);
  } else if (verb == "import") {
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
  if ((!options.size.empty() && !bytesFrom(options.size)) ||
      (!options.age.empty() && !secondsFrom(options.age)))
    return false;
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

/// Programs that are started from here read these bytes as their standard input.
Result<void> giveAsInput(const std::string& bytes) {
  const int file = ::memfd_create("bundle", MFD_CLOEXEC);
  size_t at = 0;
  while (file >= 0 && at < bytes.size()) {
    const ssize_t count = ::write(file, bytes.data() + at, bytes.size() - at);
    if (count <= 0) break;
    at += static_cast<size_t>(count);
  }
  if (file < 0 || at < bytes.size() || ::lseek(file, 0, SEEK_SET) != 0 || ::dup2(file, STDIN_FILENO) < 0)
    return fail(ErrorKind::OutOfResources,
                "no memory for the bundle's " + std::to_string(bytes.size()) + " bytes");
  return {};
}

Result<std::string> bytesOf(const std::string& path) {
  constexpr int64_t most = int64_t{256} << 20; // what a daemon takes
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return fail(ErrorKind::InvalidInput, path + " is a folder, not a bundle");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const auto size = in ? static_cast<int64_t>(in.tellg()) : -1;
  if (size > most)
    return fail(ErrorKind::OutOfResources, path + " is larger than the 256 MiB that a daemon takes",
                "stop the daemon and import it with --cache");
  std::string bytes(static_cast<size_t>(std::max<int64_t>(size, 0)), '\0');
  if (size < 0 || !in.seekg(0).read(bytes.data(), size))
    return fail(ErrorKind::NotFound, "cannot read the bundle " + path);
  return bytes;
}

/// The daemon's bytes become the standard input of tuned-offline, which signs them and writes the file.
int exportTo(const Globals& globals, client::Client& client, const Options& options) {
  std::string path = "/v1/bundle";
  for (const auto& [name, list] : {std::pair("kernel", &options.kernels), {"target", &options.targets}})
    if (!list->empty())
      path += (path.contains('?') ? "&" : "?") + std::string(name) + "=" + client::encode(joined(*list));
  auto bytes = client.request("GET", path);
  if (!bytes) return report(globals, bytes.error());
  if (auto given = giveAsInput(*bytes); !given) return report(globals, given.error());
  std::vector<std::string> command = {client::programFolder() + "/tuned-offline", "export", options.file,
                                      "--from", "/dev/stdin"};
  if (!options.key.empty()) command.insert(command.end(), {"--key", options.key});
  if (globals.json) command.emplace_back("--json");
  return become(globals, std::move(command));
}

/// Whether it would be taken is judged here, by the keys that this user trusts. What is judged is what is
/// sent, whoever changes the file meanwhile.
int importFrom(const Globals& globals, client::Client& client, const Options& options) {
  auto bytes = bytesOf(options.file);
  if (!bytes) return report(globals, bytes.error());
  if (auto given = giveAsInput(*bytes); !given) return report(globals, given.error());
  std::vector<std::string> command = {client::programFolder() + "/tuned-offline", "import", "/dev/stdin",
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
  std::string path = "/v1/bundle?allow_untrusted=true";
  if (options.allowOlder) path += "&allow_older=true";
  if (options.trustMeasurements) path += "&trust_measurements=true";
  auto answer = client.request("POST", path, *bytes);
  if (!answer) return report(globals, answer.error());
  if (globals.json) {
    std::cout << *answer << "\n";
    return done;
  }
  const auto said = nlohmann::json::parse(*answer, nullptr, false);
  std::cout << options.file << ": " << (said.is_object() ? said.value("words", "") : "") << "\n";
  return done;
}

template <typename Message>
Result<Message> ask(client::Client& client, const std::string& path, const std::string& body) {
  auto answer = client.request("POST", path, body);
  return answer ? protocol::fromText<Message>(*answer) : fail(answer.error());
}

template <typename Message> void print(const Globals& globals, const Message& message) {
  std::cout << (globals.json ? nlohmann::json::parse(protocol::toText(message)).dump(2) : inWords(message))
            << "\n";
}

int verify(const Globals& globals, client::Client& client) {
  auto check = ask<CacheCheck>(client, "/v1/verify", "");
  if (!check) return report(globals, check.error());
  print(globals, *check);
  return check->sound ? done : failed;
}

int collect(const Globals& globals, client::Client& client, const Options& options) {
  if (options.size.empty() && options.age.empty())
    return report(globals, {ErrorKind::InvalidInput, "nothing says what is to go", std::nullopt,
                            "give --max-size, --max-age or both"});
  CollectRequest request;
  if (!options.size.empty())
    request.maxBytes = static_cast<int64_t>(std::min(9e18, *bytesFrom(options.size)));
  if (!options.age.empty()) request.maxAgeSeconds = secondsFrom(options.age);
  auto gone = ask<Collected>(client, "/v1/collect", protocol::toText(request));
  if (!gone) return report(globals, gone.error());
  print(globals, *gone);
  return done;
}
} // namespace

std::optional<int> throughDaemon(const Globals& globals, const std::string& verb,
                                 const std::vector<std::string>& arguments) {
  Options options;
  if (!read(verb, arguments, options)) return std::nullopt;
  auto client = serving(globals, options);
  if (!client) return std::nullopt;
  if (verb == "verify") return verify(globals, *client);
  if (verb == "gc") return collect(globals, *client, options);
  return verb == "export" ? exportTo(globals, *client, options) : importFrom(globals, *client, options);
}

} // namespace tuned::tunectl
