// export, import, verify and gc beside a running daemon, which alone may open its cache.
#pragma once

#include "client/tunectl/verbs.h"

#include <optional>

namespace tuned::tunectl {

/// Does `verb` ("export", "import", "verify" of the cache, "gc") through the daemon and gives the exit code.
/// Nothing: no daemon serves the cache that the arguments name (--cache, else the daemon's own), or they are
/// not understood, or name a bundle to verify; tuned-offline then does the rest.
std::optional<int> throughDaemon(const Globals& globals, const std::string& verb,
                                 const std::vector<std::string>& arguments);

} // namespace tuned::tunectl
