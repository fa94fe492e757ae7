// A recorded launch of a Triton kernel: case.json, kernel.ttir and data.bin of one folder.
#pragma once

#include "backend/device.h"
#include "backend/reference/numeric.h"

#include <optional>
#include <string>
#include <vector>

namespace tuned::conformance {

using reference::Kind;

struct CaseArgument {
  std::string name;
  std::string type;                            ///< "*fp16", "i32", "tensordesc<fp16[128, 64]>"
  bool isBuffer = false;                       ///< pointer or host tensor descriptor
  Kind kind = Kind::I32;                       ///< of the buffer's elements, or of the scalar
  std::vector<std::byte> before;               ///< from the first to the last element
  std::optional<std::vector<std::byte>> after; ///< as Triton left it, if it changed
  Scalar scalar;
  std::optional<TensorDescriptor> descriptor; ///< its address is the launch's
};

struct Case {
  std::string id; ///< the folder, relative to the cases' root
  std::string test, entry;
  std::string source, sourcePath;
  Grid grid = {1, 1, 1};
  int numWarps = 4, numStages = 3, numCtas = 1;
  std::vector<CaseArgument> arguments;
};

/// Folders below `root` that hold a case.json, sorted, relative to it.
std::vector<std::string> findCases(const std::string& root);
/// InvalidInput says which file and key is wrong.
Result<Case> readCase(const std::string& root, const std::string& id);

} // namespace tuned::conformance
