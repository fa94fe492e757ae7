// A bundle as a file: builds, measurements and kernels that travel from one cache to another.
//
//   0  "GTBUNDLE"        28  SHA-256 of what follows the head, 32 bytes
//   8  version, 4        60  the signer's public key, 32 bytes; zeros: nobody signed it
//  12  plain bytes, 8    92  Ed25519 signature of the bytes before it, 64 bytes
//  20  stored bytes, 8  156  zstd: length of the index (8 bytes), the index, binaries in the index's order
//
// Numbers are little-endian. The index has a JSON object a line, each with its kind: first "bundle" (serial
// and counts), then "artefact", "kernel", "target", "build", "measurement", each kind sorted. Nothing of when
// or where the file is written is in it, so that equal contents are equal files.
#pragma once

#include "base/error.h"
#include "base/model/build.h"
#include "base/model/measurement.h"
#include "daemon/bundle/key.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tuned::bundle {

struct Kernel {
  std::string id, name, document; ///< document: text, its source inlined
};

/// What a measurement was made on.
struct Target {
  std::string id, hardware, device, description; ///< as the store's targets
};

struct Artefact {
  std::string sha, format, target;
  int64_t size = 0; ///< bytes
};

struct BuildEntry {
  BuildKey key;
  Build build;
};

struct MeasurementEntry {
  BuildKey build;
  std::string target, policy;
  bool finalist = false;
  double created = 0; ///< Unix time
  Measurement measurement;
};

/// Gathers a bundle's contents, in any order, and writes them.
class Writer {
public:
  void add(const Kernel& kernel);
  void add(const Target& target);
  void add(const BuildEntry& build);
  void add(const MeasurementEntry& measurement);
  /// Once a binary is in, it is not added again.
  void addBinary(const Artefact& artefact, std::string bytes);
  /// `serial` grows with what the contents are: importers refuse one that is smaller than the last of its
  /// signer.
  Result<std::string> bytes(int64_t serial, const std::optional<SigningKey>& key) const;
  /// The same into a file, beside `path` and then renamed. Denied or OutOfResources: it cannot be written.
  Result<void> write(const std::string& path, int64_t serial, const std::optional<SigningKey>& key) const;

private:
  struct Binary {
    Artefact about;
    std::string bytes;
  };
  std::vector<std::string> kernels_, targets_, builds_, measurements_; ///< lines
  std::map<std::string, Binary> binaries_;
};

/// Called for each entry; an error ends the reading and is given back. What is left empty is passed over.
struct Visitor {
  std::function<Result<void>(const Kernel&)> kernel = {};
  std::function<Result<void>(const Target&)> target = {};
  std::function<Result<void>(const BuildEntry&)> build = {};
  std::function<Result<void>(const MeasurementEntry&)> measurement = {};
};

/// A bundle in memory. Its hash and, where there is one, its signature are right.
class Reader {
public:
  /// InvalidInput: no bundle, cut short, longer than it says, altered (the hash or the signature is wrong),
  /// or not what an index holds, with the line. Unsupported: of a newer version. OutOfResources: larger than
  /// 4 GiB.
  static Result<Reader> open(const std::string& path);
  /// The same of a file's bytes; `most`: how many it may unpack to.
  static Result<Reader> parse(std::string_view file, uint64_t most = uint64_t{4} << 30);

  const std::optional<PublicKey>& signer() const { return signer_; }
  int64_t serial() const { return serial_; }
  const std::string& hash() const { return hash_; } ///< SHA-256 of the stored bytes: names the contents
  int64_t kernels() const { return counts_.at(0); }
  int64_t builds() const { return counts_.at(1); }
  int64_t measurements() const { return counts_.at(2); }
  const std::map<std::string, std::pair<Artefact, size_t>>& artefacts() const { return artefacts_; }

  /// In the order of the file: kernels, targets, builds, measurements.
  Result<void> visit(const Visitor& visitor) const;
  /// Checked against its SHA-256. NotFound; InvalidInput.
  Result<std::string_view> binary(const std::string& sha) const;

private:
  Result<void> readHead(std::string_view file);
  Result<void> readIndex();

  std::optional<PublicKey> signer_;
  int64_t serial_ = 0;
  std::string hash_;
  std::vector<int64_t> counts_ = {0, 0, 0};
  std::string plain_;
  size_t indexBytes_ = 0;
  std::map<std::string, std::pair<Artefact, size_t>> artefacts_; ///< with the place of the bytes in plain_
};

/// The same bundle as `key` signs it, whoever had signed it before. Its contents are not looked at: the
/// caller has opened it.
Result<std::string> signedBy(std::string file, const SigningKey& key);

} // namespace tuned::bundle
