#include "base/sha256.h"

#include "base/hex.h"

#include <array>
// The functions that OpenSSL 3 would rather have called (EVP) link all of its ciphers: three megabytes a
// program where libcrypto is linked statically.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace tuned {

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Update(&state, bytes.data(), bytes.size());
  SHA256_Final(digest.data(), &state);
  return toHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

} // namespace tuned
