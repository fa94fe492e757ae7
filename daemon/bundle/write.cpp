// Writing a bundle.
#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/bundle/entries.h"
#include "daemon/bundle/file.h"
#include "daemon/bundle/layout.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

namespace tuned::bundle {
namespace {

using nlohmann::json;

template <typename Entry> std::string line(const char* kind, Entry entry) {
  json out = model::write(entry);
  out["kind"] = kind;
  return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

/// Bytes of 64 hexadecimal digits.
std::string bytesOf(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::string compress(const std::string& plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  size_t size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 6);
  out.resize(size);
  return out;
}

/// Sorted, and each line once.
void appendSorted(std::string& index, std::vector<std::string> lines) {
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  for (const std::string& each : lines)
    index += each;
}

Result<void> writeFile(const std::string& path, const std::string& bytes) {
  const std::string fresh = path + ".new-" + std::to_string(::getpid());
  int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  auto refused = [&](const char* what) {
    int code = errno;
    if (file >= 0) ::close(file);
    ::unlink(fresh.c_str());
    return fail(code == ENOSPC ? ErrorKind::OutOfResources : ErrorKind::Denied,
                std::string("cannot ") + what + " " + path + ": " + std::strerror(code));
  };
  if (file < 0) return refused("write");
  for (size_t done = 0; done < bytes.size();) {
    ssize_t count = ::write(file, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refused("write");
    done += static_cast<size_t>(count);
  }
  if (::fsync(file) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) return refused("finish");
  ::close(file);
  return {};
}

} // namespace

void Writer::add(const Kernel& kernel) {
  kernels_.push_back(line("kernel", kernel));
}
void Writer::add(const Target& target) {
  targets_.push_back(line("target", target));
}
void Writer::add(const BuildEntry& build) {
  builds_.push_back(line("build", build));
}
void Writer::add(const MeasurementEntry& measurement) {
  measurements_.push_back(line("measurement", measurement));
}

void Writer::addBinary(const Artefact& artefact, std::string bytes) {
  Artefact about = artefact;
  about.size = static_cast<int64_t>(bytes.size());
  binaries_.try_emplace(artefact.sha, Binary{about, std::move(bytes)});
}

Result<void> Writer::write(const std::string& path, int64_t serial,
                           const std::optional<SigningKey>& key) const {
  std::string index = json{{"kind", "bundle"},
                           {"serial", serial},
                           {"kernels", kernels_.size()},
                           {"builds", builds_.size()},
                           {"measurements", measurements_.size()}}
                          .dump() +
                      "\n";
  for (const auto& [sha, binary] : binaries_)
    index += line("artefact", binary.about);
  for (const auto* lines : {&kernels_, &targets_, &builds_, &measurements_})
    appendSorted(index, *lines);
  std::string plain;
  putNumber<uint64_t>(plain, index.size());
  plain += index;
  for (const auto& [sha, binary] : binaries_)
    plain += binary.bytes;
  if (plain.size() > largestPlain)
    return fail(ErrorKind::OutOfResources,
                "a bundle of " + std::to_string(plain.size()) + " bytes; 4 GiB is the most",
                "export less: name kernels or targets");
  const std::string stored = compress(plain);

  std::string file(magic);
  putNumber<uint32_t>(file, newestVersion);
  putNumber<uint64_t>(file, plain.size());
  putNumber<uint64_t>(file, stored.size());
  file += bytesOf(sha256(stored));
  const PublicKey signer = key ? key->publicKey() : PublicKey{};
  file.append(reinterpret_cast<const char*>(signer.data()), signer.size());
  Signature signature{};
  if (key) {
    auto made = key->sign(file);
    if (!made) return fail(made.error());
    signature = *made;
  }
  file.append(reinterpret_cast<const char*>(signature.data()), signature.size());
  return writeFile(path, file + stored);
}

} // namespace tuned::bundle
