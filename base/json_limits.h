// What a JSON text from outside may cost, known before a parser sees it.
#pragma once

#include "base/error.h"

#include <cstddef>
#include <string_view>

namespace tuned {

struct JsonLimits {
  size_t depth = 64; ///< objects and arrays within each other: parsed trees are walked by recursion
  size_t values =
      200'000; ///< in the whole text: a value takes about 100 bytes of memory, however short its text
};

/// InvalidInput names the limit that the text breaks. Looks at brackets, commas, strings and comments only:
/// text that passes may still be no JSON, and of text that is JSON (with comments or without) both numbers
/// are exact. One pass, no memory.
Result<void> checkJsonLimits(std::string_view text, const JsonLimits& limits = {});

} // namespace tuned
