// A kernel as its users describe it: a JSON document beside a template source. Free of LLVM.
#pragma once

#include "base/model/measurement.h"
#include "ir/kernel/expression.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tuned {

/// Parameters chosen for one variant: block sizes and the launch options num_warps, num_stages, num_ctas,
/// maxnreg.
using Configuration = Bindings;
/// The problem's sizes, exact.
using Sizes = Bindings;

/// Names that any configuration may have beside the kernel's own parameters: they go to the compiler.
inline constexpr std::array kLaunchOptions = {"num_warps", "num_stages",   "num_ctas",
                                              "maxnreg",   "worker_warps", "occupancy",
                                              "latency",   "compiler",     "any_address"};
/// Of these the one with which a build is right wherever its buffers begin and overlap. Searches try no other
/// value than the kernel's own (0: not); launches that break a condition of the winner are served by it.
inline constexpr const char* kAnyAddress = "any_address";
/// What the values of the launch option `compiler` stand for. A configuration without it means the first.
inline constexpr std::array kCompilerNames = {"nvptx", "tileir"};

/// A value as it is shown: a number, or the name that it stands for.
std::string valueText(const std::string& name, int64_t value);
/// "BLOCK_M=64 compiler=tileir num_warps=4", in name order.
std::string toString(const Bindings& bindings);

struct KernelArgument {
  std::string name;
  std::string type;                ///< "*f32" is a pointer; else "i32", "f32", …
  std::vector<Expression> shape;   ///< pointers: elements in each dimension
  std::optional<Expression> value; ///< integer scalars; float scalars use floatValue
  std::optional<double> floatValue;
  bool output = false; ///< compared with the reference
  std::string fill =
      "normal"; ///< what a buffer holds before: "normal", "uniform", "zeros", "ones", "indices" (0 … n-1)
};

struct KernelParameter {
  std::string name;
  std::vector<int64_t> values;
};

struct Work {
  std::optional<Expression> flops, bytes;
};

/// What only kernels in CUDA C++ have.
struct CudaDocument {
  std::vector<Expression> block;    ///< threads of a CTA along x, y and z: one to three
  std::optional<Expression> shared; ///< bytes of dynamic shared memory; absent: none
  std::vector<std::string>
      sizeMacros;                 ///< sizes that the source sees as macros, beside parameters and constants
  std::vector<std::string> flags; ///< for the compiler: of those that cudaFlagAllowed() takes
  std::map<std::string, std::string> headers; ///< text by the spelling in #include
};

struct Kernel {
  std::string name;
  std::string language = "ttir"; ///< or "cuda"
  std::string source;            ///< the text: a template with holes, or CUDA C++ that reads macros
  std::string sourceName;        ///< for error locations
  std::string entry; ///< the function; CUDA C++: a name expression, which may hold macros ("softmax<BLOCK>")
  std::vector<std::string> sizes;
  /// "constants" of the document: fixed for the kernel and part of its identity, so that several documents
  /// share one template. Integers are known to every expression; words stand for themselves in holes (${IN}
  /// becomes f16) and in argument types (which hold the word already replaced).
  Bindings constants;
  std::map<std::string, std::string> words;
  std::vector<KernelParameter> parameters;
  std::vector<Expression> constraints;
  std::vector<KernelArgument> arguments;
  std::vector<Expression> grid; ///< one to three
  Work work;
  std::optional<Tolerance> tolerance; ///< none: each type's own (tuner/verify); zeros: exact
  Configuration defaults;
  /// Whole defaults of targets that have their own, by "cpu" or what the compilers call them ("sm_90a").
  std::map<std::string, Configuration> targetDefaults;
  CudaDocument cuda;
  /// A kernel in TTIR with the same arguments, whose outputs are the right ones. Null: the kernel's own IR is
  /// evaluated, or where there is none the default configuration's outputs are taken for right.
  std::shared_ptr<const Kernel> judge;

  /// SHA-256 of all that decides what is computed and what it is compared with: language, canonical source,
  /// headers, flags, entry, sizes, constants, arguments, grid, block, shared memory and judge. The search
  /// space, the default, work and tolerance are not part of it.
  std::string id() const;
};

/// The kernel as it stands on one target ("sm_90a", "cpu" or "cpu:…"): `defaults` are that target's, and no
/// others are there; so it is with its judge, which runs on the CPU. A default that names none of
/// `compilers`, those of this machine, is passed over for the general one.
Kernel onTarget(Kernel kernel, const std::string& target, const std::vector<std::string>& compilers);

/// The source without comments, locations and insignificant whitespace: what the id is made of.
std::string canonicalSource(const std::string& language, const std::string& source);

/// Bytes of one element of an argument type: "*f16" and "f16" are 2; i1 is 1. InvalidInput for an unknown
/// type.
Result<int> elementBytes(const std::string& type);
/// Elements of a pointer argument's buffer. InvalidInput when a dimension is below 1 or the bytes are beyond
/// 2^48.
Result<int64_t> elementCount(const Kernel& kernel, const KernelArgument& argument, const Sizes& sizes);
/// Bytes of all buffers together, for the check against a device's memory.
Result<int64_t> totalBytes(const Kernel& kernel, const Sizes& sizes);
/// Constants, sizes and configuration as one: what expressions of the kernel see.
Bindings bindingsOf(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes);
/// InvalidInput names the size that is missing, unknown, zero, negative, or does not fit the argument it is
/// passed as.
Result<void> checkSizes(const Kernel& kernel, const Sizes& sizes);
/// Whether every constraint holds; an expression that cannot be evaluated is an error.
Result<bool> satisfiesConstraints(const Kernel& kernel, const Configuration& configuration,
                                  const Sizes& sizes);

/// Reads a kernel document. `document` is JSON (comments allowed); a "source" that names a file is read
/// beside `path` (refused when `path` is empty: a document that came over a socket brings its source), one
/// under "source_text" is taken as it is. Errors name the key at fault, or line and column where the JSON
/// itself is malformed.
Result<Kernel> parseKernel(const std::string& document, const std::string& path);
Result<Kernel> loadKernel(const std::string& path);
/// A document that parseKernel reads back to the same kernel, its source inlined as "source_text".
std::string toJson(const Kernel& kernel);

/// A kernel with its holes filled (CUDA C++ has none) for one configuration.
struct Instance {
  std::string source; ///< every ${…} substituted
  std::array<int64_t, 3> grid = {1, 1, 1};
  /// Where each substituted piece stood, so that a place in `source` maps back to the template.
  struct Hole {
    size_t at, length, templateAt, templateLength;
  };
  std::vector<Hole> holes;
  /// Maps a line and column of `source` back to the template's.
  std::pair<unsigned, unsigned> templatePosition(const std::string& templateText, unsigned line,
                                                 unsigned column) const;
};

/// Fills the template and evaluates the grid. A hole ${…} holds an expression or a word; ${if EXPRESSION},
/// ${else}, ${end} keep or drop the text between (each may stand alone on a line, which then vanishes too).
/// InvalidInput: unknown parameter in the template (with its place), a configuration that lacks a parameter
/// or has an unknown one, sizes missing, negative or zero, a grid of zero. Constraints are not checked here
/// (satisfiesConstraints).
Result<Instance> instantiate(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes);

} // namespace tuned
