// The verbs that work on a cache without a daemon.
#pragma once

#include "base/error.h"
#include "daemon/store/store.h"

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace tuned::offline {

enum Exit { done = 0, failed = 1, usage = 2, denied = 5, budgetEnded = 75 };

struct Context {
  std::string cache; ///< folder
  bool json = false;
  std::function<int()> run; ///< set by the verb that was chosen
};

void addPrewarm(CLI::App& app, Context& context);
void addPlan(CLI::App& app, Context& context);
void addExport(CLI::App& app, Context& context);
void addImport(CLI::App& app, Context& context);
void addVerify(CLI::App& app, Context& context);
void addGc(CLI::App& app, Context& context);
void addShow(CLI::App& app, Context& context);
void addDiff(CLI::App& app, Context& context);
void addKey(CLI::App& app, Context& context);

/// The cache, held until it is closed. Where it `exists` it is not made: NotFound. Unavailable: a daemon has
/// it.
Result<std::unique_ptr<store::Store>> openCache(const Context& context, bool exists);

/// Says the error on stderr (with --json as a problem) and gives the exit code for it.
int report(const Context& context, const Error& error);

} // namespace tuned::offline
