// What gpu_prepare and triton_cubins.py hand to gpu_compare: a folder with plan.json, cubins that several
// compilers made of the same IR, and what is needed to launch, check and judge them.
#pragma once

#include "backend/artefact.h"
#include "base/error.h"
#include "ir/kernel/kernel.h"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace tuned::bench {

/// A kernel argument with its numbers evaluated.
struct PlanArgument {
  std::string name, type; ///< "*f16", "i32"
  /// Of a buffer: one of a kernel document's; "constant": `bits` all over; "values": `values`, integers of
  /// `bytes`; "addresses": what lies `values` bytes behind the start of the buffer named `into`.
  std::string fill;
  int64_t elements = 0; ///< of a buffer; 0: a scalar
  int bytes = 4;        ///< of an element, or of the scalar
  uint64_t bits = 0;    ///< of a scalar, or of each element
  bool output = false;
  /// Of a host tensor descriptor, which is over a buffer of its own; empty: a plain pointer.
  std::vector<int64_t> shape = {}, strides = {}, block = {};
  std::vector<int64_t> values = {};
  std::string into = {};
  /// Reached through addresses only: the kernel has no such argument.
  bool hidden = false;
};

/// One of our compilers' cubins.
struct PlanBuild {
  std::string compiler; ///< "nvptx", "tileir"
  std::string hints;    ///< beyond the configuration: "occupancy=2 worker_warps=8"
  Artefact artefact;    ///< its bytes are in the file
};

/// One configuration: `id` names its files: id.ttir, id.0.cubin, id.1.cubin, … of our builds in their order,
/// and of each version of Triton id.triton-3.6.cubin with id.triton-3.6.json.
struct PlanVariant {
  std::string id, configuration;
  std::array<int64_t, 3> grid = {1, 1, 1};
  int64_t numWarps = 4, numStages = 3, numCtas = 1;
  std::vector<PlanBuild> builds = {}; ///< one for each distinct code
  /// Tile IR's hints that are built ("worker_warps=8,occupancy=2"); absent: those that gpu_prepare is given.
  std::optional<std::vector<std::string>> hints = {};
  /// Blocks of host descriptors by argument, where they are not the task's.
  std::map<std::string, std::vector<int64_t>> blocks = {};
};

struct PlanTask {
  std::string name;
  double flops = 0, bytes = 0;
  double relative = 0, absolute = 0; ///< tolerance between the two compilers' outputs
  std::vector<PlanArgument> arguments;
  std::vector<PlanVariant> variants;
  /// What PyTorch computes of the same kind (torch_side.py), a JSON object; empty: nothing.
  std::string torch = {};
};

struct Plan {
  std::string target;
  std::vector<PlanTask> tasks;
};

nlohmann::json toJson(const Plan& plan);
Plan planFromJson(const nlohmann::json& json); ///< throws nlohmann's exceptions

std::string readFile(const std::filesystem::path& path); ///< empty when it cannot be read
void writeFile(const std::filesystem::path& path, const std::string& bytes);

} // namespace tuned::bench
