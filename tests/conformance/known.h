// Cases that are known not to pass: a table `| case | device | reason |` in a Markdown file.
#pragma once

#include "base/error.h"

#include <string>
#include <vector>

namespace tuned::conformance {

struct Known {
  std::string pattern; ///< a glob over case folders
  std::string device;  ///< "cpu", "cuda", "reference" or "all"
  std::string reason;
};

/// InvalidInput names a row without reason.
Result<std::vector<Known>> readKnown(const std::string& path);

/// The row that covers a case on a device ("cuda:0" is "cuda"), or null.
const Known* findKnown(const std::vector<Known>& known, const std::string& id, const std::string& device);

} // namespace tuned::conformance
