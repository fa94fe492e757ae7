// The makers of all strategies; table.cpp lists them.
#pragma once

#include "tuner/search/strategy.h"

namespace tuned {

/// Every configuration once, in the space's order.
std::unique_ptr<Strategy> makeExhaustive(const Study& study);
/// Every configuration once, in a random order.
std::unique_ptr<Strategy> makeRandom(const Study& study);
/// Iterated local search at distance one.
std::unique_ptr<Strategy> makeLocal(const Study& study);
/// A steady-state genetic algorithm.
std::unique_ptr<Strategy> makeEvolutionary(const Study& study);
/// A Gaussian process with expected improvement, starting from history where there is any.
std::unique_ptr<Strategy> makeSurrogate(const Study& study);
/// The surrogate, and the model-free strategies where they gain more lately.
std::unique_ptr<Strategy> makePortfolio(const Study& study);

} // namespace tuned
