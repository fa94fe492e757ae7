// Ending a daemon.
#pragma once

namespace CLI {
class App;
}

namespace tuned::tunectl {

struct Context;

void addStop(CLI::App& app, Context& context);

} // namespace tuned::tunectl
