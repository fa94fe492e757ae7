// Where the CUDA Toolkit's run-time pieces are on this machine: nothing of it is linked, so that one build
// serves hosts with and without it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tuned::nvptx {

/// The variable that names a toolkit folder (or a file of it) to be preferred.
inline constexpr const char* toolkitVariable = "GPU_TUNED_CUDA";

/// Folders that exist and may hold the toolkit's libraries or libdevice, in order of preference: the folder
/// in GPU_TUNED_CUDA, the program's own folder and ../lib, CUDA_HOME, /usr/local/cuda*, the toolkit of the
/// nvcc in PATH, and NVIDIA's Python packages beside the python3 in PATH.
std::vector<std::filesystem::path> toolkitFolders();

/// The first existing file of one of the names in those folders (also in their lib, lib64, nvvm/libdevice);
/// empty when there is none.
std::filesystem::path findToolkitFile(const std::vector<std::string>& names);

} // namespace tuned::nvptx
