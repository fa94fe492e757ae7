/// Bytes as text: two lower-case hexadecimal digits per byte.
#pragma once

#include <string>
#include <string_view>

namespace tuned {

std::string toHex(std::string_view bytes);

/// The bytes of a text that toHex wrote. Precondition: hexadecimal digits only, an even number of them.
std::string fromHex(std::string_view digits);

} // namespace tuned
