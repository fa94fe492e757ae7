// The makers of all strategies; table.cpp lists them.
#pragma once

#include "tuner/search/strategy.h"

namespace tuned {

/// Every configuration once, in the space's order.
std::unique_ptr<Strategy> makeExhaustive(const Space& space, uint64_t seed);
/// Every configuration once, in a random order.
std::unique_ptr<Strategy> makeRandom(const Space& space, uint64_t seed);

} // namespace tuned
