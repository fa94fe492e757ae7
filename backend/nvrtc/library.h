// NVRTC's functions, from a library that is opened at run time.
#pragma once

#include "base/error.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace tuned::nvrtc {

// The few declarations of nvrtc.h that are used, so that building needs no toolkit.
using Program = struct OpaqueProgram*;
inline constexpr int success = 0;
inline constexpr int compilationFailed = 6;

struct Library {
  int (*version)(int*, int*) = nullptr;
  const char* (*errorString)(int) = nullptr;
  int (*archCount)(int*) = nullptr;
  int (*archs)(int*) = nullptr;
  int (*create)(Program*, const char* source, const char* name, int headers, const char* const* texts,
                const char* const* spellings) = nullptr;
  int (*destroy)(Program*) = nullptr;
  int (*addName)(Program, const char*) = nullptr;
  int (*compile)(Program, int, const char* const*) = nullptr;
  int (*logSize)(Program, size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*loweredName)(Program, const char*, const char**) = nullptr;
  int (*cubinSize)(Program, size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;

  std::filesystem::path path;
  int major = 0, minor = 0;
  std::vector<int> architectures; ///< 90 for sm_90 and sm_90a
};

/// Opens one. Unavailable: it cannot be opened, lacks a function, or is older than 12.0; the remedy says what
/// to do.
Result<Library> openLibrary(const std::filesystem::path& path);

/// The machine's, where the toolchain is looked for; opened once a process.
const Result<Library>& library();

/// Folders of CUDA's own headers (cuda_fp16.h and its kin, cuda/std), those of the toolchain first; empty
/// without.
const std::vector<std::string>& headerFolders();

/// SHA-256 over those of CUDA's headers that kernels include most, 12 digits; empty without headers.
const std::string& headerDigest();

} // namespace tuned::nvrtc
