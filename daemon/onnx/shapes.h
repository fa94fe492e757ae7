// Which kernels at which sizes an ONNX model needs, told from the shapes of its operators. Weights are not
// needed.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tuned::onnx_model {

struct Options {
  std::map<std::string, int64_t> dimensions; ///< values of the model's named, dynamic dimensions
  /// "f16", "bf16" or "f32": what matrix products run in. Empty: as the model's tensors are.
  std::string type;
};

/// A manifest (daemon/prewarm/manifest.h): MatMul, Gemm, Attention, Softmax, LayerNormalization, Relu and Add
/// become entries, also attention that is spelled out in products and a softmax, and a product with its bias
/// and Relu or Gelu as one kernel; operators that no kernel of the library does, and those whose shapes are
/// not known, are counted in its "notes". InvalidInput: no ONNX model; a dynamic dimension without a value,
/// by name; a dimension that the model does not have; nothing in it that we have a kernel for.
Result<nlohmann::json> manifestOf(const std::string& bytes, const std::string& name, const Options& options);

} // namespace tuned::onnx_model
