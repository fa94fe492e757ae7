// A kernel as its users describe it: a JSON document beside a template source. Free of LLVM.
#pragma once

#include "ir/expression.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tuned {

/// Parameters chosen for one variant: block sizes and the launch options num_warps, num_stages, num_ctas, maxnreg.
using Configuration = Bindings;
/// The problem's sizes, exact.
using Sizes = Bindings;

/// "BLOCK_M=64 num_warps=4", in name order.
std::string toString(const Bindings& bindings);

struct KernelArgument {
  std::string name;
  std::string type;               ///< "*f32" is a pointer; else "i32", "f32", …
  std::vector<Expression> shape;  ///< pointers: elements in each dimension
  std::optional<Expression> value; ///< integer scalars; float scalars use floatValue
  std::optional<double> floatValue;
  bool output = false;            ///< compared with the reference
  std::string fill = "normal";    ///< what a buffer holds before: "normal", "uniform", "zeros", "ones", "indices" (0 … n-1)
};

struct KernelParameter {
  std::string name;
  std::vector<int64_t> values;
};

struct Work {
  std::optional<Expression> flops, bytes;
};

struct Tolerance {
  double relative = 0, absolute = 0;
};

struct Kernel {
  std::string name;
  std::string language = "ttir";
  std::string source;      ///< the template's text
  std::string sourceName;  ///< for error locations
  std::string entry;
  std::vector<std::string> sizes;
  std::vector<KernelParameter> parameters;
  std::vector<Expression> constraints;
  std::vector<KernelArgument> arguments;
  std::vector<Expression> grid; ///< one to three
  Work work;
  Tolerance tolerance;
  Configuration defaults;

  /// SHA-256 of language, canonical source, entry and arguments: the search space is not part of it.
  std::string id() const;
};

/// Reads a kernel document. `document` is JSON; a "source" that names a file is read beside `path`, one under
/// "source_text" is taken as it is. Errors name the key at fault.
Result<Kernel> parseKernel(const std::string& document, const std::string& path);
Result<Kernel> loadKernel(const std::string& path);
/// A document that parseKernel reads back to the same kernel, its source inlined as "source_text".
std::string toJson(const Kernel& kernel);

/// A kernel with its holes filled for one configuration.
struct Instance {
  std::string source;             ///< every ${…} substituted
  std::array<int64_t, 3> grid = {1, 1, 1};
  /// Where each substituted piece stood, so that a place in `source` maps back to the template.
  struct Hole { size_t at, length, templateAt, templateLength; };
  std::vector<Hole> holes;
  /// Maps a line and column of `source` back to the template's.
  std::pair<unsigned, unsigned> templatePosition(const std::string& templateText, unsigned line, unsigned column) const;
};

/// Fills the template and evaluates the grid. InvalidInput: unknown parameter in the template (with its place),
/// sizes missing, negative or zero, a grid of zero.
Result<Instance> instantiate(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes);

} // namespace tuned
