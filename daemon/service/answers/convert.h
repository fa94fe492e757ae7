// Between what the store keeps and what the protocol says.
#pragma once

#include "backend/artefact.h"
#include "client/protocol/messages.h"
#include "daemon/store/records.h"
#include "ir/kernel/kernel.h"
#include "tuner/search/tuner.h"

#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// A compact JSON object in name order: how the store names sizes and configurations.
std::string toKey(const Bindings& bindings);
Result<Bindings> fromKey(const std::string& key);

protocol::KernelInfo toProtocol(const Kernel& kernel, const std::string& document, int64_t configurations);

/// The kernel's arguments at these sizes, as a client that has no document needs them.
Result<std::vector<Argument>> argumentsOf(const Kernel& kernel, const Sizes& sizes);

/// What a build adds to an answer: its SHA-256, launch, resources.
void describe(protocol::Answer& answer, const Build& build);
/// An answer for a configuration that has not been measured here; the grid comes from the build, or the
/// kernel.
Result<protocol::Answer> answerFor(const Kernel& kernel, const std::string& kernelId, const Sizes& sizes,
                                   const Configuration& configuration, const Build& build);
/// An answer told from a measurement: time, interval, rates and verdict.
Result<protocol::Answer> answerFrom(const Kernel& kernel, const Sizes& sizes,
                                    const store::MeasurementRecord& record);

} // namespace tuned
