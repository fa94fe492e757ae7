#include "daemon/store/file/compress.h"

#include <zstd.h>

namespace tuned::store {

std::string compress(std::string_view bytes, int level) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level));
  return out;
}

std::optional<std::string> decompress(std::string_view compressed, size_t size) {
  // A damaged size must not become an allocation: the frame's own header has to agree.
  if (ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != size) return std::nullopt;
  std::string out(size, '\0');
  size_t got = ZSTD_decompress(out.data(), out.size(), compressed.data(), compressed.size());
  if (ZSTD_isError(got) || got != size) return std::nullopt;
  return out;
}

} // namespace tuned::store
