#include "gpu_plan.h"

#include <fstream>
#include <sstream>

namespace tuned::bench {
namespace {

using Json = nlohmann::json;

Json argumentJson(const PlanArgument& argument) {
  return {{"name", argument.name},         {"type", argument.type},   {"fill", argument.fill},
          {"elements", argument.elements}, {"bytes", argument.bytes}, {"bits", argument.bits},
          {"output", argument.output}};
}

PlanArgument argumentFrom(const Json& json) {
  return {json.at("name"),  json.at("type"), json.at("fill"),  json.at("elements"),
          json.at("bytes"), json.at("bits"), json.at("output")};
}

Json variantJson(const PlanVariant& variant) {
  const Artefact& ours = variant.ours;
  Json json = {{"id", variant.id},
               {"configuration", variant.configuration},
               {"grid", variant.grid},
               {"num_warps", variant.numWarps},
               {"num_stages", variant.numStages},
               {"has_ours", variant.hasOurs}};
  if (!variant.hasOurs) return json;
  Json slots = Json::array();
  for (const ParameterSlot& slot : ours.launch.parameters)
    slots.push_back(slot.sizeBytes);
  json["ours"] = {{"symbol", ours.launch.symbol},
                  {"target", ours.target},
                  {"threads", ours.launch.threadsPerCta()},
                  {"dynamic_shared", ours.launch.dynamicSharedBytes},
                  {"parameters", slots},
                  {"registers", ours.resources.registers},
                  {"shared", ours.resources.sharedBytes},
                  {"spill", ours.resources.spillBytes}};
  return json;
}

PlanVariant variantFrom(const Json& json) {
  PlanVariant variant{json.at("id"),
                      json.at("configuration"),
                      json.at("grid"),
                      json.at("num_warps"),
                      json.at("num_stages"),
                      json.at("has_ours"),
                      {}};
  if (!variant.hasOurs) return variant;
  const Json& ours = json.at("ours");
  variant.ours.format = "cubin";
  variant.ours.target = ours.at("target");
  variant.ours.launch.symbol = ours.at("symbol");
  variant.ours.launch.block[0] = ours.at("threads");
  variant.ours.launch.dynamicSharedBytes = ours.at("dynamic_shared");
  for (int bytes : ours.at("parameters"))
    variant.ours.launch.parameters.push_back({ParameterKind::Scalar, bytes});
  variant.ours.resources = {ours.at("registers"), ours.at("shared"), ours.at("spill")};
  return variant;
}

} // namespace

Json toJson(const Plan& plan) {
  Json tasks = Json::array();
  for (const PlanTask& task : plan.tasks) {
    Json arguments = Json::array(), variants = Json::array();
    for (const PlanArgument& argument : task.arguments)
      arguments.push_back(argumentJson(argument));
    for (const PlanVariant& variant : task.variants)
      variants.push_back(variantJson(variant));
    tasks.push_back({{"name", task.name},
                     {"flops", task.flops},
                     {"bytes", task.bytes},
                     {"relative", task.relative},
                     {"absolute", task.absolute},
                     {"arguments", arguments},
                     {"variants", variants}});
  }
  return {{"target", plan.target}, {"tasks", tasks}};
}

Plan planFromJson(const Json& json) {
  Plan plan{json.at("target"), {}};
  for (const Json& entry : json.at("tasks")) {
    PlanTask task{entry.at("name"),
                  entry.at("flops"),
                  entry.at("bytes"),
                  entry.at("relative"),
                  entry.at("absolute"),
                  {},
                  {}};
    for (const Json& argument : entry.at("arguments"))
      task.arguments.push_back(argumentFrom(argument));
    for (const Json& variant : entry.at("variants"))
      task.variants.push_back(variantFrom(variant));
    plan.tasks.push_back(std::move(task));
  }
  return plan;
}

std::string readFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return file ? bytes.str() : std::string();
}

void writeFile(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

} // namespace tuned::bench
