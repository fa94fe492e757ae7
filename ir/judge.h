// The second kernel whose outputs say whether those of a kernel are right.
#pragma once

#include "ir/kernel/kernel.h"

#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// The judge's own document out of "judge" of `document`. What an unnamed one leaves out of name, sizes,
/// constants, arguments and tolerance is the kernel's. InvalidInput: no object, or a judge of a judge.
Result<nlohmann::json> judgeDocument(const nlohmann::json& document);

/// InvalidInput unless the judge is kernel IR with the sizes and the arguments of the kernel: then both run
/// on the same buffers.
Result<void> checkJudge(const Kernel& kernel, const Kernel& judge);

} // namespace tuned
