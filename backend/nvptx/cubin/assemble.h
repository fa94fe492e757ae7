// PTX to cubin inside the process, by nvJitLink, which is opened at run time. Needs no GPU.
#pragma once

#include "base/error.h"

#include <string>

namespace tuned::nvptx {

struct AssembleOptions {
  std::string architecture; ///< "sm_90a"
  int level = 3;            ///< ptxas -O, 0 to 3
  int maxRegisters = 0;     ///< per thread; 0: the assembler decides
};

struct Assembled {
  std::string cubin; ///< an ELF image that the driver loads
  std::string log;   ///< what the assembler noted; may be empty
};

/// Thread-safe; calls run in parallel. Unavailable: no nvJitLink here (the remedy says where it was sought).
/// InvalidInput: the assembler refused the PTX or an option (its log is the message). OutOfResources: the
/// kernel takes more than the architecture has. Unsupported: the assembler gave up a property the code relies
/// on (serialised wgmma, ignored setmaxnreg).
Result<Assembled> assemble(const std::string& ptx, const AssembleOptions& options);

/// "nvjitlink 13.5.37": part of a build's identity, since another assembler makes another binary. Read from a
/// cubin that it makes; the first call takes a few milliseconds.
Result<std::string> assemblerVersion();

/// What is known to be wrong with an assembler of that name and version ("nvjitlink 13.0.88",
/// "ptxas 13.2.1"), for people to read; empty: nothing.
std::string assemblerFault(const std::string& nameAndVersion);

} // namespace tuned::nvptx
