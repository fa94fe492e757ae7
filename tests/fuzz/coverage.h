// What libFuzzer is told of an input beside the edges of the front end: the backends are compiled without
// instrumentation, and what they do depends on which operation meets which types.
#pragma once

#include <cstdint>

namespace tuned {

/// Counts something the input has; a text that is the first to have it is kept and mutated further.
void countFeature(uint64_t hash);

} // namespace tuned
