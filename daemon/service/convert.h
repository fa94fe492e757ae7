// Between the tuner's structs and the protocol's and the store's.
#pragma once

#include "backend/artefact.h"
#include "client/protocol/messages.h"
#include "daemon/service/devices.h"
#include "daemon/store/records.h"
#include "ir/kernel.h"
#include "tuner/search/tuner.h"

#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// A compact JSON object in name order: how the store names sizes and configurations.
std::string toKey(const Bindings& bindings);
Result<Bindings> fromKey(const std::string& key);

store::TrialRecord toRecord(const Trial& trial);
Result<Trial> fromRecord(const store::TrialRecord& record);

/// `created`: Unix time.
protocol::Trial toProtocol(const Trial& trial, const store::ProblemKey& problem, const Sizes& sizes,
                           const std::string& device, double created);
protocol::Verdict toProtocol(const Verdict& verdict, const Outcome& outcome);
protocol::DeviceStatus toProtocol(const DeviceInfo& info);
protocol::KernelInfo toProtocol(const Kernel& kernel, int64_t configurations);

/// What an artefact adds to an answer: its SHA-256, launch, resources.
void describe(protocol::Answer& answer, const Artefact& artefact, const std::string& sha);
/// An answer for a configuration that has not been measured here; the grid comes from the kernel.
Result<protocol::Answer> answerFor(const Kernel& kernel, const std::string& kernelId, const Sizes& sizes,
                                   const Configuration& configuration, const std::string& device);
/// Time, interval, rates and verdict of a trial.
void addMeasurement(protocol::Answer& answer, const Kernel& kernel, const Trial& trial);

/// Unix time in seconds.
double unixNow();

} // namespace tuned
