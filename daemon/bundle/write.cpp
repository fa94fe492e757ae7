// Writing a bundle.
#include "base/durable_file.h"
#include "base/hex.h"
#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/bundle/entries.h"
#include "daemon/bundle/file.h"
#include "daemon/bundle/layout.h"
#include "daemon/store/file/compress.h"

#include <algorithm>

namespace tuned::bundle {
namespace {

using nlohmann::json;

constexpr int compressionLevel = 6; // a bundle is written once and fetched often

template <typename Entry> std::string line(const char* kind, Entry entry) {
  json out = model::write(entry);
  out["kind"] = kind;
  return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

/// Sorted, and each line once.
void appendSorted(std::string& index, std::vector<std::string> lines) {
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  for (const std::string& each : lines)
    index += each;
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

Result<std::string> Writer::bytes(int64_t serial, const std::optional<SigningKey>& key) const {
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
  const std::string stored = store::compress(plain, compressionLevel);

  std::string file(magic);
  putNumber<uint32_t>(file, newestVersion);
  putNumber<uint64_t>(file, plain.size());
  putNumber<uint64_t>(file, stored.size());
  file += fromHex(sha256(stored));
  file.append(headBytes - keyAt, '\0'); // nobody's signature
  file += stored;
  return key ? signedBy(std::move(file), *key) : Result<std::string>(std::move(file));
}

Result<void> Writer::write(const std::string& path, int64_t serial,
                           const std::optional<SigningKey>& key) const {
  auto file = bytes(serial, key);
  return file ? replaceFile(path, *file, 0644) : fail(file.error());
}

Result<std::string> signedBy(std::string file, const SigningKey& key) {
  const PublicKey signer = key.publicKey();
  file.replace(keyAt, signer.size(), reinterpret_cast<const char*>(signer.data()), signer.size());
  auto made = key.sign(std::string_view(file).substr(0, signatureAt));
  if (!made) return fail(made.error());
  file.replace(signatureAt, made->size(), reinterpret_cast<const char*>(made->data()), made->size());
  return file;
}

} // namespace tuned::bundle
