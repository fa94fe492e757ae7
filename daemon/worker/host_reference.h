// Expected outputs by the CPU backend. Where its cores would take long for all of a grid they take a part,
// and the device under trial, which takes a moment, computes the whole: what its own compiler makes of the
// same IR, without pipelining, and only if it agrees with that part.
#pragma once

#include "backend/artefact.h"
#include "daemon/worker/reference.h"

namespace tuned {

/// By the CPU's plain target, as the request says. With sums taken otherwise a part is all that is given
/// where the whole takes long: it tells what right builds may differ by as well. Programs that update memory
/// are only right all together, and are always run as a whole.
Result<ReferenceResult> referenceByHost(const ReferenceRequest& request);

/// What a build leaves on the request's device, in its turn.
Result<ReferenceResult> referenceOnDevice(const ReferenceRequest& request, const Artefact& artefact,
                                          const Grid& grid, const std::string& source);

} // namespace tuned
