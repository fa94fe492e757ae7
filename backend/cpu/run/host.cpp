#include "backend/cpu/run/host.h"

#include "backend/runtime/cpu/tiles.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/xxhash.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>

#include <cstdio>
#include <map>
#include <mutex>

namespace tuned::cpu {
namespace {

unsigned widestVector(const std::map<std::string, bool>& features) {
  auto has = [&](const char* name) {
    auto at = features.find(name);
    return at != features.end() && at->second;
  };
  if (has("avx512f") && has("avx512bw") && has("avx512vl")) return 64;
  return has("avx2") ? 32 : 16;
}

Host probe() {
  std::map<std::string, bool> sorted;
  for (const auto& feature : llvm::sys::getHostCPUFeatures())
    sorted.emplace(feature.getKey().str(), feature.getValue());
  if (!requestTiles()) // an object that uses it is not for this process
    for (auto& [name, on] : sorted)
      if (name.starts_with("amx-")) on = false;
  Host host;
  host.cpu = llvm::sys::getHostCPUName().str();
  for (const auto& [name, on] : sorted)
    host.features += (host.features.empty() ? "" : ",") + std::string(on ? "+" : "-") + name;
  char hash[16];
  std::snprintf(hash, sizeof hash, "%08x", unsigned(llvm::xxh3_64bits(host.features)));
  host.target = "cpu:" + host.cpu + "+" + hash;
  host.vectorBytes = widestVector(sorted);
  host.halfConversions = sorted["f16c"] || sorted["avx512f"];
  host.matrixTiles = sorted["amx-tile"] && sorted["amx-bf16"];
  host.numberRanges = host.vectorBytes == 64 && sorted["avx512dq"];
  host.bf16Dots = host.vectorBytes == 64 && sorted["avx512bf16"];
  return host;
}

} // namespace

const Host& host() {
  static const Host known = probe();
  return known;
}

std::unique_ptr<llvm::TargetMachine> makeTargetMachine(bool fuseMultiplyAdd) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = fuseMultiplyAdd ? llvm::FPOpFusion::Standard : llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, host().cpu, host().features, options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

} // namespace tuned::cpu
