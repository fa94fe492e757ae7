#include "client/endpoint.h"
#include "client/protocol/problem.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <charconv>
#include <iostream>
#include <limits>
#include <sstream>

namespace tuned::tunectl {

namespace {
int exitCode(const Globals& globals, const Error& error) {
  switch (error.kind) {
  case ErrorKind::Denied:
    return denied;
  case ErrorKind::TimedOut:
    return timedOut;
  case ErrorKind::Unavailable:
    // A device may be away, too: only without a daemon it is "no daemon".
    return client::Client::connect({globals.socket, 2}) ? failed : noDaemon;
  default:
    return failed;
  }
}

/// Nothing; else what is wrong with the text.
std::string parseSize(const std::string& text, std::string& name, int64_t& value) {
  const std::string wrong = "\"" + text + "\" is not NAME=INTEGER";
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return wrong;
  name = text.substr(0, equals);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + equals + 1, end, value);
  if (stop != end || error == std::errc::invalid_argument) return wrong;
  if (error == std::errc()) return "";
  using Range = std::numeric_limits<int64_t>;
  return "\"" + text + "\": " + name + " is out of range, " + std::to_string(Range::min()) + " to " +
         std::to_string(Range::max());
}

std::string checkSize(const std::string& text) {
  std::string name;
  int64_t value = 0;
  return parseSize(text, name, value);
}
} // namespace

namespace {
/// Weights by name. An empty text: what is wrong with it.
std::string readObjective(const std::string& text, protocol::Objective& objective) {
  std::string plain;
  for (const char each : text)
    if (!std::isspace(static_cast<unsigned char>(each)) && each != '{' && each != '}' && each != '"')
      plain += each;
  objective = {0, 0};
  std::istringstream parts(plain);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t colon = part.find(':');
    const std::string name = part.substr(0, colon),
                      digits = colon == std::string::npos ? "1" : part.substr(colon + 1);
    double weight = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
    if ((name != "time" && name != "energy") || error != std::errc() || end != digits.data() + digits.size())
      return "\"" + part + "\" is not time, energy, time:WEIGHT or energy:WEIGHT";
    (name == "time" ? objective.time : objective.energy) = weight;
  }
  return objective.sound() ? "" : "weights are at least 0, and not all are 0";
}
} // namespace

void addObjectiveOption(CLI::App& verb, std::string& objective) {
  verb.add_option(
          "--objective", objective,
          "what is made small: time, energy, or both by weights, as time:1,energy:1; time when left out")
      ->check([](const std::string& text) {
        protocol::Objective ignored;
        return readObjective(text, ignored);
      });
}

std::optional<protocol::Objective> parseObjective(const std::string& text) {
  protocol::Objective objective;
  if (text.empty() || !readObjective(text, objective).empty()) return std::nullopt;
  return objective.timeAlone() ? std::nullopt : std::optional(objective);
}

int report(const Globals& globals, const Error& error) {
  if (globals.json) {
    std::cerr << protocol::problemText(error) << '\n';
  } else {
    std::cerr << "tunectl: " << error.text() << '\n';
  }
  return exitCode(globals, error);
}

Result<client::Client> connect(const Globals& globals) {
  return client::Client::connect({globals.socket, globals.timeout});
}

Result<std::string> kernelId(client::Client& client, const std::string& kernel) {
  const auto document = client::loadDocument(kernel);
  if (!document) {
    const bool path = kernel.find('/') != std::string::npos || kernel.ends_with(".json");
    if (path || document.error().kind != ErrorKind::NotFound) return fail(document.error());
    const auto known = client.kernel(kernel);
    if (!known) return fail(known.error().kind == ErrorKind::NotFound ? document.error() : known.error());
    return known->id;
  }
  const auto info = client.submit(*document);
  if (!info) return fail(info.error());
  return info->id;
}

void addProblemOptions(CLI::App& verb, Problem& problem) {
  verb.add_option("kernel", problem.kernel, "path of a kernel document, name in the library, or kernel id")
      ->required();
  verb.add_option("-s,--size", problem.sizeTexts, "a size, NAME=INTEGER; repeat or separate by commas")
      ->delimiter(',')
      ->check(checkSize);
  verb.add_option("-d,--device", problem.device, "cpu, cuda:0, …; the best present when left out");
}

protocol::Values parseSizes(const std::vector<std::string>& texts) {
  protocol::Values sizes;
  for (const std::string& text : texts) {
    std::string name;
    int64_t value = 0;
    if (parseSize(text, name, value).empty()) sizes[name] = value;
  }
  return sizes;
}

} // namespace tuned::tunectl
