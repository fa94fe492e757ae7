// SHA-256, the name of everything that is kept by content.
#pragma once

#include <string>
#include <string_view>

namespace tuned {

/// The SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

} // namespace tuned
