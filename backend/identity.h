// Which compiler this is.
#pragma once

#include <string>

namespace tuned {

/// Equal for two builds exactly when they make the same code of the same kernel: the digest of the compiler's
/// sources (cmake/CompilerDigest.cmake) and the version of the LLVM that is loaded. The toolkit's assembler
/// is not ours and has its own version (assemblerVersion()).
std::string compilerIdentity();

} // namespace tuned
