// Where NVIDIA's tools are on this machine: assemblers, NVRTC, libdevice, headers. Nothing of them is linked,
// so that one build serves hosts with and without them. Whoever needs one asks here.
#pragma once

#include "base/error.h"

#include <filesystem>
#include <string>
#include <vector>

namespace tuned::toolchain {

/// The variable that names a folder (or a file of it) to be preferred to all others.
inline constexpr const char* variable = "GPU_TUNED_TOOLCHAIN";

/// Folders that exist and may hold the tools, in order of preference:
/// 1. what GPU_TUNED_TOOLCHAIN names,
/// 2. what scripts/toolchain brought: .toolchain of the checkout or toolchain of the installation (next to
///    the program's folder or up to two above it), /usr/local/lib/gpu-tuned/toolchain,
/// 3. the system's: the program's own folder, CUDA_HOME, CUDA_PATH, /usr/local/cuda*, the toolkit of the nvcc
///    in PATH, NVIDIA's Python packages beside the python3 in PATH.
std::vector<std::filesystem::path> folders();

/// The first existing file of one of the names in those folders, also in their bin, lib64, lib,
/// nvvm/libdevice and include; empty when there is none. A folder is searched for every name before the next
/// one is.
std::filesystem::path findFile(const std::vector<std::string>& names);

/// As findFile, then PATH; only files that may be executed.
std::filesystem::path findProgram(const std::string& name);

/// "13.5.37" of a program that answers --version with "…, V13.5.37", asked once per path. Unavailable: it
/// does not start, says nothing of the kind, or takes more than ten seconds.
Result<std::string> programVersion(const std::filesystem::path& program);

/// What the program writes to its standard output. Unavailable: it does not start, fails, or takes longer
/// than `seconds` (it is then killed).
Result<std::string> outputOf(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                             double seconds);

/// What is wrong with the value of GPU_TUNED_TOOLCHAIN: nothing is there, or none of NVIDIA's tools, so that
/// they come from elsewhere. Empty: it is not set, or it names some.
std::string variableFault();

/// What to do where a tool is missing: for the remedy of an error.
std::string remedy();

/// Compares "13.2" and "13.10.4" by their numbers: negative, 0 or positive. What is missing counts as 0.
int compareVersions(const std::string& a, const std::string& b);

} // namespace tuned::toolchain
