// What is to be built ahead: kernels at sizes, for targets.
#pragma once

#include "base/error.h"
#include "ir/kernel/kernel.h"

#include <string>
#include <vector>

namespace tuned::prewarm {

/// One kernel of a manifest at exact sizes.
struct Problem {
  std::string kernel; ///< path of its document
  Sizes sizes;
  auto operator<=>(const Problem&) const = default;
};

struct Manifest {
  std::string name;
  std::vector<std::string> targets; ///< of which to build when nobody says; may be empty
  int64_t configurations = 0;     ///< for each problem: the default and others spread over the space; 0: all
  std::vector<Problem> problems;  ///< sorted, each once
  std::vector<std::string> notes; ///< what was left out, and why
};

/// Reads a manifest:
///   {"name": "vit_b16", "dimensions": {"batch": [1, 8], "hidden": 768, "tokens": 197}, "configurations": 16,
///    "targets": ["sm_90a"],
///    "kernels": [{"kernel": "matmul_f16", "sizes": {"M": "batch * tokens", "N": "hidden", "K": "hidden"}}]}
/// A dimension or size is an integer, an expression over dimensions, a list of those, or a range: {"from",
/// "to", and "step" or "factor"}, both ends included. Lists multiply. A kernel is a name in one of `folders`,
/// or a path beside the manifest. InvalidInput names the key; an unknown kernel, size or dimension; more than
/// 100,000 problems.
Result<Manifest> parseManifest(const std::string& text, const std::string& path,
                               const std::vector<std::string>& folders);
/// NotFound: the file cannot be read.
Result<Manifest> loadManifest(const std::string& path, const std::vector<std::string>& folders);

} // namespace tuned::prewarm
