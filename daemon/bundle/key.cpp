#include "daemon/bundle/key.h"

#include "base/hex.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace tuned::bundle {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using File = std::unique_ptr<FILE, decltype(&fclose)>;

std::unexpected<Error> noKey(const std::string& path, const std::string& what) {
  return fail(ErrorKind::InvalidInput, path + " " + what, "`tunectl key new FILE` makes a key and its .pub");
}

Result<File> openToRead(const std::string& path) {
  File file(std::fopen(path.c_str(), "re"), &fclose);
  if (!file) return fail(ErrorKind::NotFound, "cannot read the key " + path + ": " + std::strerror(errno));
  return file;
}

/// A new file, refused when there is one.
Result<File> create(const std::string& path, mode_t mode) {
  int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (descriptor < 0)
    return fail(ErrorKind::Denied, "cannot make " + path + ": " + std::strerror(errno),
                errno == EEXIST ? "a key is never overwritten: take another name" : "");
  return File(::fdopen(descriptor, "we"), &fclose);
}

PublicKey publicPart(EVP_PKEY* key) {
  PublicKey out{};
  size_t size = out.size();
  EVP_PKEY_get_raw_public_key(key, out.data(), &size);
  return out;
}

} // namespace

std::string text(const PublicKey& key) {
  return toHex({reinterpret_cast<const char*>(key.data()), key.size()});
}

Result<SigningKey> SigningKey::load(const std::string& path) {
  auto file = openToRead(path);
  if (!file) return fail(file.error());
  struct stat status {};
  if (::fstat(::fileno(file->get()), &status) == 0 && (status.st_mode & 077) != 0)
    return fail(ErrorKind::InvalidInput, "the key " + path + " may be read by others than its owner",
                "chmod 600 " + path);
  Key key(PEM_read_PrivateKey(file->get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return noKey(path, "is no private Ed25519 key");
  SigningKey out;
  size_t size = out.seed_.size();
  EVP_PKEY_get_raw_private_key(key.get(), out.seed_.data(), &size);
  out.publicKey_ = publicPart(key.get());
  return out;
}

Result<Signature> SigningKey::sign(std::string_view message) const {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed_.data(), seed_.size()),
          &EVP_PKEY_free);
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  Signature out{};
  size_t size = out.size();
  bool signedIt = key && context &&
                  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                  EVP_DigestSign(context.get(), out.data(), &size,
                                 reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  if (!signedIt) return fail(ErrorKind::Internal, "OpenSSL could not sign");
  return out;
}

Result<PublicKey> newKey(const std::string& path) {
  std::error_code ignored;
  if (fs::exists(path + ".pub", ignored))
    return fail(ErrorKind::Denied, "cannot make " + path + ".pub: it exists",
                "a key is never overwritten: take another name");
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
  if (!key) return fail(ErrorKind::Internal, "OpenSSL could not make a key");
  auto secret = create(path, 0600);
  if (!secret) return fail(secret.error());
  auto open = create(path + ".pub", 0644);
  if (!open) return fail(open.error());
  bool written = PEM_write_PrivateKey(secret->get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
                 PEM_write_PUBKEY(open->get(), key.get()) == 1 && std::fflush(secret->get()) == 0 &&
                 std::fflush(open->get()) == 0;
  if (!written) return fail(ErrorKind::OutOfResources, "cannot write " + path, "is the disk full?");
  return publicPart(key.get());
}

Result<PublicKey> loadPublicKey(const std::string& path) {
  auto file = openToRead(path);
  if (!file) return fail(file.error());
  Key key(PEM_read_PUBKEY(file->get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return noKey(path, "is no public Ed25519 key");
  return publicPart(key.get());
}

Result<std::vector<PublicKey>> loadTrusted(const std::vector<std::string>& paths) {
  std::vector<PublicKey> out;
  auto add = [&out](const std::string& path) -> Result<void> {
    auto key = loadPublicKey(path);
    if (!key) return fail(key.error());
    out.push_back(*key);
    return {};
  };
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (auto ok = add(path); !ok) return fail(ok.error());
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path, error))
      if (entry.path().extension() == ".pub")
        if (auto ok = add(entry.path().string()); !ok) return fail(ok.error());
  }
  return out;
}

std::vector<std::string> trustFolders() {
  std::vector<std::string> folders = {"/etc/gpu-tuned/trusted"};
  const char* configuration = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  if (configuration && *configuration)
    folders.push_back(std::string(configuration) + "/gpu-tuned/trusted");
  else if (home && *home)
    folders.push_back(std::string(home) + "/.config/gpu-tuned/trusted");
  std::erase_if(folders, [](const std::string& folder) {
    std::error_code ignored;
    return !fs::is_directory(folder, ignored);
  });
  return folders;
}

bool verify(const PublicKey& key, std::string_view message, const Signature& signature) {
  Key known(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()), &EVP_PKEY_free);
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return known && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, known.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
}

} // namespace tuned::bundle
