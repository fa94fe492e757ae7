// How a build is launched, told so that a client which knows no kernel document can do it.
#pragma once

#include "base/model/launch_condition.h"
#include "base/model/tensor_map.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tuned {

/// How one kernel parameter reaches the device code. A host tensor descriptor is its base, and its shape (32
/// bits each) and strides (64 bits each) follow as parameters of their own; in place of the base there may
/// stand a tensor map, which is made at the launch of all three.
enum class ParameterKind { Pointer, Scalar, TensorMap };
constexpr std::array<const char*, 3> names(ParameterKind) {
  return {"pointer", "scalar", "tensor_map"};
}

struct ParameterSlot {
  ParameterKind kind = ParameterKind::Scalar;
  int sizeBytes = 8; ///< bytes of the slot in the parameter buffer (1, 2, 4, 8; 128 for a tensor map)
  std::optional<TensorMapLayout> map = {}; ///< of a tensor map: how it is made

  /// Whether whoever launches gives an address for it.
  bool takesAddress() const { return kind != ParameterKind::Scalar; }
};

/// InvalidInput names the first parameter that is a tensor map and cannot be made: nobody says how, no driver
/// makes such, or shape and strides do not follow.
Result<void> checkTensorMaps(const std::vector<ParameterSlot>& parameters);

/// An argument as the kernel's author named it, at the sizes of the build.
struct Argument {
  std::string name;
  std::string type;               ///< "*f32" is a pointer; else "i32", "f32", …
  bool output = false;            ///< the kernel writes it
  std::vector<int64_t> shape;     ///< pointers: elements in each dimension
  std::optional<int64_t> integer; ///< integer scalars: the value at these sizes
  std::optional<double> real;     ///< float scalars: the value
};

struct LaunchMetadata {
  std::string symbol; ///< the entry's name in the binary
  /// Threads of a CTA along x, y and z: num_warps * 32 in a row with nvptx, what the document says with
  /// nvrtc; {1, 1, 1} on the CPU and with tileir, whose cubins say themselves how many threads they start.
  std::array<int, 3> block = {1, 1, 1};
  int64_t dynamicSharedBytes = 0;
  int64_t scratchBytes = 0; ///< CPU: bytes of scratch that each running thread needs, 64-byte aligned
  int clusterSize = 1;      ///< CTAs per program that a launch has to ask for; a tileir cubin asks itself: 1
  std::vector<ParameterSlot> parameters; ///< in the order of the function's arguments
  /// What must hold of the arguments; devices check it before every launch.
  std::vector<LaunchCondition> conditions = {};
  std::vector<Argument> arguments = {}; ///< one for each of the kernel's; empty: not told
  /// Programs along each axis; zeros: as the kernel's document says.
  std::array<int64_t, 3> grid = {0, 0, 0};

  /// Of any block, also of one that no device has; more than are counted in 63 bits count as that many.
  int64_t threadsPerCta() const {
    int64_t threads = 1;
    for (const int extent : block)
      if (__builtin_mul_overflow(threads, int64_t{extent}, &threads)) return INT64_MAX;
    return threads;
  }
};

/// What a build takes of the machine, read back from the binary itself. -1: not known.
struct Resources {
  int registers = -1;       ///< per thread
  int64_t sharedBytes = -1; ///< per CTA, static and dynamic together
  int64_t spillBytes = -1;  ///< local memory per thread
};

template <typename V> void fields(V& v, ParameterSlot& m) {
  v("kind", m.kind);
  v("size_bytes", m.sizeBytes);
  v.option("map", m.map);
}

template <typename V> void fields(V& v, Argument& m) {
  v("name", m.name);
  v("type", m.type);
  v.option("output", m.output);
  v.option("shape", m.shape);
  v("integer", m.integer);
  v("real", m.real);
}

template <typename V> void fields(V& v, LaunchMetadata& m) {
  v("symbol", m.symbol);
  v.option("block", m.block);
  int64_t threads = m.threadsPerCta(); // shown for those who need no more; not read
  v.option("threads_per_cta", threads);
  v.option("dynamic_shared_bytes", m.dynamicSharedBytes);
  v.option("scratch_bytes", m.scratchBytes);
  v.option("cluster_size", m.clusterSize);
  v("parameters", m.parameters);
  v.option("conditions", m.conditions);
  v.option("arguments", m.arguments);
  v.option("grid", m.grid);
}

template <typename V> void fields(V& v, Resources& m) {
  v.option("registers", m.registers);
  v.option("shared_bytes", m.sharedBytes);
  v.option("spill_bytes", m.spillBytes);
}

} // namespace tuned
