// The keys of a kernel document that only CUDA C++ has.
#pragma once

#include "ir/kernel/kernel.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// Reads an expression over sizes, constants and parameters; the key is for complaints.
using ReadExpression = std::function<Result<Expression>(const nlohmann::json& value, const std::string& key)>;

/// "block" (needed), "shared", "size_macros", "flags" and "headers" of a document whose other keys were read
/// into `kernel`. InvalidInput names the key; a document in another language that has one of them is refused
/// too.
Result<CudaDocument> readCudaKeys(const nlohmann::json& document, const Kernel& kernel,
                                  const ReadExpression& read);

/// Whether a text may be a name expression: printable, up to 1024 characters.
bool cudaEntryAllowed(const std::string& entry);

/// Whether a document may hand this flag to the compiler: the language's version and how numbers are
/// computed, but nothing that names files or changes what is made.
bool cudaFlagAllowed(const std::string& flag);

} // namespace tuned
