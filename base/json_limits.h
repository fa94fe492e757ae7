// What a JSON text from outside may cost, known before a parser sees it, and what a parser would hide.
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

/// InvalidInput names a key that stands twice in one object ("budget.seconds: given twice"): a parser would
/// pass over one of them. Text that is no JSON passes, for the parser to complain of. Memory grows with the
/// keys of objects that are open, so the limits above come first.
Result<void> checkJsonKeys(std::string_view text, bool comments = false);

} // namespace tuned
