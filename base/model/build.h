// What compiling gives, whoever compiled and wherever: a binary with what is needed to launch it, or the
// failure.
#pragma once

#include "base/model/launch.h"

#include <map>
#include <string>

namespace tuned {

/// What a build is of. Builds with equal keys are interchangeable.
struct BuildKey {
  std::string kernel;        ///< id
  std::string sizes;         ///< a compact JSON object in name order
  std::string configuration; ///< the same
  std::string toolchain;     ///< toolchainId(): architecture, compilers and assembler
  std::string options;       ///< what else the compiler was told; empty: nothing
  std::string origin;        ///< who made it; empty: the toolchain's compilers
  auto operator<=>(const BuildKey&) const = default;
};

struct Build {
  /// "built", or why there is no binary: "compile_failed", "out_of_resources", "timed_out" or "refused"
  std::string outcome = "built";
  std::string reason;              ///< of a failure
  std::string artefact;            ///< SHA-256 of the binary; empty: there was none
  std::string format;              ///< "cubin", "object"
  std::string target;              ///< what it was compiled for: "sm_90a", "cpu:znver3"
  std::string compiler, assembler; ///< by name and version, as far as they are known
  LaunchMetadata launch;
  Resources resources;
  double seconds = 0;                         ///< wall clock of the compilation
  std::map<std::string, double> phaseSeconds; ///< where it went: "passes", "llvm", "assemble", …
  std::string log;                            ///< what the compiler said

  bool built() const { return outcome == "built"; }
};

/// The identity of what compiles: equal for two machines that would make the same builds.
std::string toolchainId(const std::string& architecture, const std::string& compilers,
                        const std::string& assembler);

template <typename V> void fields(V& v, BuildKey& m) {
  v("kernel", m.kernel);
  v("sizes", m.sizes);
  v("configuration", m.configuration);
  v("toolchain", m.toolchain);
  v.option("options", m.options);
  v.option("origin", m.origin);
}

template <typename V> void fields(V& v, Build& m) {
  v("outcome", m.outcome);
  v.option("reason", m.reason);
  v.option("artefact", m.artefact);
  v.option("format", m.format);
  v.option("target", m.target);
  v.option("compiler", m.compiler);
  v.option("assembler", m.assembler);
  v.option("launch", m.launch);
  v.option("resources", m.resources);
  v.option("seconds", m.seconds);
  v.option("phase_seconds", m.phaseSeconds);
  v.option("log", m.log);
}

} // namespace tuned
