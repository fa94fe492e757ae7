// Keys that bundles are signed with (Ed25519), as PEM files that OpenSSL's tools read too.
#pragma once

#include "base/error.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tuned::bundle {

using PublicKey = std::array<unsigned char, 32>;
using Signature = std::array<unsigned char, 64>;

/// 64 hexadecimal digits: how a signer is named.
std::string text(const PublicKey& key);

/// A private key in memory.
class SigningKey {
public:
  /// Reads a file that newKey() or `openssl genpkey -algorithm ed25519` made. NotFound: cannot be read.
  /// InvalidInput: no such key, or one that others than its owner may read.
  static Result<SigningKey> load(const std::string& path);
  const PublicKey& publicKey() const { return publicKey_; }
  Result<Signature> sign(std::string_view message) const;

private:
  std::array<unsigned char, 32> seed_{};
  PublicKey publicKey_{};
};

/// Makes a key: `path` (private, readable by its owner alone) and `path`.pub. Denied: either is there
/// already, or the folder may not be written.
Result<PublicKey> newKey(const std::string& path);

/// A public key from a .pub file.
Result<PublicKey> loadPublicKey(const std::string& path);

/// Keys of every .pub file among files and folders; a folder that is not there holds none.
Result<std::vector<PublicKey>> loadTrusted(const std::vector<std::string>& paths);

/// Where trusted keys are kept when nobody says: /etc/gpu-tuned/trusted and gpu-tuned/trusted of the user's
/// configuration folder.
std::vector<std::string> trustFolders();

bool verify(const PublicKey& key, std::string_view message, const Signature& signature);

} // namespace tuned::bundle
