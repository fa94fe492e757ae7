// `tunectl study`: ask and tell from scripts, and `study run`, which does both around any program.
#include "base/positive_option.h"
#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/process.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace tuned::tunectl {

namespace {
struct Options {
  std::string file, id, failed;
  int64_t count = 1, number = 0, evaluations = 0;
  std::optional<double> value;
  std::vector<std::string> values;
  double seconds = 600;
  std::vector<std::string> command;
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string formatNumbers(const std::map<std::string, double>& values) {
  std::string out;
  for (const auto& [name, value] : values)
    out += (out.empty() ? "" : " ") + name + "=" + number(value);
  return out;
}

/// "NAME=NUMBER"; nothing: it is none.
std::optional<std::pair<std::string, double>> namedValue(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  double value = 0;
  auto [end, error] = std::from_chars(text.data() + equals + 1, text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::pair(text.substr(0, equals), value);
}

std::string checkValue(const std::string& text) {
  return namedValue(text) ? "" : "\"" + text + "\" is not NAME=NUMBER";
}

/// Only of texts that checkValue passes.
std::map<std::string, double> parseValues(const std::vector<std::string>& texts) {
  std::map<std::string, double> out;
  for (const std::string& text : texts)
    if (auto value = namedValue(text)) out.insert(*value);
  return out;
}

/// All words of a line, where each is NAME=NUMBER.
std::optional<std::map<std::string, double>> valuesIn(const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> texts;
  for (std::string word; words >> word;)
    texts.push_back(word);
  if (texts.empty() ||
      !std::ranges::all_of(texts, [](const auto& text) { return namedValue(text).has_value(); }))
    return std::nullopt;
  return parseValues(texts);
}

int show(const Globals& globals, const Result<protocol::StudyInfo>& study) {
  if (!study) return report(globals, study.error());
  if (globals.json) {
    std::cout << protocol::toText(*study) << '\n';
    return done;
  }
  std::vector<Row> rows = {{"study", study->id + " " + study->name},
                           {"configurations", std::to_string(study->told) + " of " +
                                                  std::to_string(study->configurations) + " told, " +
                                                  std::to_string(study->waiting) + " waiting"},
                           {"strategy", study->strategy}};
  if (study->best)
    rows.push_back({"best", formatValues(study->best->configuration) + ": " + number(study->best->value)});
  if (study->expectedGain) rows.push_back({"expected gain", number(100 * *study->expectedGain) + " %"});
  rows.push_back({"finished", study->finished ? "yes" : "no"});
  std::cout << facts(rows);
  return done;
}

Result<protocol::StudyRequest> read(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path);
    if (!file) return fail(ErrorKind::NotFound, path + " cannot be read");
  }
  std::istream& in = path == "-" ? std::cin : file;
  return protocol::fromText<protocol::StudyRequest>(std::string(std::istreambuf_iterator<char>(in), {}));
}

int open(const Globals& globals, const Options& options) {
  auto request = read(options.file);
  if (!request) return report(globals, request.error());
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  return show(globals, client->openStudy(*request));
}

int ask(const Globals& globals, const Options& options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  auto answer = client->ask(options.id, options.count);
  if (!answer) return report(globals, answer.error());
  if (globals.json) {
    std::cout << protocol::toText(*answer) << '\n';
  } else {
    for (const auto& proposal : answer->proposals)
      std::cout << proposal.number << ' ' << formatValues(proposal.configuration) << '\n';
  }
  return answer->proposals.empty() ? miss : done;
}

int tell(const Globals& globals, const Options& options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  protocol::Told told{options.number, options.value, options.failed};
  if (!options.values.empty()) told.values = parseValues(options.values);
  return show(globals, client->tell(options.id, {{std::move(told)}}));
}

/// The program with the proposal's values in its environment and in place of {NAME} in its arguments.
std::vector<std::string> commandOf(const std::vector<std::string>& command, const protocol::Values& values) {
  std::vector<std::string> out = {"/usr/bin/env"};
  for (const auto& [name, value] : values)
    out.push_back(name + "=" + std::to_string(value));
  for (std::string argument : command) {
    for (const auto& [name, value] : values) {
      const std::string hole = "{" + name + "}", text = std::to_string(value);
      for (size_t at = argument.find(hole); at != std::string::npos;
           at = argument.find(hole, at + text.size()))
        argument.replace(at, hole.size(), text);
    }
    out.push_back(std::move(argument));
  }
  return out;
}

/// What a run of the program says: the number on its last line, or NAME=NUMBER several times, or why there is
/// none.
protocol::Told toldBy(const Result<Finished>& finished, int64_t proposal) {
  protocol::Told told{proposal, std::nullopt, ""};
  if (!finished) {
    told.failure = finished.error().message;
  } else if (finished->exitCode != 0) {
    told.failure = "exit code " + std::to_string(finished->exitCode);
  } else {
    std::string text = finished->output;
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
      text.pop_back();
    text = text.substr(text.find_last_of('\n') + 1);
    double value = 0;
    told.values = valuesIn(text);
    if (told.values) return told;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || value > 1e300)
      told.failure = "its last line is no positive number: '" + text.substr(0, 80) + "'";
    else
      told.value = value;
  }
  return told;
}

int run(const Globals& globals, const Options& options) {
  auto request = read(options.file);
  if (!request) return report(globals, request.error());
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  auto study = client->openStudy(*request);
  for (int64_t tried = 0;
       study && !study->finished && (options.evaluations == 0 || tried < options.evaluations); ++tried) {
    auto answer = client->ask(study->id);
    if (!answer) return report(globals, answer.error());
    if (answer->proposals.empty()) break;
    const protocol::Proposal& proposal = answer->proposals.front();
    const auto told = toldBy(runProgram(commandOf(options.command, proposal.configuration), options.seconds),
                             proposal.number);
    std::cerr << formatValues(proposal.configuration) << ": "
              << (told.value    ? number(*told.value)
                  : told.values ? formatNumbers(*told.values)
                                : told.failure)
              << std::endl;
    study = client->tell(study->id, {{told}});
  }
  return show(globals, study);
}

void addRun(CLI::App& study, const std::shared_ptr<Options>& options, Context& context) {
  auto* verb =
      study.add_subcommand("run", "run a program for each proposal; its last line is the value to be made "
                                  "small, or NAME=NUMBER for each that the study's objective weighs");
  verb->add_option("file", options->file, "the study as JSON; - is stdin")->required();
  verb->add_option("--evaluations", options->evaluations, "at most so many; 0: until the study is finished")
      ->check(nonNegativeNumber());
  verb->add_option("--seconds", options->seconds, "that one run may take")
      ->check(positiveNumber())
      ->capture_default_str();
  verb->add_option(
          "command", options->command,
          "behind --: the program; parameters are in its environment, and for {NAME} in its arguments")
      ->required();
  verb->callback(
      [options, &context] { context.run = [=, &context] { return run(context.globals, *options); }; });
}
} // namespace

void addStudy(CLI::App& app, Context& context) {
  auto* study =
      app.add_subcommand("study", "search a space whose configurations are timed elsewhere: ask and tell");
  study->require_subcommand(1);
  auto options = std::make_shared<Options>();
  auto verb = [&](const char* name, const char* what, auto work) {
    auto* out = study->add_subcommand(name, what);
    out->callback([=, &context] { context.run = [=, &context] { return work(context.globals, *options); }; });
    return out;
  };
  verb("open", "begin one, or go on with what an equal one was told", open)
      ->add_option("file", options->file, "the study as JSON; - is stdin")
      ->required();
  auto* asking = verb("ask", "what to try next", ask);
  asking->add_option("study", options->id, "the study's id")->required();
  asking->add_option("--count", options->count, "proposals")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  auto* telling = verb("tell", "what came of a proposal", tell);
  telling->add_option("study", options->id, "the study's id")->required();
  telling->add_option("number", options->number, "the proposal's")->required();
  auto* value = telling->add_option("value", options->value, "to be made small: seconds, joules, …");
  auto* values =
      telling->add_option("--value", options->values, "NAME=NUMBER, of a study with an objective; repeat")
          ->delimiter(',')
          ->check(checkValue)
          ->excludes(value);
  telling->add_option("--failed", options->failed, "why there is no value")
      ->excludes(value)
      ->excludes(values);
  verb("show", "where it stands",
       [](const Globals& globals, const Options& options) {
         auto client = connect(globals);
         return client ? show(globals, client->study(options.id)) : report(globals, client.error());
       })
      ->add_option("study", options->id, "the study's id")
      ->required();
  verb("close", "end it; what was told is kept",
       [](const Globals& globals, const Options& options) {
         auto client = connect(globals);
         return client ? show(globals, client->closeStudy(options.id)) : report(globals, client.error());
       })
      ->add_option("study", options->id, "the study's id")
      ->required();
  addRun(*study, options, context);
}

} // namespace tuned::tunectl
