// What a device is, and what its kind asks of whoever tunes on it. No other room tells it from an id.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tuned {

/// What tuning has to know of a device's kind.
struct Capabilities {
  /// Timing it needs the host's cores alone (the CPU times its own cores).
  bool exclusive = false;
  /// Launch options that its compilers do not read: configurations that differ in these only are one.
  std::vector<std::string> ignoredOptions = {};
  /// What to compile for; empty: the architecture.
  std::string compileTarget = {};
  /// Who computes the outputs that its kernels are compared with, in the order they are asked: "cpu",
  /// "reference" (the evaluator).
  std::vector<std::string> judges = {"reference"};
};

/// What a device is: the part of a target's identity that is not our compiler.
struct DeviceInfo {
  std::string id;           ///< "cpu", "cuda:0", "reference"
  std::string name;         ///< "NVIDIA H100 80GB HBM3", "AMD EPYC …"
  std::string architecture; ///< the compile target: "sm_90a", "cpu:znver3+avx2…"
  int multiprocessors = 0;  ///< CPU: threads used
  int64_t memoryBytes = 0;
  int64_t sharedBytesLimit = 0; ///< per CTA, opt-in maximum; 0: no such limit
  int64_t registersLimit = 0;   ///< per CTA; 0: no such limit
  int64_t cacheBytes = 0;       ///< last-level cache: what has to be flushed for a cold start
  std::array<int64_t, 3> gridLimit = {0x7fffffff, 65535, 65535};
  std::string driver; ///< driver version, or the kernel's on the CPU
  /// What the memory's clock and width, and the cores' clock and number, give at most; 0: not known. The
  /// second counts 32-bit multiply-adds as two, without tensor cores.
  double peakBytesPerSecond = 0, peakFlopsPerSecond = 0;
  /// The compilers that make code for it on this machine (registry.h), its own first.
  std::vector<std::string> compilers = {};
  Capabilities capabilities = {};
};

template <typename V> void fields(V& v, Capabilities& m) {
  v.option("exclusive", m.exclusive);
  v.option("ignored_options", m.ignoredOptions);
  v.option("compile_target", m.compileTarget);
  v.option("judges", m.judges);
}

template <typename V> void fields(V& v, DeviceInfo& m) {
  v("id", m.id);
  v("name", m.name);
  v("architecture", m.architecture);
  v.option("multiprocessors", m.multiprocessors);
  v.option("memory_bytes", m.memoryBytes);
  v.option("shared_bytes_limit", m.sharedBytesLimit);
  v.option("registers_limit", m.registersLimit);
  v.option("cache_bytes", m.cacheBytes);
  v.option("grid_limit", m.gridLimit);
  v.option("driver", m.driver);
  v.option("peak_bytes_per_second", m.peakBytesPerSecond);
  v.option("peak_flops_per_second", m.peakFlopsPerSecond);
  v.option("compilers", m.compilers);
  v.option("capabilities", m.capabilities);
}

} // namespace tuned
