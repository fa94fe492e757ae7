#include "gpu_plan.h"

#include <fstream>
#include <sstream>

namespace tuned::bench {
namespace {

using Json = nlohmann::json;

Json argumentJson(const PlanArgument& argument) {
  Json json = {{"name", argument.name},         {"type", argument.type},   {"fill", argument.fill},
               {"elements", argument.elements}, {"bytes", argument.bytes}, {"bits", argument.bits},
               {"output", argument.output}};
  if (!argument.block.empty())
    json.update({{"shape", argument.shape}, {"strides", argument.strides}, {"block", argument.block}});
  if (!argument.values.empty()) json["values"] = argument.values;
  if (!argument.into.empty()) json["into"] = argument.into;
  if (argument.hidden) json["hidden"] = true;
  return json;
}

PlanArgument argumentFrom(const Json& json) {
  PlanArgument argument{json.at("name"),  json.at("type"), json.at("fill"),  json.at("elements"),
                        json.at("bytes"), json.at("bits"), json.at("output")};
  if (json.contains("block")) {
    argument.shape = json.at("shape").get<std::vector<int64_t>>();
    argument.strides = json.at("strides").get<std::vector<int64_t>>();
    argument.block = json.at("block").get<std::vector<int64_t>>();
  }
  argument.values = json.value("values", std::vector<int64_t>());
  argument.into = json.value("into", "");
  argument.hidden = json.value("hidden", false);
  return argument;
}

Json buildJson(const PlanBuild& build) {
  const Artefact& artefact = build.artefact;
  Json slots = Json::array(), conditions = Json::array();
  for (const ParameterSlot& slot : artefact.launch.parameters)
    slots.push_back({{"pointer", slot.kind == ParameterKind::Pointer}, {"bytes", slot.sizeBytes}});
  for (const LaunchCondition& condition : artefact.launch.conditions)
    conditions.push_back(Json(toJson(condition)));
  return {{"compiler", build.compiler},
          {"hints", build.hints},
          {"assembler", artefact.assembler},
          {"symbol", artefact.launch.symbol},
          {"target", artefact.target},
          {"block", artefact.launch.block},
          {"dynamic_shared", artefact.launch.dynamicSharedBytes},
          {"cluster", artefact.launch.clusterSize},
          {"parameters", slots},
          {"conditions", conditions},
          {"registers", artefact.resources.registers},
          {"shared", artefact.resources.sharedBytes},
          {"spill", artefact.resources.spillBytes}};
}

PlanBuild buildFrom(const Json& json) {
  PlanBuild build{json.at("compiler"), json.at("hints"), {}};
  Artefact& artefact = build.artefact;
  artefact.format = "cubin";
  artefact.compiler = build.compiler;
  artefact.assembler = json.at("assembler");
  artefact.target = json.at("target");
  artefact.launch.symbol = json.at("symbol");
  artefact.launch.block = json.at("block");
  artefact.launch.dynamicSharedBytes = json.at("dynamic_shared");
  artefact.launch.clusterSize = json.at("cluster");
  for (const Json& slot : json.at("parameters"))
    artefact.launch.parameters.push_back(
        {slot.at("pointer") ? ParameterKind::Pointer : ParameterKind::Scalar, slot.at("bytes")});
  for (const Json& each : json.at("conditions"))
    if (auto condition = launchConditionFromJson(each)) artefact.launch.conditions.push_back(*condition);
  artefact.resources = {json.at("registers"), json.at("shared"), json.at("spill")};
  return build;
}

Json variantJson(const PlanVariant& variant) {
  Json builds = Json::array();
  for (const PlanBuild& build : variant.builds)
    builds.push_back(buildJson(build));
  Json json = {{"id", variant.id},
               {"configuration", variant.configuration},
               {"grid", variant.grid},
               {"num_warps", variant.numWarps},
               {"num_stages", variant.numStages},
               {"num_ctas", variant.numCtas},
               {"builds", builds}};
  if (variant.hints) json["hints"] = *variant.hints;
  if (!variant.blocks.empty()) json["blocks"] = variant.blocks;
  return json;
}

PlanVariant variantFrom(const Json& json) {
  PlanVariant variant{json.at("id"),        json.at("configuration"), json.at("grid"),
                      json.at("num_warps"), json.at("num_stages"),    json.value("num_ctas", 1)};
  for (const Json& build : json.value("builds", Json::array()))
    variant.builds.push_back(buildFrom(build));
  if (json.contains("hints")) variant.hints = json.at("hints").get<std::vector<std::string>>();
  if (json.contains("blocks")) variant.blocks = json.at("blocks").get<decltype(variant.blocks)>();
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
    if (!task.torch.empty()) tasks.back()["torch"] = Json::parse(task.torch);
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
    if (entry.contains("torch")) task.torch = entry.at("torch").dump();
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
