// A kernel given as a list of sources, one for each configuration, in place of a template: how a compiler in
// front of us hands over its variants.
#pragma once

#include "base/error.h"

#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// The same document with one source that chooses among the list's by its parameters; parameters, default
/// (the first of the list, unless the document says) and a constraint for just these configurations are made
/// of the list. Lines of errors then count through all the sources, in the list's order.
///   "sources": [{"configuration": {"BLOCK": 64}, "source_text": "…"}, …]
/// InvalidInput: the list is empty, an entry lacks a part, two have one configuration, configurations name
/// different parameters, or the document has a source, parameters or constraints besides.
Result<nlohmann::json> withOneSource(nlohmann::json document);

} // namespace tuned
