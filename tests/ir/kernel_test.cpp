#include "ir/kernel/kernel.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace tuned;
using nlohmann::json;

namespace {

const std::string kSource = R"(// A comment with spaces
module {
  tt.func @k(%x: !tt.ptr<${T}>) {
    %r = tt.make_range {end = ${BLOCK * 2} : i32, start = 0 : i32} : tensor<${BLOCK * 2}xi32>
    ${if FAST}
    fast
    ${else}
    slow ${n}
    ${end}
    tt.return
  }
}
)";

json document() {
  return {{"name", "k"},
          {"entry", "k"},
          {"source_text", kSource},
          {"sizes", {"n"}},
          {"constants", {{"T", "f16"}, {"FAST", 0}}},
          {"parameters", {{"BLOCK", {32, 64}}, {"num_warps", {1, 2, 4}}}},
          {"constraints", {"BLOCK >= 32 * num_warps"}},
          {"arguments",
           {{{"name", "x"}, {"type", "*${T}"}, {"shape", {"n", 2}}, {"output", true}},
            {{"name", "n"}, {"type", "i32"}, {"value", "n"}},
            {{"name", "eps"}, {"type", "f32"}, {"value", 1e-5}}}},
          {"grid", {"cdiv(n, BLOCK)"}},
          {"work", {{"flops", "2 * n"}, {"bytes", "8 * n"}}},
          {"tolerance", {{"relative", 1e-3}}},
          {"default", {{"BLOCK", 64}, {"num_warps", 2}}}};
}

Kernel kernel(const json& from = document()) {
  auto parsed = parseKernel(from.dump(), "");
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().text()));
  return *parsed;
}

/// The text of the error that parsing the document with `pointer` set to `value` gives.
std::string refusal(const std::string& pointer, json value) {
  json changed = document();
  changed[json::json_pointer(pointer)] = std::move(value);
  auto parsed = parseKernel(changed.dump(), "");
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().kind == ErrorKind::InvalidInput);
  return parsed.error().text();
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

} // namespace

TEST_CASE("a document becomes a kernel and a document again") {
  Kernel first = kernel();
  CHECK(first.arguments[0].type == "*f16");
  CHECK(first.arguments[2].floatValue == 1e-5);
  CHECK(first.tolerance->relative == 1e-3);
  CHECK(first.parameters[0].name == "BLOCK");
  auto second = parseKernel(toJson(first), "");
  REQUIRE(second.has_value());
  CHECK(toJson(*second) == toJson(first));
  CHECK(second->id() == first.id());
}

TEST_CASE("holes are filled, conditions keep or drop their text") {
  Kernel k = kernel();
  auto instance = instantiate(k, k.defaults, {{"n", 100}});
  REQUIRE(instance.has_value());
  CHECK(instance->source.find("!tt.ptr<f16>") != std::string::npos);
  CHECK(instance->source.find("tensor<128xi32>") != std::string::npos);
  CHECK(instance->source.find("    slow 100\n    tt.return") != std::string::npos);
  CHECK(instance->source.find("fast") == std::string::npos);
  CHECK(instance->source.find("${") == std::string::npos);
  CHECK(instance->grid == std::array<int64_t, 3>{2, 1, 1});
}

TEST_CASE("a place in the instance is a place in the template") {
  Kernel k = kernel();
  auto instance = instantiate(k, k.defaults, {{"n", 100}});
  REQUIRE(instance.has_value());
  auto position = [&](const std::string& what) {
    size_t at = instance->source.find(what);
    REQUIRE(at != std::string::npos);
    unsigned line = 1 + std::count(instance->source.begin(), instance->source.begin() + at, '\n');
    unsigned column = at - (instance->source.rfind('\n', at) + 1) + 1;
    return instance->templatePosition(k.source, line, column);
  };
  auto inTemplate = [&](const std::string& what) {
    size_t at = k.source.find(what);
    REQUIRE(at != std::string::npos);
    unsigned line = 1 + std::count(k.source.begin(), k.source.begin() + at, '\n');
    return std::pair<unsigned, unsigned>(line, at - (k.source.rfind('\n', at) + 1) + 1);
  };
  for (const char* what : {"module", "%x: ", "start = 0", "xi32>", "slow", "tt.return"}) {
    CAPTURE(what);
    CHECK(position(what) == inTemplate(what));
  }
  CHECK(position("128 : i32") == inTemplate("${BLOCK * 2}")); // inside a hole: the hole
}

TEST_CASE("bad holes are reported with line and column of the template") {
  auto problem = [](const std::string& source) {
    json changed = document();
    changed["source_text"] = source;
    changed["source_name"] = "bad.ttir";
    Kernel k = kernel(changed);
    auto instance = instantiate(k, k.defaults, {{"n", 4}});
    REQUIRE_FALSE(instance.has_value());
    CHECK(instance.error().kind == ErrorKind::InvalidInput);
    REQUIRE(instance.error().location.has_value());
    return instance.error().text();
  };
  contains(problem("one\n  two ${BLOK} x"), "bad.ttir:2:7: expression `BLOK`: unknown name 'BLOK'");
  contains(problem("one\n  two ${BLOK} x"), "known are BLOCK");
  contains(problem("${BLOCK +}"), "bad.ttir:1:1: ");
  contains(problem("a\nb ${BLOCK\n}"), "bad.ttir:2:3: `${` without `}`");
  contains(problem("${if FAST}\nx"), "bad.ttir:1:1: `${if …}` without `${end}`");
  contains(problem("x\n${end}"), "bad.ttir:2:1: `${end}` without");
  contains(problem("${else}"), "without `${if …}`");
  contains(problem("${if FAST}\n${else}\n${else}\n${end}"), "bad.ttir:3:1: a second `${else}`");
  contains(problem("${if SLOW}\n${end}"), "unknown name 'SLOW'");
}

TEST_CASE("sizes are checked") {
  Kernel k = kernel();
  auto problem = [&](const Sizes& sizes) {
    auto instance = instantiate(k, k.defaults, sizes);
    REQUIRE_FALSE(instance.has_value());
    CHECK(instance.error().kind == ErrorKind::InvalidInput);
    return instance.error().text();
  };
  contains(problem({}), "size 'n' of kernel 'k' is missing");
  contains(problem({{"n", 0}}), "size 'n' is 0; sizes start at 1");
  contains(problem({{"n", -5}}), "size 'n' is -5");
  contains(problem({{"n", 5}, {"m", 5}}), "has no size 'm'");
  contains(problem({{"n", int64_t(1) << 31}}), "does not fit its type i32");
  contains(problem({{"n", int64_t(1) << 60}}), "argument 'n'");
  json wide = document();
  wide["arguments"][1]["type"] = "i64";
  k = kernel(wide);
  contains(problem({{"n", int64_t(1) << 50}}), "argument 'x': its buffer is beyond any device's memory");
  contains(problem({{"n", INT64_MAX}}), "beyond any device's memory");
  CHECK(totalBytes(k, {{"n", 100}}) == 400);
}

TEST_CASE("a grid of zero is refused") {
  json changed = document();
  changed["grid"] = {"n / BLOCK"};
  Kernel k = kernel(changed);
  auto instance = instantiate(k, k.defaults, {{"n", 10}});
  REQUIRE_FALSE(instance.has_value());
  contains(instance.error().text(), "grid `n / BLOCK` is 0");
}

TEST_CASE("a configuration has every parameter and no other") {
  Kernel k = kernel();
  auto lacking = instantiate(k, {{"BLOCK", 32}}, {{"n", 4}});
  REQUIRE_FALSE(lacking.has_value());
  contains(lacking.error().text(), "lacks parameter 'num_warps'");
  auto unknown = instantiate(k, {{"BLOCK", 32}, {"num_warps", 1}, {"BLOK", 3}}, {{"n", 4}});
  REQUIRE_FALSE(unknown.has_value());
  contains(unknown.error().text(), "has no parameter 'BLOK'");
  CHECK(instantiate(k, {{"BLOCK", 32}, {"num_warps", 1}, {"maxnreg", 64}}, {{"n", 4}}).has_value());
}

TEST_CASE("every wrong key of a document is named") {
  contains(refusal("/colour", 1), "\"colour\": unknown key");
  contains(refusal("/arguments/0/stride", 1), "\"arguments[0].stride\": unknown key");
  contains(refusal("/work/joules", 1), "\"work.joules\": unknown key");
  contains(refusal("/name", 5), "\"name\": expected a string, got number");
  contains(refusal("/name", "a/b"), "\"name\"");
  contains(refusal("/language", "ptx"), "\"language\"");
  contains(refusal("/entry", "two words"), "\"entry\"");
  contains(refusal("/sizes", "n"), "\"sizes\": expected a list of names, got string");
  contains(refusal("/sizes", {"n", "n"}), "'n' is given twice");
  contains(refusal("/constants/n", 1), "'n' is given twice");
  contains(refusal("/constants/U", 1.5), "\"constants.U\": expected an integer or a string, got number");
  contains(refusal("/parameters", {1}), "\"parameters\": expected an object, got array");
  contains(refusal("/parameters/BLOCK", 32), "\"parameters.BLOCK\": expected a list of integers, got number");
  contains(refusal("/parameters/BLOCK", {32, "64"}), "\"parameters.BLOCK\": expected an integer, got string");
  contains(refusal("/parameters/BLOCK", json::array()), "\"parameters.BLOCK\": an empty list");
  contains(refusal("/parameters/BLOCK", {32, 32}), "32 is given twice");
  contains(refusal("/parameters/BLOCK", {18446744073709551615u}), "expected an integer");
  contains(refusal("/constraints", {"BLOCK <"}), "\"constraints\": expression `BLOCK <`");
  contains(refusal("/constraints", {"BLOKC < 3"}), "names 'BLOKC', which is not declared");
  contains(refusal("/arguments", json::object()), "\"arguments\": expected a list, got object");
  contains(refusal("/arguments/0/type", "*f17"), "unknown argument type '*f17'");
  contains(refusal("/arguments/0/shape", {"BLOCK"}), "names 'BLOCK', which is not a size or constant");
  contains(refusal("/arguments/0/shape", json::array()), "\"arguments[0].shape\"");
  contains(refusal("/arguments/0/output", "yes"), "\"arguments[0].output\": expected true or false");
  contains(refusal("/arguments/0/output", false), "nothing could be verified");
  contains(refusal("/arguments/0/fill", "random"), "\"arguments[0].fill\"");
  contains(refusal("/arguments/1/value", nullptr),
           "\"arguments[1].value\": expected an expression, got null");
  contains(refusal("/arguments/2/value", "n"), "\"arguments[2].value\": expected a number, got string");
  contains(refusal("/grid", json::array()), "\"grid\": expected one to three");
  contains(refusal("/grid", {1, 1, 1, 1}), "\"grid\": expected one to three");
  contains(refusal("/tolerance/relative", -1),
           "\"tolerance.relative\": expected a number that is not negative");
  contains(refusal("/default/BLOCK", 48), "\"default.BLOCK\": 48 is not among");
  contains(refusal("/default", {{"BLOCK", 64}}), "\"default\": lacks 'num_warps'");
  contains(refusal("/source", "k.ttir"), "either \"source\" or \"source_text\"");
}

TEST_CASE("documents are limited in what they hold, and the limit is named") {
  auto numbered = [](int count, auto&& value) {
    json out = json::object();
    for (int i = 0; i < count; ++i)
      out["P" + std::to_string(i)] = value(i);
    return out;
  };
  auto one = [](int) { return json::array({1}); };
  contains(refusal("/parameters", numbered(20'000, one)), "20000 entries: the limit is 64");
  contains(refusal("/constants", numbered(300, [](int i) { return i; })), "the limit is 256");
  json many = json::array();
  for (int i = 0; i < 5000; ++i)
    many.push_back(i);
  contains(refusal("/parameters/BLOCK", many), "the limit is 4096");
  contains(refusal("/constraints", many), "the limit is 256");
  contains(refusal("/arguments", many), "the limit is 256");
  contains(refusal("/sizes", many), "the limit is 256");
  json deep = 1;
  for (int i = 0; i < 80; ++i)
    deep = json::array({deep});
  contains(refusal("/description", deep), "nests deeper than 64 levels");
  CHECK_FALSE(parseKernel(std::string(100'000, '['), "").has_value());
  CHECK_FALSE(parseKernel(R"({"name": 1e999})", "").has_value());
}

TEST_CASE("malformed JSON is reported with its place, missing keys by name") {
  auto parsed = parseKernel("{\n  \"name\": \"k\",\n  \"entry\" \"k\"\n}", "k.json");
  REQUIRE_FALSE(parsed.has_value());
  REQUIRE(parsed.error().location.has_value());
  CHECK(parsed.error().location->file == "k.json");
  CHECK(parsed.error().location->line == 3);
  CHECK_FALSE(parseKernel("[]", "").has_value());
  CHECK_FALSE(parseKernel("", "").has_value());
  for (const char* key : {"name", "arguments", "grid", "entry", "source_text"}) {
    json changed = document();
    changed.erase(key);
    auto lacking = parseKernel(changed.dump(), "");
    REQUIRE_FALSE(lacking.has_value());
    contains(lacking.error().text(), std::string(key).substr(0, 6));
  }
  json remote = document();
  remote.erase("source_text");
  remote["source"] = "/etc/passwd";
  auto refused = parseKernel(remote.dump(), "");
  REQUIRE_FALSE(refused.has_value());
  contains(refused.error().text(), "must bring its source");
  CHECK(loadKernel("/nowhere/k.json").error().kind == ErrorKind::NotFound);
}

TEST_CASE("the id is blind to layout, comments, locations and the search space") {
  const std::string id = kernel().id();
  json changed = document();
  changed["parameters"]["BLOCK"] = {32, 64, 128};
  changed["constraints"] = json::array();
  changed["tolerance"] = {{"absolute", 1}};
  changed["name"] = "other";
  CHECK(kernel(changed).id() == id);

  changed = document();
  changed["source_text"] =
      "#loc = loc(\"a(b\":1:2)\n" + kSource + "#loc1 = loc(unknown)\n#loc2 = loc(\"x\"(#loc1))\n";
  CHECK(kernel(changed).id() == id);
  std::string spaced = kSource;
  spaced.replace(spaced.find("tt.return"), 9, "tt.return   loc(callsite(\"f\"(#loc1) at #loc2)) // done\n\n");
  spaced.replace(spaced.find("%r = "), 5, "%r   =\n     ");
  changed["source_text"] = spaced;
  CHECK(kernel(changed).id() == id);
}

TEST_CASE("the id changes with all that decides what is computed") {
  const std::string id = kernel().id();
  auto differs = [&](const std::string& pointer, json value) {
    json changed = document();
    changed[json::json_pointer(pointer)] = std::move(value);
    CHECK_MESSAGE(kernel(changed).id() != id, pointer);
  };
  std::string source = kSource;
  differs("/source_text", source.replace(source.find("start = 0"), 9, "start = 1"));
  differs("/constants/T", "f32");
  differs("/constants/FAST", 1);
  differs("/entry", "other");
  differs("/grid", {"cdiv(n, BLOCK) + 1"});
  differs("/arguments/0/shape", {"n", 3});
  differs("/arguments/2/value", 2e-5);
  CHECK(canonicalSource("ttir", "a \"x  // y\" b") == "a \"x  // y\" b");
  CHECK(canonicalSource("ttir", "%a b") != canonicalSource("ttir", "%ab"));
  CHECK(canonicalSource("cuda", "int a; // c\n\n  /* d */ int   b;\n#define X \"/*\"\n") ==
        "int a;\nint b;\n#define X \"/*\"");
}

TEST_CASE("compilers are named in a document and shown by their names") {
  json named = document();
  named["parameters"]["compiler"] = {"tileir", "nvptx"};
  named["default"]["compiler"] = "tileir";
  Kernel k = kernel(named);
  CHECK(k.defaults.at("compiler") == 1);
  CHECK(toString(k.defaults) == "BLOCK=64 compiler=tileir num_warps=2");
  auto again = parseKernel(toJson(k), "");
  REQUIRE_MESSAGE(again.has_value(), again.error().text());
  CHECK(again->defaults == k.defaults);
  CHECK(refusal("/default/compiler", "gcc").find("nvptx, tileir") != std::string::npos);
}

TEST_CASE("a target has a default of its own: what it names over the general one") {
  json named = document();
  named["target_defaults"] = {{"cpu", {{"BLOCK", 32}, {"num_warps", 1}}},
                              {"sm_80", {{"maxnreg", 96}}},
                              {"sm_90a", {{"num_warps", 1}, {"compiler", "tileir"}}}};
  const Kernel k = kernel(named);
  auto again = parseKernel(toJson(k), "");
  REQUIRE_MESSAGE(again.has_value(), again.error().text());
  CHECK(again->targetDefaults == k.targetDefaults);
  CHECK(k.id() == kernel().id());

  const std::vector<std::string> both = {"nvptx", "tileir"}, own = {"nvptx"};
  const auto on = [&](const std::string& target, const std::vector<std::string>& compilers) {
    return toString(onTarget(k, target, compilers).defaults);
  };
  CHECK(on("sm_90a", both) == "BLOCK=64 compiler=tileir num_warps=1");
  CHECK(on("sm_90a", own) == "BLOCK=64 num_warps=2"); // what it names is not on this machine
  CHECK(on("sm_80", own) == "BLOCK=64 maxnreg=96 num_warps=2");
  CHECK(on("sm_86", both) == "BLOCK=64 num_warps=2");
  CHECK(on("cpu", {}) == "BLOCK=32 num_warps=1");
  CHECK(on("cpu:znver3+avx2", {"cpu"}) == "BLOCK=32 num_warps=1");
  CHECK(onTarget(k, "cpu", {}).targetDefaults.empty());
}

TEST_CASE("a judge, which runs on the CPU, has the CPU's default whatever the kernel's own target is") {
  json named = document();
  named["target_defaults"] = {{"sm_90a", {{"num_warps", 1}}}, {"cpu", {{"BLOCK", 32}, {"num_warps", 1}}}};
  named["judge"] = {{"source_text", kSource},
                    {"entry", "k"},
                    {"grid", {"cdiv(n, BLOCK)"}},
                    {"parameters", {{"BLOCK", {16, 128}}, {"num_warps", {1, 2}}}},
                    {"default", {{"BLOCK", 16}, {"num_warps", 1}}},
                    {"target_defaults", {{"cpu", {{"BLOCK", 128}}}, {"sm_90a", {{"num_warps", 2}}}}}};
  const Kernel k = kernel(named);
  REQUIRE(k.judge);
  REQUIRE(k.judge->targetDefaults.size() == 2);
  const auto before = k.judge;
  for (const char* target : {"sm_90a", "sm_80", "cpu", "cpu:znver3"}) {
    INFO(target);
    const Kernel there = onTarget(k, target, {"nvptx"});
    REQUIRE(there.judge);
    CHECK(toString(there.judge->defaults) == "BLOCK=128 num_warps=1");
    CHECK(there.judge->targetDefaults.empty());
    CHECK(there.judge->id() == before->id());
    CHECK(k.judge == before); // who shares the kernel keeps its judge as it was
    CHECK(before->targetDefaults.size() == 2);
  }
  named["judge"].erase("target_defaults");
  const Kernel plain = kernel(named);
  CHECK(onTarget(plain, "sm_90a", {}).judge == plain.judge);
  CHECK(toString(plain.judge->defaults) == "BLOCK=16 num_warps=1");
}

TEST_CASE("a default of a target that is none, or that the parameters do not have, is named") {
  const auto given = [](json value) { return refusal("/target_defaults", std::move(value)); };
  contains(given(3), "\"target_defaults\": expected an object, got number");
  contains(given({{"sm_90a", 64}}), "\"target_defaults.sm_90a\": expected an object, got number");
  contains(given({{"sm_90a", {{"BLOCK", 48}}}}), "\"target_defaults.sm_90a.BLOCK\": 48 is not among");
  contains(given({{"cpu", {{"BLOKC", 64}}}}), "\"target_defaults.cpu.BLOKC\": not a parameter");
  contains(given({{"cpu", {{"BLOCK", "64"}}}}), "\"target_defaults.cpu.BLOCK\": expected an integer");
  for (const char* target : {"", "gpu", "cuda:0", "sm_", "sm_9", "sm_9000", "sm_90x", "sm_90aa", "cpu:x"})
    contains(given({{target, json::object()}}), "no target; give \"cpu\", or a GPU's as \"sm_90a\"");
}
