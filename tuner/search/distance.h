// How far a problem is from another of the same kernel: what a history's weight begins with.
#pragma once

#include "ir/kernel/kernel.h"

namespace tuned {

/// The logarithms of the factors between sizes that both have, added up, and one more on another device.
double distanceBetween(const Sizes& a, const Sizes& b, bool otherDevice);

} // namespace tuned
