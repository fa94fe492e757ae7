#include "daemon/service/convert.h"

#include "daemon/worker/messages.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace tuned {

double unixNow() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string toKey(const Bindings& bindings) {
  return nlohmann::json(bindings).dump();
}

Result<Bindings> fromKey(const std::string& key) {
  auto parsed = nlohmann::json::parse(key, nullptr, false);
  if (!parsed.is_object())
    return fail(ErrorKind::Internal, "the cache names sizes or a configuration '" + key + "'");
  Bindings out;
  for (const auto& [name, value] : parsed.items()) {
    if (!value.is_number_integer()) return fail(ErrorKind::Internal, "the cache holds '" + key + "'");
    out[name] = value.get<int64_t>();
  }
  return out;
}

store::TrialRecord toRecord(const Trial& trial) {
  std::optional<double> seconds;
  if (const Timed* timed = trial.timed()) seconds = timed->median;
  return {toKey(trial.configuration), name(trial.outcome), reason(trial.outcome), seconds,
          toJson(trial, false).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

Result<Trial> fromRecord(const store::TrialRecord& record) {
  auto details = nlohmann::json::parse(record.details, nullptr, false);
  if (details.is_discarded()) return fail(ErrorKind::Internal, "a kept trial is not JSON");
  return trialFromJson(details);
}

protocol::Verdict toProtocol(const Verdict& verdict, const Outcome& outcome) {
  protocol::Verdict out;
  bool wrong = std::holds_alternative<WrongResult>(outcome);
  bool proven = verdict.checked > 0 && verdict.guardsIntact && !wrong;
  out.state = wrong ? "failed" : proven ? "passed" : "unchecked";
  out.reference = verdict.reference;
  out.checked = verdict.checked;
  out.total = verdict.total;
  out.worstError = verdict.worstError;
  out.guardsIntact = verdict.guardsIntact;
  if (wrong) out.reason = reason(outcome);
  return out;
}

protocol::Trial toProtocol(const Trial& trial, const store::ProblemKey& problem, const Sizes& sizes,
                           const std::string& device, double created) {
  protocol::Trial out;
  out.kernel = problem.kernel;
  out.sizes = sizes;
  out.device = device;
  out.target = problem.target;
  out.configuration = trial.configuration;
  out.outcome = name(trial.outcome);
  out.reason = reason(trial.outcome);
  if (const Timed* timed = trial.timed()) {
    out.seconds = timed->median;
    out.interval = protocol::Interval{timed->low, timed->high};
    out.repeats = timed->repeats;
    out.abandoned = timed->abandoned;
  }
  out.compileSeconds = trial.compileSeconds;
  out.resources = {trial.resources.registers, trial.resources.sharedBytes, trial.resources.spillBytes};
  out.artefact = trial.artefact;
  out.measuredAt = static_cast<int64_t>(created);
  return out;
}

protocol::DeviceStatus toProtocol(const DeviceInfo& info) {
  protocol::DeviceStatus out;
  out.id = info.id;
  out.name = info.name;
  out.architecture = info.architecture;
  out.multiprocessors = info.multiprocessors;
  out.memoryBytes = info.memoryBytes;
  out.sharedBytesLimit = info.sharedBytesLimit;
  out.cacheBytes = info.cacheBytes;
  out.driver = info.driver;
  return out;
}

protocol::KernelInfo toProtocol(const Kernel& kernel, int64_t configurations) {
  protocol::KernelInfo out;
  out.id = kernel.id();
  out.name = kernel.name;
  out.language = kernel.language;
  out.entry = kernel.entry;
  out.sizes = kernel.sizes;
  for (const KernelParameter& parameter : kernel.parameters)
    out.parameters[parameter.name] = parameter.values;
  out.configurations = configurations;
  out.defaults = kernel.defaults;
  return out;
}

void describe(protocol::Answer& answer, const Artefact& artefact, const std::string& sha) {
  answer.artefact = sha;
  answer.format = artefact.format;
  answer.target = artefact.target;
  const LaunchMetadata& launch = artefact.launch;
  answer.launch = {launch.symbol,
                   {launch.block.begin(), launch.block.end()},
                   launch.threadsPerCta(),
                   launch.dynamicSharedBytes,
                   launch.scratchBytes,
                   launch.clusterSize,
                   {}};
  constexpr const char* kinds[] = {"pointer", "scalar", "tensor_map"};
  for (const ParameterSlot& slot : launch.parameters)
    answer.launch.parameters.push_back({kinds[static_cast<int>(slot.kind)], slot.sizeBytes});
  answer.resources = {artefact.resources.registers, artefact.resources.sharedBytes,
                      artefact.resources.spillBytes};
}

Result<protocol::Answer> answerFor(const Kernel& kernel, const std::string& kernelId, const Sizes& sizes,
                                   const Configuration& configuration, const std::string& device) {
  auto instance = instantiate(kernel, configuration, sizes);
  if (!instance) return fail(instance.error());
  protocol::Answer answer;
  answer.kernel = kernelId;
  answer.kernelName = kernel.name;
  answer.sizes = sizes;
  answer.device = device;
  answer.configuration = configuration;
  answer.grid = instance->grid;
  return answer;
}

void addMeasurement(protocol::Answer& answer, const Kernel& kernel, const Trial& trial) {
  const Timed* timed = trial.timed();
  if (!timed) return;
  answer.seconds = timed->median;
  answer.interval = protocol::Interval{timed->low, timed->high};
  answer.verdict = toProtocol(trial.verdict, trial.outcome);
  Bindings names = bindingsOf(kernel, answer.configuration, answer.sizes);
  auto rate = [&](const std::optional<Expression>& work) -> std::optional<double> {
    if (!work || timed->median <= 0) return std::nullopt;
    auto amount = work->evaluate(names);
    return amount ? std::optional(static_cast<double>(*amount) / timed->median / 1e9) : std::nullopt;
  };
  answer.gigabytesPerSecond = rate(kernel.work.bytes);
  answer.gigaflopsPerSecond = rate(kernel.work.flops);
}

} // namespace tuned
