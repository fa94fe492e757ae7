// zstd, for artefacts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tuned::store {

std::string compress(std::string_view bytes);
/// Nothing when the input is no zstd frame of exactly `size` bytes.
std::optional<std::string> decompress(std::string_view compressed, size_t size);

} // namespace tuned::store
