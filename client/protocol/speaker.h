// Who speaks: programs of this protocol name their version and their messages, so that an error between two
// of unlike versions can say so.
#pragma once

#include <string>

namespace tuned::protocol {

/// "gpu-tuned/0.1.0 (messages 3f9a01c2)": the version, and a digest of all routes and messages, which differs
/// between builds whose messages do. The header Server of every answer of the daemon's.
const std::string& speaker();

} // namespace tuned::protocol
