// A cubin in the primary context of a CUDA device, which is the one that PyTorch and the CUDA runtime use.
#pragma once

#include "backend/runtime/kernel.h"

namespace tuned::cuda {

/// See runtime::loadKernel. Device `index` is the driver's, as CUDA_VISIBLE_DEVICES leaves it.
Result<std::unique_ptr<runtime::Kernel>> makeKernel(std::string_view bytes, const LaunchMetadata& launch,
                                                    int index);

} // namespace tuned::cuda
