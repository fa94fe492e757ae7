// Manifests: what they expand to, what is wrong with them, and those of the repository.
#include "daemon/prewarm/manifest.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>

using namespace tuned;
using namespace tuned::prewarm;
using nlohmann::json;

namespace {

const std::vector<std::string> library = {std::string(TUNED_CONFIGS) + "/kernels"};

Result<Manifest> parse(const json& text) {
  return parseManifest(text.dump(), "/nowhere/m.json", library);
}

json one(const json& sizes, const json& dimensions = json::object()) {
  return {{"name", "m"},
          {"dimensions", dimensions},
          {"kernels", {{{"kernel", "relu"}, {"sizes", {{"n_elements", sizes}}}}}}};
}

std::vector<int64_t> expanded(const json& text) {
  auto manifest = parse(text);
  REQUIRE_MESSAGE(manifest, manifest.error().text());
  std::vector<int64_t> out;
  for (const Problem& problem : manifest->problems)
    out.push_back(problem.sizes.at("n_elements"));
  return out;
}

std::string complaint(const json& text) {
  auto manifest = parse(text);
  return manifest ? "" : manifest.error().text();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("sizes are integers, expressions, lists and ranges; each problem is there once") {
  using Values = std::vector<int64_t>;
  CHECK(expanded(one(7)) == Values{7});
  CHECK(expanded(one({3, 1, 3})) == Values{1, 3});
  CHECK(expanded(one({{"from", 1}, {"to", 10}, {"step", 4}})) == Values{1, 5, 9});
  CHECK(expanded(one({{"from", 16}, {"to", 128}, {"factor", 2}})) == Values{16, 32, 64, 128});
  CHECK(expanded(one("batch * hidden", {{"batch", {1, 8}}, {"hidden", 768}})) == Values{768, 6144});
  CHECK(expanded(one({"rows", 5}, {{"batch", {2, 3}}, {"rows", "batch * 10"}})) == Values{5, 20, 30});
}

TEST_CASE("what is wrong is named") {
  CHECK(has(complaint(one("batch")), "there is no dimension 'batch'"));
  CHECK(has(complaint(one(0)), "sizes start at 1"));
  CHECK(has(complaint(one(-3)), "sizes start at 1"));
  CHECK(has(complaint(one(json::array())), "expected an integer"));
  CHECK(has(complaint(one({{"from", 1}, {"to", 10}})), "\"step\" or \"factor\""));
  CHECK(has(complaint(one({{"from", 1}, {"to", 10}, {"factor", 1}})), "2 or more"));
  CHECK(has(complaint(one({{"from", 10}, {"to", 1}, {"step", 1}})), "no value"));
  CHECK(has(complaint(one({{"from", 1}, {"to", 1000000}, {"step", 1}})), "more than 4096"));
  CHECK(has(complaint(one("1 / 0")), "kernels[0].sizes.n_elements"));
  json text = one(1);
  text["kernels"][0]["kernel"] = "rely";
  CHECK(has(complaint(text), "there is no kernel 'rely' in"));
  text["kernels"][0]["kernel"] = "../../../etc/passwd";
  CHECK(has(complaint(text), "there is no kernel"));
  text = one(1);
  text["kernels"][0]["sizes"]["m"] = 3;
  CHECK(has(complaint(text), "has no size 'm'"));
  text["kernels"][0]["sizes"] = json::object();
  CHECK(has(complaint(text), "size 'n_elements'"));
  text = one(1);
  text["kernels"] = json::array();
  CHECK(has(complaint(text), "expected a list of kernels"));
  text = one(1);
  text["model"] = "vit";
  CHECK(has(complaint(text), "\"model\": unknown key"));
  text = one(1);
  text.erase("name");
  CHECK(has(complaint(text), "\"name\""));
  text = one(1);
  text["configurations"] = 0;
  CHECK(has(complaint(text), "\"configurations\""));
  json wide = json::object();
  for (const char* name : {"a", "b", "c"})
    for (int i = 1; i <= 60; ++i)
      wide[name].push_back(i);
  CHECK(has(complaint(one("a", wide)), "more than 100000"));
  CHECK(parseManifest("{", "m.json", library).error().location->line == 1);
  CHECK(loadManifest("/nowhere/m.json", library).error().kind == ErrorKind::NotFound);
}

TEST_CASE("the repository's models are there, with the sizes their papers give") {
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(TUNED_CONFIGS) + "/models")) {
    auto manifest = loadManifest(entry.path().string(), library);
    REQUIRE_MESSAGE(manifest, manifest.error().text());
    CHECK(entry.path().stem() == manifest->name);
    CHECK(manifest->targets.size() == 3);
    ++models;
    if (manifest->name != "vit_b16") continue;
    Problem attention{library[0] + "/softmax.json", {{"n_rows", 8 * 12 * 197}, {"n_cols", 197}}};
    CHECK(std::ranges::find(manifest->problems, attention) != manifest->problems.end());
  }
  CHECK(models == 4);
}
