// Kernel documents in CUDA C++: their keys, what is taken in from beside them, and one variant's macros and
// block.
#include "base/document/pack.h"
#include "ir/frontends/cuda/variant.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace tuned;
using nlohmann::json;

namespace {

json document() {
  return {{"name", "k"},
          {"language", "cuda"},
          {"entry", "k<BLOCK_X, TYPE>"},
          {"source_text", "template <int X, typename T> __global__ void k(T* x, int n) { ${not a hole} }"},
          {"sizes", {"n", "m"}},
          {"size_macros", {"m"}},
          {"constants", {{"TYPE", "float"}, {"SHIFT", -3}}},
          {"parameters", {{"BLOCK_X", {32, 64}}, {"BLOCK_Y", {1, 32}}}},
          {"arguments",
           {{{"name", "x"}, {"type", "*f32"}, {"shape", {"n", "m"}}, {"output", true}},
            {{"name", "n"}, {"type", "i32"}, {"value", "n"}}}},
          {"grid", {"cdiv(n, BLOCK_X)"}},
          {"block", {"BLOCK_X", "BLOCK_Y"}},
          {"shared", "4 * BLOCK_X * m"}};
}

Result<Kernel> parse(const json& text) {
  return parseKernel(text.dump(), "");
}

std::string complaint(const json& text) {
  auto kernel = parse(text);
  return kernel ? "" : kernel.error().text();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A folder that goes with the test.
struct Folder {
  std::filesystem::path path;
  Folder()
      : path(std::filesystem::temp_directory_path() / ("tuned-cuda-document-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
};

} // namespace

TEST_CASE("a variant's macros are parameters, constants, words and the sizes that are asked for") {
  auto kernel = parse(document());
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  auto variant =
      cudaVariant(*kernel, {{"BLOCK_X", 64}, {"BLOCK_Y", 1}, {"num_warps", 2}}, {{"n", 100}, {"m", 8}});
  REQUIRE_MESSAGE(variant, variant.error().text());
  std::map<std::string, std::string> expected = {{"BLOCK_X", "64"}, {"BLOCK_Y", "1"},  {"num_warps", "2"},
                                                 {"TYPE", "float"}, {"SHIFT", "(-3)"}, {"m", "8"}};
  CHECK(variant->macros == expected);
  CHECK(variant->block == std::array{64, 1, 1});
  CHECK(variant->sharedBytes == 2048);
  CHECK(variant->source == kernel->source);
  CHECK(variant->entry == "k<BLOCK_X, TYPE>");
  CHECK(variant->parameters == std::vector<CudaParameter>{{"x", 8, true}, {"n", 4, false}});
}

TEST_CASE("blocks and shared memory that no device has") {
  auto kernel = parse(document());
  REQUIRE(kernel);
  auto wide = cudaVariant(*kernel, {{"BLOCK_X", 64}, {"BLOCK_Y", 32}}, {{"n", 1}, {"m", 1}});
  REQUIRE_FALSE(wide);
  CHECK(wide.error().kind == ErrorKind::OutOfResources);
  CHECK(has(wide.error().message, "2048 threads"));
  auto shared = cudaVariant(*kernel, {{"BLOCK_X", 64}, {"BLOCK_Y", 1}}, {{"n", 1}, {"m", 4096}});
  REQUIRE_FALSE(shared);
  CHECK(shared.error().kind == ErrorKind::OutOfResources);
  json text = document();
  text["block"] = {"BLOCK_X - 32"};
  auto none = cudaVariant(*parse(text), {{"BLOCK_X", 32}, {"BLOCK_Y", 1}}, {{"n", 1}, {"m", 1}});
  REQUIRE_FALSE(none);
  CHECK(has(none.error().message, "at least one thread"));
}

TEST_CASE("keys that are wrong, missing or of another language are named") {
  json text = document();
  text.erase("block");
  CHECK(has(complaint(text), "\"block\": missing"));
  text = document();
  text["block"] = {1, 1, 1, 1};
  CHECK(has(complaint(text), "one to three"));
  text = document();
  text["shared"] = "UNKNOWN";
  CHECK(has(complaint(text), "UNKNOWN"));
  text = document();
  text["size_macros"] = {"k"};
  CHECK(has(complaint(text), "no size of the kernel"));
  text = document();
  text["entry"] = "";
  CHECK(has(complaint(text), "\"entry\""));
  text = document();
  text["include"] = {"/usr/include"};
  CHECK(has(complaint(text), "\"headers\""));
  text = document();
  text["language"] = "ttir";
  text["entry"] = "k";
  CHECK(has(complaint(text), "only a kernel in \"language\": \"cuda\""));
  for (const char* flag :
       {"-I/etc", "--include-path=/etc", "-include=x", "--std=c++17 -I/etc", "-lto", "@file"}) {
    text = document();
    text["flags"] = {flag};
    CHECK_MESSAGE(has(complaint(text), "is not allowed"), flag);
  }
  text["flags"] = {"--std=c++20", "--use_fast_math", "--fmad=false"};
  CHECK(complaint(text).empty());
}

TEST_CASE(
    "a document comes back the same from its JSON, and its id holds all that decides what is computed") {
  json text = document();
  text["headers"] = {{"a.h", "int a;"}};
  text["flags"] = {"--std=c++20"};
  auto kernel = parse(text);
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  auto again = parseKernel(toJson(*kernel), "");
  REQUIRE_MESSAGE(again, again.error().text());
  CHECK(again->id() == kernel->id());
  CHECK(toJson(*again) == toJson(*kernel));
  auto differs = [&](const char* key, const json& value) {
    json other = text;
    other[key] = value;
    auto changed = parse(other);
    REQUIRE_MESSAGE(changed, changed.error().text());
    CHECK_MESSAGE(changed->id() != kernel->id(), key);
  };
  differs("block", {"BLOCK_X"});
  differs("shared", "8");
  differs("flags", {"--std=c++17"});
  differs("headers", {{"a.h", "int b;"}});
  differs("size_macros", json::array());
  differs("entry", "k<BLOCK_X, double>");
}

TEST_CASE("a judge is kernel IR on the same arguments") {
  json text = document();
  text["judge"] = {{"source_text", "module {}"}, {"entry", "j"}, {"grid", {1}}};
  auto kernel = parse(text);
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  REQUIRE(kernel->judge);
  CHECK(kernel->judge->name == "k-judge");
  CHECK(kernel->judge->arguments.size() == 2);
  auto again = parseKernel(toJson(*kernel), "");
  REQUIRE_MESSAGE(again, again.error().text());
  CHECK(again->id() == kernel->id());
  json other = text;
  other["judge"]["source_text"] = "module { }  // the same\nmodule {}";
  CHECK(parse(other)->id() != kernel->id());
  other = text;
  other["judge"]["arguments"] = text["arguments"];
  other["judge"]["arguments"][0]["fill"] = "ones";
  CHECK(has(complaint(other), "its argument 'x'"));
  other["judge"]["arguments"].erase(1);
  CHECK(has(complaint(other), "1 arguments"));
  other = text;
  other["judge"]["language"] = "cuda";
  other["judge"]["block"] = {1};
  CHECK(has(complaint(other), "a judge is kernel IR"));
  other = text;
  other["judge"]["judge"] = text["judge"];
  CHECK(has(complaint(other), "a judge has no judge"));
  other = text;
  other["judge"] = {{"kernel", "softmax"}};
  CHECK(has(complaint(other), "not by name"));
  other["judge"] = 3;
  CHECK(has(complaint(other), "expected an object"));
}

TEST_CASE("headers beside the document travel with it, directly or through others") {
  Folder folder;
  json text = document();
  text.erase("source_text");
  text["source"] = "k.cu";
  text["include"] = {"include"};
  text["judge"] = {{"kernel", "j"}};
  folder.write("k.json", text.dump());
  folder.write("k.cu", "#include \"near.h\"\n #  include <lib/far.h>\n#include <cuda_fp16.h>\nvoid k();");
  folder.write("near.h", "#pragma once\n");
  folder.write("include/lib/far.h", "#include \"detail.h\"\n");
  folder.write("include/lib/detail.h", "#include \"../near.h\"\n");
  folder.write("include/near.h", "#define NEAR 2\n");
  folder.write("include/unused.h", "");
  json judge = document();
  for (const char* key : {"language", "block", "shared", "size_macros", "parameters"})
    judge.erase(key);
  judge["name"] = "j";
  judge["entry"] = "j";
  judge["grid"] = {1};
  folder.write("j.json", judge.dump());
  auto kernel = loadKernel((folder.path / "k.json").string());
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  std::map<std::string, std::string> expected = {{"near.h", "#pragma once\n"},
                                                 {"lib/far.h", "#include \"detail.h\"\n"},
                                                 {"detail.h", "#include \"../near.h\"\n"},
                                                 {"../near.h", "#define NEAR 2\n"}};
  CHECK(kernel->cuda.headers == expected);
  CHECK(kernel->judge);
  CHECK(kernel->sourceName.ends_with("k.cu"));

  folder.write("include/lib/detail.h", "#include <near.h>\n"); // not the near.h beside the source
  auto twice = loadKernel((folder.path / "k.json").string());
  REQUIRE_FALSE(twice);
  CHECK(has(twice.error().text(), "'near.h' means both"));

  text["include"] = {"nowhere"};
  folder.write("k.json", text.dump());
  CHECK(has(loadKernel((folder.path / "k.json").string()).error().text(), "there is no folder"));
  text["include"] = {"include"};
  text["judge"] = {{"kernel", "absent"}};
  folder.write("include/lib/detail.h", "");
  folder.write("k.json", text.dump());
  CHECK(has(loadKernel((folder.path / "k.json").string()).error().text(), "absent.json"));
}
