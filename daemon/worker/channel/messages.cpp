#include "daemon/worker/channel/messages.h"

#include "base/model/json.h"
#include "base/model/launch_check.h"

#include <nlohmann/json.hpp>

namespace tuned {

using nlohmann::json;

namespace {
/// Runs a reader of JSON; what the library throws becomes an error.
template <typename Read> auto reading(const char* what, Read&& read) -> Result<decltype(read())> {
  try {
    return read();
  } catch (const json::exception& error) {
    return fail(ErrorKind::InvalidInput, std::string(what) + ": " + error.what());
  }
}
} // namespace

json toJson(const Error& error) {
  json out = {{"kind", name(error.kind)}, {"message", error.message}, {"remedy", error.remedy}};
  if (error.location) out["location"] = {error.location->file, error.location->line, error.location->column};
  return out;
}

/// What a worker says is kept, told and logged.
std::string shortened(std::string text) {
  constexpr size_t longest = 64 * 1024;
  if (text.size() > longest) text.replace(longest, text.npos, " …");
  return text;
}

Error errorFromJson(const json& in) {
  auto error = reading("a worker's error", [&] {
    Error out{errorKindFromName(in.at("kind")), shortened(in.at("message")), std::nullopt,
              shortened(in.at("remedy"))};
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
          {"launch", model::toJson(artefact.launch)},
          {"resources", model::toJson(artefact.resources)},
          {"phases", artefact.phaseSeconds},
          {"compiler", artefact.compiler},
          {"assembler", artefact.assembler}};
}

Result<Artefact> artefactFromJson(const json& in) {
  auto launch = model::fromJson<LaunchMetadata>(in.value("launch", json()));
  if (!launch) return fail(launch.error());
  if (auto sound = checkLaunchable(*launch); !sound)
    return fail(ErrorKind::InvalidInput, "an artefact: launch." + sound.error().text());
  auto resources = model::fromJson<Resources>(in.value("resources", json()));
  if (!resources) return fail(resources.error());
  return reading("an artefact", [&] {
    const auto& bytes = in.at("bytes").get_binary();
    return Artefact{
        in.at("format"),    in.at("target"),   std::string(bytes.begin(), bytes.end()),
        std::move(*launch), *resources,        in.at("phases").get<std::map<std::string, double>>(),
        in.at("compiler"),  in.at("assembler")};
  });
}

Result<json> okOf(json answer) {
  if (auto error = answer.find("error"); error != answer.end()) return fail(errorFromJson(*error));
  if (auto ok = answer.find("ok"); ok != answer.end()) return std::move(*ok);
  return fail(ErrorKind::Internal, "a worker's answer is neither ok nor an error");
}

} // namespace tuned
