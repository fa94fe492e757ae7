// The verbs of tunectl. Each adds its subcommand and, when it was chosen, sets what is to run.
#pragma once

#include "base/error.h"
#include "client/client.h"

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tuned::tunectl {

/// Exit codes of tunectl. 78 comes from the daemon that `serve` becomes.
enum Exit {
  done = 0,
  failed = 1,
  usage = 2,
  miss = 3,
  noDaemon = 4,
  denied = 5,
  timedOut = 6,
  budgetEnded = 75
};

/// Options of every verb.
struct Globals {
  std::string socket;
  bool json = false;
  double timeout = 30; ///< seconds
};

struct Context {
  Globals globals;
  std::function<int()> run; ///< set by the verb that was chosen
};

void addServe(CLI::App& app, Context& context);
void addStatus(CLI::App& app, Context& context);
/// prewarm, export, import, verify, gc, diff and key
void addOffline(CLI::App& app, Context& context);
void addVersion(CLI::App& app, Context& context);
void addQuery(CLI::App& app, Context& context);
void addTune(CLI::App& app, Context& context);
void addWatch(CLI::App& app, Context& context);
/// A range of a size, as few configurations.
void addCover(CLI::App& app, Context& context);
/// Ask and tell: searches of what others compile and time.
void addStudy(CLI::App& app, Context& context);
/// What `ls` lists.
inline const std::vector<std::string> listNames = {"winners", "kernels", "trials", "jobs", "devices"};
void addLs(CLI::App& app, Context& context);
void addShow(CLI::App& app, Context& context);
void addExplain(CLI::App& app, Context& context);
void addForget(CLI::App& app, Context& context);
/// pause and resume
void addPause(CLI::App& app, Context& context);
void addTop(CLI::App& app, Context& context);
void addCompile(CLI::App& app, Context& context);
void addBench(CLI::App& app, Context& context);
void addDoctor(CLI::App& app, Context& context);

/// Whether it is a file, and so no kernel's or job's id.
bool isBundle(const std::string& path);
/// Becomes the program that reads bundles.
int showBundle(const Globals& globals, const std::string& path);

/// Says the error on stderr (with --json as a problem) and gives the exit code for it.
int report(const Globals& globals, const Error& error);

Result<client::Client> connect(const Globals& globals);

/// A kernel named on the command line, as the id the daemon knows it by: a document's path or a name of the
/// library is submitted; anything else is taken for the id or name of a kernel submitted before.
Result<std::string> kernelId(client::Client& client, const std::string& kernel);

/// The options that name a problem.
struct Problem {
  std::string kernel;
  std::vector<std::string> sizeTexts; ///< "M=1024"
  std::string device;
};
void addProblemOptions(CLI::App& verb, Problem& problem);
/// --objective, with a check of what is given.
void addObjectiveOption(CLI::App& verb, std::string& objective);
/// "time", "energy", "time:2,energy:1", also as JSON writes it; nothing for an empty text. Only for texts
/// that addObjectiveOption has checked.
std::optional<protocol::Objective> parseObjective(const std::string& text);
/// Only for texts that addProblemOptions has checked.
protocol::Values parseSizes(const std::vector<std::string>& texts);

} // namespace tuned::tunectl
