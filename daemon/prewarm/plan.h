// A manifest as builds to make: each kernel's configurations at each size for each target.
#pragma once

#include "base/model/device.h"
#include "daemon/prewarm/manifest.h"
#include "daemon/service/jobs/builder.h"

#include <memory>

namespace tuned::prewarm {

/// What this machine compiles with.
struct Toolchain {
  std::string compiler, assembler;          ///< by name and version
  std::optional<DeviceInfo> cpu;            ///< what "cpu" stands for
  std::vector<std::string> gpu;             ///< compilers of GPU targets, their own first
  std::vector<std::string> gpuTargets = {}; ///< what these compile for; empty: the worker does not say
  std::vector<std::string> notices = {};    ///< what is wrong with this machine's tools
};
/// Asks the worker program. No GPU is needed.
Result<Toolchain> findToolchain(const std::string& worker);

/// Leaves these compilers of GPU targets; all when none is named. NotFound: one is not here.
Result<void> keepCompilers(Toolchain& toolchain, const std::vector<std::string>& wanted);

/// One build to make. Items of one problem share it.
struct Item {
  std::shared_ptr<const tuned::Problem> problem;
  std::string name; ///< the kernel's
  Configuration configuration;
  BuildKey key() const;
};

struct Plan {
  std::vector<Item> items;
  std::map<std::string, store::DocumentRecord> documents; ///< by kernel id
};

/// InvalidInput: no target, or one that is none; a problem whose space is empty; more than two million
/// builds.
Result<Plan> makePlan(const Manifest& manifest, const std::vector<std::string>& targets,
                      const Toolchain& toolchain);

/// The default, the default by another compiler and up to `count` in all with others, spread evenly; all of
/// them when `count` is 0.
std::vector<Configuration> chosen(const std::vector<Configuration>& all, const Configuration& standard,
                                  int64_t count);

} // namespace tuned::prewarm
