#include "tests/tuner/kernels.h"

namespace tuned::test {

Kernel parsed(const std::string& document) {
  auto kernel = parseKernel(document, "");
  REQUIRE_MESSAGE(kernel.has_value(), (kernel ? "" : kernel.error().text()));
  return *kernel;
}

Kernel twice() {
  return parsed(R"json({
    "name": "twice", "entry": "twice", "source_text": "block ${BLOCK}", "sizes": ["n"],
    "parameters": {"BLOCK": [16, 32, 64, 128], "num_warps": [1, 2, 4]},
    "constraints": ["BLOCK >= 16 * num_warps"],
    "arguments": [{"name": "x", "type": "*f32", "shape": ["n"]},
                  {"name": "y", "type": "*f32", "shape": ["n"], "output": true, "fill": "zeros"},
                  {"name": "n", "type": "i32", "value": "n"},
                  {"name": "bias", "type": "f32", "value": 0.5}],
    "grid": ["cdiv(n, BLOCK)"], "default": {"BLOCK": 32, "num_warps": 2}})json");
}

} // namespace tuned::test
