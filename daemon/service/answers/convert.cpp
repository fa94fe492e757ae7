#include "daemon/service/answers/convert.h"

#include <nlohmann/json.hpp>

namespace tuned {

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

protocol::KernelInfo toProtocol(const Kernel& kernel, const std::string& document, int64_t configurations) {
  protocol::KernelInfo out;
  out.id = kernel.id();
  out.document = document;
  out.name = kernel.name;
  out.language = kernel.language;
  out.entry = kernel.entry;
  out.sizes = kernel.sizes;
  for (const KernelParameter& parameter : kernel.parameters)
    out.parameters[parameter.name] = parameter.values;
  out.configurations = configurations;
  out.defaults = kernel.defaults;
  out.targetDefaults = kernel.targetDefaults;
  return out;
}

Result<std::vector<Argument>> argumentsOf(const Kernel& kernel, const Sizes& sizes) {
  const Bindings names = bindingsOf(kernel, {}, sizes);
  std::vector<Argument> out;
  for (const KernelArgument& argument : kernel.arguments) {
    Argument one{argument.name, argument.type, argument.output, {}, {}, argument.floatValue};
    for (const Expression& dimension : argument.shape) {
      auto extent = dimension.evaluate(names);
      if (!extent) return fail(extent.error());
      one.shape.push_back(*extent);
    }
    if (argument.value) {
      auto value = argument.value->evaluate(names);
      if (!value) return fail(value.error());
      one.integer = *value;
    }
    out.push_back(std::move(one));
  }
  return out;
}

void describe(protocol::Answer& answer, const Build& build) {
  answer.artefact = build.artefact;
  answer.format = build.format;
  answer.target = build.target;
  answer.launch = build.launch;
  answer.resources = build.resources;
}

Result<protocol::Answer> answerFor(const Kernel& kernel, const std::string& kernelId, const Sizes& sizes,
                                   const Configuration& configuration, const Build& build) {
  protocol::Answer answer;
  answer.grid = build.launch.grid;
  if (answer.grid[0] < 1) {
    auto instance = instantiate(kernel, configuration, sizes);
    if (!instance) return fail(instance.error());
    answer.grid = instance->grid;
  }
  answer.kernel = kernelId;
  answer.kernelName = kernel.name;
  answer.sizes = sizes;
  answer.configuration = configuration;
  describe(answer, build);
  if (answer.launch.arguments.empty())
    if (auto arguments = argumentsOf(kernel, sizes)) answer.launch.arguments = std::move(*arguments);
  return answer;
}

Result<protocol::Answer> answerFrom(const Kernel& kernel, const Sizes& sizes,
                                    const store::MeasurementRecord& record) {
  const Measurement& measured = record.measurement;
  auto answer = answerFor(kernel, record.build.key.kernel, sizes, measured.configuration, record.build.build);
  if (!answer) return answer;
  answer->source = "cache";
  answer->origin = measured.origin;
  answer->device = measured.device;
  answer->seconds = measured.seconds;
  answer->interval = measured.interval;
  answer->joules = measured.joules;
  answer->verdict = measured.verdict;
  answer->tunedAt = measured.measuredAt;
  if (!measured.reason.empty()) answer->disturbed = measured.reason;
  const Bindings names = bindingsOf(kernel, answer->configuration, sizes);
  auto rate = [&](const std::optional<Expression>& work) -> std::optional<double> {
    if (!work || measured.seconds.value_or(0) <= 0) return std::nullopt;
    auto amount = work->evaluate(names);
    return amount ? std::optional(static_cast<double>(*amount) / *measured.seconds / 1e9) : std::nullopt;
  };
  answer->gigabytesPerSecond = rate(kernel.work.bytes);
  answer->gigaflopsPerSecond = rate(kernel.work.flops);
  return answer;
}

} // namespace tuned
