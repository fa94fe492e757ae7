// What the store knows of a kernel beside the problem that is tuned: measurements at other sizes and on other
// targets, as histories for the search.
#pragma once

#include "daemon/store/store.h"
#include "tuner/search/strategy.h"

namespace tuned {

/// The histories nearest to the problem, at most 8 of at most 4096 points each; the store is asked once. What
/// other compilers made and what stands for nothing any more is left out. Empty when the store cannot be
/// read: a search needs no history.
std::vector<History> historyFor(store::Store& store, const store::ProblemKey& problem, const Sizes& sizes);

} // namespace tuned
