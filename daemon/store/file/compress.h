// zstd, for artefacts and bundles.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tuned::store {

/// `level`: zstd's, 1 to 22; more is smaller and slower.
std::string compress(std::string_view bytes, int level = 3);
/// Nothing when the input is no zstd frame of exactly `size` bytes.
std::optional<std::string> decompress(std::string_view compressed, size_t size);

} // namespace tuned::store
