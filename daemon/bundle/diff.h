// What changed between two bundles.
#pragma once

#include "daemon/bundle/file.h"

namespace tuned::bundle {

/// One configuration of a kernel at sizes on a target, or (configuration empty) their best measurement.
struct Change {
  std::string kernel; ///< name
  std::string sizes, configuration, target;
  std::string what; ///< "new", "gone", "fails", "works", "other code", "slower", "faster"
  std::string detail;
  double ratio = 1; ///< seconds of B over A, of "slower" and "faster"
};

struct Difference {
  std::vector<Change> changes;
  int64_t same = 0;      ///< builds that are equal
  bool failing = false;  ///< something that A built does not compile in B
  double worstRatio = 1; ///< of the best measurements
};

/// Kernels are matched by name, so that a changed source is compared with what it was. Measurements count
/// where both have one on the same hardware; ratios within 2 % are no change.
Result<Difference> diff(const Reader& a, const Reader& b);

} // namespace tuned::bundle
