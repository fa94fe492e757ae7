#include "daemon/worker/messages.h"

#include <nlohmann/json.hpp>

namespace tuned {

using nlohmann::json;

namespace {
constexpr const char* slotKinds[] = {"pointer", "scalar", "tensor_map"};

/// Runs a reader of JSON; what the library throws becomes an error.
template <typename Read> auto reading(const char* what, Read&& read) -> Result<decltype(read())> {
  try {
    return read();
  } catch (const json::exception& error) {
    return fail(ErrorKind::InvalidInput, std::string(what) + ": " + error.what());
  }
}

ParameterKind slotKind(const std::string& text) {
  for (int i = 0; i < 3; ++i)
    if (text == slotKinds[i]) return static_cast<ParameterKind>(i);
  return ParameterKind::Scalar;
}

json launchToJson(const LaunchMetadata& launch) {
  json slots = json::array();
  for (const ParameterSlot& slot : launch.parameters)
    slots.push_back({slotKinds[static_cast<int>(slot.kind)], slot.sizeBytes});
  json conditions = json::array();
  for (const LaunchCondition& condition : launch.conditions)
    conditions.push_back(json(toJson(condition)));
  return {{"symbol", launch.symbol},
          {"block", launch.block},
          {"shared", launch.dynamicSharedBytes},
          {"scratch", launch.scratchBytes},
          {"cluster", launch.clusterSize},
          {"parameters", std::move(slots)},
          {"conditions", std::move(conditions)}};
}

Result<LaunchMetadata> launchFromJson(const json& in) {
  LaunchMetadata out{in.at("symbol"),  in.at("block").get<std::array<int, 3>>(),
                     in.at("shared"),  in.at("scratch"),
                     in.at("cluster"), {}};
  for (const json& slot : in.at("parameters"))
    out.parameters.push_back({slotKind(slot.at(0)), slot.at(1).get<int>()});
  for (const json& each : in.at("conditions")) {
    auto condition = launchConditionFromJson(each);
    if (!condition) return fail(condition.error());
    out.conditions.push_back(*condition);
  }
  return out;
}
} // namespace

json toJson(const Error& error) {
  json out = {{"kind", name(error.kind)}, {"message", error.message}, {"remedy", error.remedy}};
  if (error.location) out["location"] = {error.location->file, error.location->line, error.location->column};
  return out;
}

Error errorFromJson(const json& in) {
  auto error = reading("a worker's error", [&] {
    Error out{errorKindFromName(in.at("kind")), in.at("message"), std::nullopt, in.at("remedy")};
    if (auto at = in.find("location"); at != in.end())
      out.location = Location{at->at(0), at->at(1).get<unsigned>(), at->at(2).get<unsigned>()};
    return out;
  });
  return error ? *error : error.error();
}

json artefactToJson(const Artefact& artefact) {
  return {{"format", artefact.format},
          {"target", artefact.target},
          {"bytes", json::binary({artefact.bytes.begin(), artefact.bytes.end()})},
          {"launch", launchToJson(artefact.launch)},
          {"resources",
           {artefact.resources.registers, artefact.resources.sharedBytes, artefact.resources.spillBytes}},
          {"phases", artefact.phaseSeconds},
          {"compiler", artefact.compiler},
          {"assembler", artefact.assembler}};
}

Result<Artefact> artefactFromJson(const json& in) {
  auto launch = reading("an artefact's launch", [&] { return launchFromJson(in.at("launch")); });
  if (!launch) return fail(launch.error());
  if (!*launch) return fail(launch->error());
  return reading("an artefact", [&] {
    const auto& bytes = in.at("bytes").get_binary();
    const json& resources = in.at("resources");
    return Artefact{in.at("format"),
                    in.at("target"),
                    std::string(bytes.begin(), bytes.end()),
                    std::move(**launch),
                    {resources.at(0), resources.at(1), resources.at(2)},
                    in.at("phases").get<std::map<std::string, double>>(),
                    in.at("compiler"),
                    in.at("assembler")};
  });
}

json deviceToJson(const DeviceInfo& info) {
  return {{"id", info.id},
          {"name", info.name},
          {"architecture", info.architecture},
          {"multiprocessors", info.multiprocessors},
          {"memory_bytes", info.memoryBytes},
          {"shared_bytes_limit", info.sharedBytesLimit},
          {"registers_limit", info.registersLimit},
          {"cache_bytes", info.cacheBytes},
          {"grid_limit", info.gridLimit},
          {"driver", info.driver},
          {"compilers", info.compilers}};
}

Result<DeviceInfo> deviceFromJson(const json& in) {
  return reading("a device", [&] {
    return DeviceInfo{in.at("id"),
                      in.at("name"),
                      in.at("architecture"),
                      in.at("multiprocessors"),
                      in.at("memory_bytes"),
                      in.at("shared_bytes_limit"),
                      in.at("registers_limit"),
                      in.at("cache_bytes"),
                      in.at("grid_limit").get<std::array<int64_t, 3>>(),
                      in.at("driver"),
                      in.at("compilers").get<std::vector<std::string>>()};
  });
}

Result<json> okOf(json answer) {
  if (auto error = answer.find("error"); error != answer.end()) return fail(errorFromJson(*error));
  if (auto ok = answer.find("ok"); ok != answer.end()) return std::move(*ok);
  return fail(ErrorKind::Internal, "a worker's answer is neither ok nor an error");
}

} // namespace tuned
