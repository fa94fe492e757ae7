// PTX to cubin inside the process, by the toolkit's nvJitLink, which is opened at run time. Needs no GPU.
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

/// "nvJitLink 13.0": part of a target's identity, since another assembler makes another binary.
Result<std::string> assemblerVersion();

} // namespace tuned::nvptx
