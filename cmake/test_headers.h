// Precompiled once for the test programs.
#pragma once

#include "cmake/common_headers.h"
#include <doctest/doctest.h>
