// Cases that are known not to pass, or that need care to be judged: tables in a Markdown file.
// The first is `| case | device | reason |`.
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

/// Cases whose recording alone does not say what is right: a table `| test | judged as | reason |`.
struct Treatment {
  std::string pattern; ///< a glob over test names, with brackets as they stand
  std::string word;
  std::string reason;
};

struct KnownCases {
  std::vector<Known> known;
  std::vector<Treatment> treatments;
};

/// InvalidInput names a row without reason.
Result<KnownCases> readKnown(const std::string& path);

/// The row that covers a case on a device ("cuda:0" is "cuda"), or null.
const Known* findKnown(const std::vector<Known>& known, const std::string& id, const std::string& device);

/// Whether a treatment of that word covers the test.
bool isTreated(const std::vector<Treatment>& treatments, const std::string& test, const std::string& word);

} // namespace tuned::conformance
