#include "base/positive_option.h"
#include "client/tunectl/near.h"
#include "client/tunectl/verbs.h"
#include "client/tunectl/verbs/daemon/stop.h"

#include <CLI/CLI.hpp>
#include <clocale>
#include <iostream>

using namespace tuned::tunectl;

namespace {

/// "; did you mean 'tune'?": a verb that is spelt much alike, or the list of that name.
std::string meant(const CLI::App& app, const std::string& word) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands({}))
    verbs.push_back(verb->get_name());
  std::string out;
  for (const std::string& verb : near(word, verbs))
    out += (out.empty() ? "'" : "' or '") + verb;
  for (const std::string& list : near(word, listNames))
    out += (out.empty() ? "'ls " : "' or 'ls ") + list;
  return out.empty() ? "" : "; did you mean " + out + "'?";
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("tunectl: finds, keeps and serves the fastest build of a GPU or CPU kernel", "tunectl");
  app.require_subcommand(1);
  app.fallthrough();
  Context context;
  app.add_option("--socket", context.globals.socket,
                 "the daemon's socket (else GPU_TUNED_SOCKET, the user's runtime folder, /run/gpu-tuned)");
  app.add_flag("--json", context.globals.json, "data as JSON on stdout, errors as problem+json on stderr");
  app.add_option("--timeout", context.globals.timeout, "seconds an answer of the daemon may take")
      ->check(tuned::positiveNumber())
      ->capture_default_str();
  for (const auto add :
       {addServe, addStatus, addQuery, addTune, addWatch, addCover, addStudy, addLs, addShow, addExplain,
        addForget, addStop, addPause, addTop, addCompile, addBench, addOffline, addDoctor, addVersion})
    add(app, context);
  app.footer("Exit: 0 done, 1 failed, 2 usage, 3 miss, 4 no daemon, 5 denied, 6 timeout, 75 budget ended, 78 "
             "bad configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) { // --help
    return app.exit(asked);
  } catch (const CLI::RequiredError& error) {
    if (const auto unknown = app.remaining(true); app.get_subcommands().empty() && !unknown.empty())
      std::cerr << "tunectl: there is no verb '" << unknown.front() << "' (tunectl --help lists them)"
                << meant(app, unknown.front()) << "\n";
    else
      app.exit(error);
    return usage;
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return usage;
  }
  return context.run();
}
