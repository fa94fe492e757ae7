#include "client/protocol/routes.h"

#include "client/protocol/json.h"

#include <array>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

namespace tuned::protocol {

namespace {
constexpr const char* json = "application/json";
constexpr const char* text = "text/plain";

constexpr std::array table = {
    Route{"submitKernel", "POST", "/v1/kernels", "Submit a kernel document with its source inlined", "",
          "KernelDocument", "KernelInfo", json, 201},
    Route{"listKernels", "GET", "/v1/kernels", "Kernels that were submitted, by name", "after limit", "",
          "KernelList", json, 200},
    Route{"showKernel", "GET", "/v1/kernels/{id}", "One kernel", "", "", "KernelInfo", json, 200},
    Route{"best", "POST", "/v1/best", "The best configuration known, tuning behind on a miss", "",
          "BestRequest", "Answer", json, 200},
    Route{"tune", "POST", "/v1/tune", "Start a tuning or join the equal one in flight", "", "TuneRequest",
          "JobStatus", json, 202},
    Route{"addBuild", "POST", "/v1/builds", "Bring a build of another compiler to be measured beside ours",
          "", "BuildRequest", "BuildInfo", json, 201},
    Route{"explain", "POST", "/v1/explain", "Why this winner: the field, the limits, who judged", "",
          "ExplainRequest", "Explanation", json, 200},
    Route{"exportBundle", "GET", "/v1/bundle", "Builds and measurements as one file, unsigned",
          "kernel target", "", "", "application/octet-stream", 200},
    Route{"importBundle", "POST", "/v1/bundle",
          "Take a bundle in; the three parameters are true or false, and false when left out",
          "allow_untrusted allow_older trust_measurements", "Bundle", "", json, 200},
    Route{"verifyCache", "POST", "/v1/verify", "Read all of the cache; what is damaged is dropped and told",
          "", "", "CacheCheck", json, 200},
    Route{"collect", "POST", "/v1/collect", "Drop binaries that are not among the best, oldest first", "",
          "CollectRequest", "Collected", json, 200},
    Route{"forget", "POST", "/v1/forget", "Drop winners, a kernel, or what a device measured", "",
          "ForgetRequest", "Forgotten", json, 200},
    Route{"listJobs", "GET", "/v1/jobs", "Tunings of this daemon's life, newest first", "after limit", "",
          "JobList", json, 200},
    Route{"showJob", "GET", "/v1/jobs/{id}", "One tuning", "", "", "JobStatus", json, 200},
    Route{"cancelJob", "DELETE", "/v1/jobs/{id}", "Stop a tuning; its trials are kept", "", "", "JobStatus",
          json, 200},
    Route{"watchJob", "GET", "/v1/jobs/{id}/events", "Progress as Server-Sent Events", "", "", "",
          "text/event-stream", 200},
    Route{"listTrials", "GET", "/v1/trials", "Every measurement, failures too, newest first",
          "kernel device job after limit", "", "TrialList", json, 200},
    Route{"listWinners", "GET", "/v1/winners", "Winners, of the newest problem first",
          "kernel device after limit", "", "WinnerList", json, 200},
    Route{"artefact", "GET", "/v1/artefacts/{sha256}", "The bytes of an artefact", "", "", "",
          "application/octet-stream", 200},
    Route{"listDevices", "GET", "/v1/devices", "Devices and whether they can be used", "", "", "DeviceList",
          json, 200},
    Route{"wakeDevice", "POST", "/v1/devices/{id}/wake",
          "A tuning is coming: start the device's process, and the first compile worker", "", "",
          "DeviceList", json, 200},
    Route{"openStudy", "POST", "/v1/studies",
          "Search a space whose configurations the caller times by himself", "", "StudyRequest", "StudyInfo",
          json, 201},
    Route{"showStudy", "GET", "/v1/studies/{id}", "Where a study stands", "", "", "StudyInfo", json, 200},
    Route{"ask", "POST", "/v1/studies/{id}/ask", "Which configurations to try next", "", "AskRequest",
          "AskAnswer", json, 200},
    Route{"tell", "POST", "/v1/studies/{id}/tell", "What came of them", "", "TellRequest", "StudyInfo", json,
          200},
    Route{"closeStudy", "DELETE", "/v1/studies/{id}", "End a study; what was told is kept", "", "",
          "StudyInfo", json, 200},
    Route{"getEntry", "GET", "/v1/entries/{space}/{key}", "What a client keeps for others", "", "", "Entry",
          json, 200},
    Route{"putEntry", "PUT", "/v1/entries/{space}/{key}", "Keep an object unless there is one; what is kept",
          "", "EntryRequest", "Entry", json, 200},
    Route{"listEntries", "GET", "/v1/entries/{space}", "Keys of a space", "", "", "EntryList", json, 200},
    Route{"pause", "POST", "/v1/pause", "Let devices alone: tunings wait", "", "", "ServiceStatus", json,
          200},
    Route{"resume", "POST", "/v1/resume", "Let tunings go on", "", "", "ServiceStatus", json, 200},
    Route{"status", "GET", "/v1/status", "The daemon's state", "", "", "ServiceStatus", json, 200},
    Route{"openApi", "GET", "/v1/openapi.json", "This page", "", "", "", json, 200},
    Route{"metrics", "GET", "/metrics", "Counters for Prometheus", "", "", "", text, 200},
    Route{"health", "GET", "/healthz", "Alive", "", "", "", text, 200},
    Route{"ready", "GET", "/readyz", "Able to answer: 200, or 503 and why", "", "", "", text, 200},
};

nlohmann::json reference(const std::string& schema) {
  return {{"$ref", "#/components/schemas/" + schema}};
}

nlohmann::json parameters(const Route& route) {
  nlohmann::json out = nlohmann::json::array();
  const std::string path = route.path;
  for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{', open + 1)) {
    const size_t close = path.find('}', open);
    out.push_back({{"name", path.substr(open + 1, close - open - 1)},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", "string"}}}});
  }
  std::istringstream query(route.query);
  for (std::string name; query >> name;)
    out.push_back({{"name", name}, {"in", "query"}, {"schema", {{"type", "string"}}}});
  return out;
}

nlohmann::json operation(const Route& route) {
  nlohmann::json out = {{"operationId", route.name}, {"summary", route.summary}};
  if (auto list = parameters(route); !list.empty()) out["parameters"] = std::move(list);
  if (std::string_view(route.request) == "Bundle")
    out["requestBody"] = {{"required", true},
                          {"content", {{"application/octet-stream", nlohmann::json::object()}}}};
  else if (*route.request)
    out["requestBody"] = {{"required", true}, {"content", {{json, {{"schema", reference(route.request)}}}}}};
  nlohmann::json content = {{route.type, nlohmann::json::object()}};
  if (*route.answer) content[route.type]["schema"] = reference(route.answer);
  out["responses"][std::to_string(route.status)] = {{"description", route.summary}, {"content", content}};
  out["responses"]["default"] = {
      {"description", "What was wrong, where, and what to do"},
      {"content", {{"application/problem+json", {{"schema", reference("Problem")}}}}}};
  return out;
}
} // namespace

std::span<const Route> routes() {
  return table;
}

nlohmann::json openApi(const std::string& version) {
  nlohmann::json out = {{"openapi", "3.1.0"}, {"info", {{"title", "tuned"}, {"version", version}}}};
  for (const Route& route : table) {
    std::string method = route.method;
    for (char& c : method)
      c = static_cast<char>(c - 'A' + 'a');
    out["paths"][route.path][method] = operation(route);
  }
  out["components"]["schemas"] = schemas();
  return out;
}

} // namespace tuned::protocol
