// tuned-offline: what tunectl does with a cache or a bundle where no daemon runs. It owns the cache while it
// works, as the daemon does; no other program of ours opens the database.
#include "client/protocol/problem.h"
#include "daemon/offline/verbs.h"
#include "daemon/options.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>

using namespace tuned::offline;

int tuned::offline::report(const Context& context, const Error& error) {
  if (context.json)
    std::cerr << protocol::problemText(error) << "\n";
  else
    std::cerr << "tunectl: " << error.text() << "\n";
  return error.kind == ErrorKind::Denied ? denied : failed;
}

tuned::Result<std::unique_ptr<tuned::store::Store>> tuned::offline::openCache(const Context& context,
                                                                              bool exists) {
  if (exists && !std::filesystem::exists(std::filesystem::path(context.cache) / "tuned.db"))
    return fail(ErrorKind::NotFound, "there is no cache in " + context.cache, "--cache names its folder");
  auto store = store::Store::open(context.cache);
  if (!store && store.error().kind == ErrorKind::Unavailable)
    return fail(
        ErrorKind::Unavailable, store.error().message,
        "stop that daemon meanwhile, or name another folder with --cache; export, import, verify and gc go "
        "through it where --socket or GPU_TUNED_SOCKET names its socket");
  return store;
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
