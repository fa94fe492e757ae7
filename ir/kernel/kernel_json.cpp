// A kernel as a document again, with its source inside: what travels to the daemon and its workers.
#include "ir/kernel/kernel.h"

#include <nlohmann/json.hpp>

namespace tuned {
namespace {

using nlohmann::ordered_json;

ordered_json texts(const std::vector<Expression>& expressions) {
  ordered_json list = ordered_json::array();
  for (const Expression& each : expressions)
    list.push_back(each.text());
  return list;
}

ordered_json argumentJson(const KernelArgument& argument) {
  ordered_json out = {{"name", argument.name}, {"type", argument.type}};
  if (argument.type.starts_with("*")) {
    out["shape"] = texts(argument.shape);
    out["fill"] = argument.fill;
    if (argument.output) out["output"] = true;
  } else if (argument.value) {
    out["value"] = argument.value->text();
  } else {
    out["value"] = argument.floatValue.value_or(0);
  }
  return out;
}

ordered_json cudaJson(const CudaDocument& cuda) {
  ordered_json out = {{"block", texts(cuda.block)}, {"size_macros", cuda.sizeMacros}, {"flags", cuda.flags}};
  if (cuda.shared) out["shared"] = cuda.shared->text();
  if (!cuda.headers.empty()) out["headers"] = cuda.headers;
  return out;
}

} // namespace

std::string toJson(const Kernel& kernel) {
  ordered_json out = {
      {"name", kernel.name},          {"language", kernel.language}, {"source_name", kernel.sourceName},
      {"source_text", kernel.source}, {"entry", kernel.entry},       {"sizes", kernel.sizes}};
  out["constants"] = ordered_json::object();
  for (const auto& [name, value] : kernel.constants)
    out["constants"][name] = value;
  for (const auto& [name, value] : kernel.words)
    out["constants"][name] = value;
  out["parameters"] = ordered_json::object();
  for (const KernelParameter& parameter : kernel.parameters)
    out["parameters"][parameter.name] = parameter.values;
  out["constraints"] = texts(kernel.constraints);
  out["arguments"] = ordered_json::array();
  for (const KernelArgument& argument : kernel.arguments)
    out["arguments"].push_back(argumentJson(argument));
  out["grid"] = texts(kernel.grid);
  out["work"] = ordered_json::object();
  if (kernel.work.flops) out["work"]["flops"] = kernel.work.flops->text();
  if (kernel.work.bytes) out["work"]["bytes"] = kernel.work.bytes->text();
  if (kernel.tolerance)
    out["tolerance"] = {{"relative", kernel.tolerance->relative}, {"absolute", kernel.tolerance->absolute}};
  out["default"] = ordered_json::object();
  for (const auto& [name, value] : kernel.defaults)
    out["default"][name] = value;
  for (const auto& [target, configuration] : kernel.targetDefaults)
    for (const auto& [name, value] : configuration)
      out["target_defaults"][target][name] = value;
  if (kernel.language == "cuda") out.update(cudaJson(kernel.cuda));
  if (kernel.judge) out["judge"] = ordered_json::parse(toJson(*kernel.judge));
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

} // namespace tuned
