#include "backend/identity.h"

#include "compiler_digest.h"

#include <llvm-c/Core.h>

namespace tuned {

std::string compilerIdentity() {
  unsigned major = 0, minor = 0, patch = 0;
  LLVMGetVersion(&major, &minor, &patch);
  return std::string(TUNED_COMPILER_DIGEST).substr(0, 16) + " LLVM " + std::to_string(major) + "." +
         std::to_string(minor) + "." + std::to_string(patch);
}

} // namespace tuned
