// Small kernels for tests.
#pragma once

#include "ir/kernel/kernel.h"

#include <doctest/doctest.h>

namespace tuned::test {

/// Fails the test when the document does not parse.
Kernel parsed(const std::string& document);

/// y = 2 x + bias over n elements: what the host device's programs compute.
Kernel twice();

} // namespace tuned::test
