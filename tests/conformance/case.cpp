#include "tests/conformance/case.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <sstream>

namespace tuned::conformance {
namespace {

using Json = nlohmann::json;

/// Triton's names of element types; fp8e4b15 is stored as bytes.
Kind kindOf(const std::string& type) {
  static const std::map<std::string, Kind> kinds = {
      {"u1", Kind::I1},       {"i1", Kind::I1},    {"i8", Kind::I8},       {"u8", Kind::I8},
      {"i16", Kind::I16},     {"u16", Kind::I16},  {"i32", Kind::I32},     {"u32", Kind::I32},
      {"i64", Kind::I64},     {"u64", Kind::I64},  {"fp8e4b15", Kind::I8}, {"fp16", Kind::F16},
      {"bf16", Kind::BF16},   {"fp32", Kind::F32}, {"fp64", Kind::F64},    {"fp8e4nv", Kind::F8E4M3FN},
      {"fp8e5", Kind::F8E5M2}};
  auto found = kinds.find(type);
  if (found == kinds.end()) throw std::runtime_error("unknown element type " + type);
  return found->second;
}

std::string readFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::byte> slice(const std::string& data, const Json& span) {
  size_t offset = span.at(0), length = span.at(1);
  if (offset + length > data.size()) throw std::runtime_error("data.bin is shorter than case.json says");
  const auto* start = reinterpret_cast<const std::byte*>(data.data()) + offset;
  return {start, start + length};
}

/// Python writes NaN, Infinity and -Infinity bare, which JSON has not: quotes them.
std::string quoteNonFinite(const std::string& text) {
  static const std::regex bare(R"((:\s*)(NaN|-?Infinity))");
  return std::regex_replace(text, bare, "$1\"$2\"");
}

double number(const Json& value) {
  if (!value.is_string()) return value.get<double>();
  std::string text = value;
  double infinity = std::numeric_limits<double>::infinity();
  return text == "NaN" ? std::nan("") : text == "-Infinity" ? -infinity : infinity;
}

Scalar readScalar(Kind kind, const Json& value) {
  Scalar scalar;
  scalar.bytes = reference::byteWidth(kind);
  if (reference::isFloat(kind))
    scalar.bits = reference::fromDouble(kind, number(value));
  else
    scalar.bits = (value.is_boolean() ? value.get<bool>() : static_cast<uint64_t>(value.get<int64_t>())) &
                  reference::mask(kind);
  return scalar;
}

CaseArgument readArgument(const Json& json, const std::string& data) {
  CaseArgument argument;
  argument.name = json.at("name");
  argument.type = json.at("type");
  argument.isBuffer = json.contains("before");
  std::string element = argument.type;
  if (element.starts_with("*")) element = element.substr(element.starts_with("*k") ? 2 : 1); // *k: read only
  if (element.starts_with("tensordesc<")) element = element.substr(11, element.find('[') - 11);
  argument.kind = kindOf(element);
  if (!argument.isBuffer) {
    argument.scalar = readScalar(argument.kind, json.at("value"));
    return argument;
  }
  argument.before = slice(data, json.at("before"));
  if (json.contains("after")) argument.after = slice(data, json.at("after"));
  if (json.contains("desc_shape")) {
    TensorDescriptor& descriptor = argument.descriptor.emplace();
    descriptor.elementBytes = reference::byteWidth(argument.kind);
    descriptor.elementType = reference::name(argument.kind);
    descriptor.shape = json.at("desc_shape").get<std::vector<int64_t>>();
    descriptor.strides = json.at("desc_strides").get<std::vector<int64_t>>();
    descriptor.block = json.at("block_shape").get<std::vector<int64_t>>();
  }
  return argument;
}

} // namespace

std::vector<std::string> findCases(const std::string& root) {
  std::vector<std::string> found;
  auto options = std::filesystem::directory_options::skip_permission_denied;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root, options))
    if (entry.path().filename() == "case.json")
      found.push_back(entry.path().parent_path().lexically_relative(root).string());
  std::ranges::sort(found);
  return found;
}

Result<Case> readCase(const std::string& root, const std::string& id) {
  std::filesystem::path folder = std::filesystem::path(root) / id;
  try {
    Json json = Json::parse(quoteNonFinite(readFile(folder / "case.json")));
    Case read;
    read.id = id;
    read.test = json.value("test", id);
    read.entry = json.at("kernel");
    read.sourcePath = (folder / "kernel.ttir").string();
    read.source = readFile(read.sourcePath);
    for (size_t axis = 0; axis < 3; ++axis)
      read.grid[axis] = json.at("grid").at(axis);
    const Json& options = json.at("options");
    read.numWarps = options.value("num_warps", 4);
    read.numStages = options.value("num_stages", 3);
    read.numCtas = options.value("num_ctas", 1);
    std::string data = readFile(folder / "data.bin");
    for (const Json& argument : json.at("args"))
      read.arguments.push_back(readArgument(argument, data));
    return read;
  } catch (const std::exception& problem) {
    return fail(ErrorKind::InvalidInput, folder.string() + ": " + problem.what());
  }
}

} // namespace tuned::conformance
