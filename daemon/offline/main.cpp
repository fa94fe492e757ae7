// tuned-offline: what tunectl does with a cache or a bundle where no daemon runs. It owns the cache while it
// works, as the daemon does; no other program of ours opens the database.
#include "client/protocol/problem.h"
#include "daemon/offline/verbs.h"
#include "daemon/options.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

using namespace tuned::offline;

int tuned::offline::report(const Context& context, const Error& error) {
  if (context.json)
    std::cerr << protocol::problemText(error) << "\n";
  else
    std::cerr << "tunectl: " << error.text() << "\n";
  return error.kind == ErrorKind::Denied ? denied : failed;
}

int main(int argc, char** argv) {
  CLI::App app("the verbs of tunectl that need no daemon", "tunectl");
  app.require_subcommand(1);
  app.fallthrough();
  Context context;
  context.cache = tuned::defaultCache();
  app.add_option("--cache", context.cache, "folder of the cache")->capture_default_str();
  app.add_flag("--json", context.json, "data as JSON on stdout, errors as problem+json on stderr");
  for (const auto add :
       {addPrewarm, addPlan, addExport, addImport, addVerify, addGc, addShow, addDiff, addKey})
    add(app, context);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a file-size limit is a full disk, not the end
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) { // --help
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return usage;
  }
  return context.run();
}
