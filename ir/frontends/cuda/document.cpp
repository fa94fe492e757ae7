#include "ir/frontends/cuda/document.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tuned {

using nlohmann::json;

namespace {

constexpr std::array cudaKeys = {"block", "shared", "size_macros", "flags", "headers", "include"};

/// Flags without a value, and what flags with a value begin with.
constexpr std::array wholeFlags = {"--use_fast_math", "-use_fast_math", "--extra-device-vectorization"};
constexpr std::array flagPrefixes = {
    "--std=c++", "-std=c++", "--fmad=", "--ftz=", "--prec-div=", "--prec-sqrt="};

std::unexpected<Error> wrong(const std::string& key, const std::string& what) {
  return fail(ErrorKind::InvalidInput, "kernel document: \"" + key + "\": " + what);
}

Result<std::vector<std::string>> strings(const json& document, const char* key) {
  std::vector<std::string> out;
  if (!document.contains(key)) return out;
  const json& list = document[key];
  if (!list.is_array()) return wrong(key, std::string("expected a list of strings, got ") + list.type_name());
  for (const json& each : list) {
    if (!each.is_string()) return wrong(key, std::string("expected a string, got ") + each.type_name());
    out.push_back(each);
  }
  return out;
}

Result<void> readBlock(const json& document, const ReadExpression& read, CudaDocument& out) {
  if (!document.contains("block"))
    return wrong("block", "missing: a kernel in CUDA C++ says how many threads a CTA has");
  const json& list = document["block"];
  if (!list.is_array() || list.empty() || list.size() > 3)
    return wrong("block", "expected one to three expressions");
  for (const json& each : list) {
    auto extent = read(each, "block");
    if (!extent) return fail(extent.error());
    out.block.push_back(std::move(*extent));
  }
  if (!document.contains("shared")) return {};
  auto shared = read(document["shared"], "shared");
  if (!shared) return fail(shared.error());
  out.shared = std::move(*shared);
  return {};
}

Result<void> readLists(const json& document, const Kernel& kernel, CudaDocument& out) {
  auto macros = strings(document, "size_macros"), flags = strings(document, "flags");
  if (!macros || !flags) return fail(macros ? flags.error() : macros.error());
  for (const std::string& name : *macros)
    if (std::ranges::find(kernel.sizes, name) == kernel.sizes.end())
      return wrong("size_macros", "'" + name + "' is no size of the kernel");
  for (const std::string& flag : *flags)
    if (!cudaFlagAllowed(flag))
      return fail(ErrorKind::InvalidInput, "kernel document: \"flags\": '" + flag + "' is not allowed",
                  "allowed are --std=c++…, --use_fast_math, --extra-device-vectorization, --fmad=, --ftz=, "
                  "--prec-div= "
                  "and --prec-sqrt=");
  out.sizeMacros = std::move(*macros);
  out.flags = std::move(*flags);
  return {};
}

Result<void> readHeaders(const json& document, CudaDocument& out) {
  if (document.contains("include"))
    return wrong("include", "a document without a path must bring its headers as \"headers\"");
  if (!document.contains("headers")) return {};
  const json& object = document["headers"];
  if (!object.is_object())
    return wrong("headers", std::string("expected an object, got ") + object.type_name());
  for (const auto& [spelling, text] : object.items()) {
    if (spelling.empty() || !text.is_string())
      return wrong("headers." + spelling, "expected a spelling and a text");
    out.headers[spelling] = text;
  }
  return {};
}

} // namespace

bool cudaEntryAllowed(const std::string& entry) {
  auto printable = [](unsigned char c) { return c >= 0x20 && c < 0x7f; };
  return !entry.empty() && entry.size() <= 1024 && std::ranges::all_of(entry, printable);
}

bool cudaFlagAllowed(const std::string& flag) {
  auto plain = [](unsigned char c) {
    return std::isalnum(c) || c == '+' || c == '-' || c == '_' || c == '=';
  };
  if (!std::ranges::all_of(flag, plain)) return false;
  return std::ranges::find(wholeFlags, flag) != wholeFlags.end() ||
         std::ranges::any_of(flagPrefixes, [&](const char* prefix) { return flag.starts_with(prefix); });
}

Result<CudaDocument> readCudaKeys(const json& document, const Kernel& kernel, const ReadExpression& read) {
  CudaDocument out;
  if (kernel.language != "cuda") {
    for (const char* key : cudaKeys)
      if (document.contains(key)) return wrong(key, "only a kernel in \"language\": \"cuda\" has it");
    return out;
  }
  if (auto ok = readBlock(document, read, out); !ok) return fail(ok.error());
  if (auto ok = readLists(document, kernel, out); !ok) return fail(ok.error());
  if (auto ok = readHeaders(document, out); !ok) return fail(ok.error());
  return out;
}

} // namespace tuned
