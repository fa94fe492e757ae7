// Which machine code runs on which NVIDIA architecture.
#pragma once

#include <string_view>

namespace tuned {

/// Whether a binary for `target` ("sm_90", "sm_90a", "cpu:znver3") loads on a device of `architecture`: its
/// own; and of NVIDIA's, code without a letter behind its number loads on later ones of the same generation.
bool loadsOn(std::string_view target, std::string_view architecture);

} // namespace tuned
