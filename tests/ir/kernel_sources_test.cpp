// Kernels that come as a list of sources, one a configuration.
#include "ir/kernel/kernel.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace tuned;
using nlohmann::json;

namespace {
json entry(int64_t block, int64_t warps, const std::string& text) {
  return {{"configuration", {{"BLOCK", block}, {"num_warps", warps}}}, {"source_text", text}};
}

json document() {
  return {{"name", "k"},
          {"entry", "k"},
          {"sizes", {"n"}},
          {"sources", {entry(64, 4, "first\nof 64"), entry(128, 4, "second"), entry(128, 8, "third")}},
          {"arguments", {{{"name", "x"}, {"type", "*f32"}, {"shape", {"n"}}, {"output", true}}}},
          {"grid", {"cdiv(n, BLOCK)"}}};
}

Kernel kernel(const json& from) {
  auto parsed = parseKernel(from.dump(), "");
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().text()));
  return *parsed;
}

std::string refusal(const json& from) {
  auto parsed = parseKernel(from.dump(), "");
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().kind == ErrorKind::InvalidInput);
  return parsed.error().message;
}
} // namespace

TEST_CASE("each configuration of the list has its own source, and no other is in the space") {
  const Kernel k = kernel(document());
  const Sizes sizes = {{"n", 1000}};
  CHECK(k.defaults == Configuration{{"BLOCK", 64}, {"num_warps", 4}});
  auto text = [&](int64_t block, int64_t warps) {
    auto instance = instantiate(k, {{"BLOCK", block}, {"num_warps", warps}}, sizes);
    REQUIRE(instance);
    return instance->source;
  };
  CHECK(text(64, 4).find("first\nof 64") != std::string::npos);
  CHECK(text(64, 4).find("second") == std::string::npos);
  CHECK(text(128, 8).find("third") != std::string::npos);
  CHECK(*satisfiesConstraints(k, {{"BLOCK", 128}, {"num_warps", 8}}, sizes));
  CHECK_FALSE(*satisfiesConstraints(k, {{"BLOCK", 64}, {"num_warps", 8}}, sizes));
  CHECK(instantiate(k, {{"BLOCK", 128}, {"num_warps", 4}}, sizes)->grid[0] == 8);
}

TEST_CASE("such a kernel is the same when it is read back, and another when a source changes") {
  const Kernel k = kernel(document());
  CHECK(parseKernel(toJson(k), "")->id() == k.id());
  json changed = document();
  changed["sources"][2]["source_text"] = "fourth";
  CHECK(kernel(changed).id() != k.id());
}

TEST_CASE("lists that are none are refused, and say where") {
  json bad = document();
  bad["sources"] = json::array();
  CHECK(refusal(bad).find("not empty") != std::string::npos);
  bad = document();
  bad["source_text"] = "x";
  CHECK(refusal(bad).find("source_text") != std::string::npos);
  bad = document();
  bad["sources"].push_back(entry(64, 4, "again"));
  CHECK(refusal(bad).find("sources[3]") != std::string::npos);
  bad = document();
  bad["sources"][1]["configuration"].erase("num_warps");
  CHECK(refusal(bad).find("lacks a parameter") != std::string::npos);
  bad = document();
  bad["sources"][1]["configuration"]["OTHER"] = 1;
  CHECK(refusal(bad).find("OTHER") != std::string::npos);
  bad = document();
  bad["sources"][0].erase("source_text");
  CHECK(refusal(bad).find("sources[0].source_text") != std::string::npos);
  bad = document();
  bad["sources"][0] = 5;
  CHECK(refusal(bad).find("sources[0]") != std::string::npos);
}
