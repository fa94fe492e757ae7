// Between a cache and a bundle.
#pragma once

#include "daemon/bundle/file.h"
#include "daemon/store/store.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>

namespace tuned::bundle {

struct ExportRequest {
  std::vector<std::string> kernels; ///< names or ids; empty: all
  std::vector<std::string> targets; ///< "sm_90a"; empty: all
  std::optional<SigningKey> key;
  int64_t most = int64_t{4} << 30;   ///< bytes of binaries; beyond, OutOfResources
  std::function<bool()> ending = {}; ///< asked now and then; true breaks it off: Unavailable
};

struct ExportReport {
  int64_t kernels = 0, builds = 0, measurements = 0, artefacts = 0, serial = 0;
};

/// Builds that were not measured are in it, and failures; a build whose binary was collected is not.
/// NotFound: a kernel that the cache does not know, or nothing at all to export.
Result<ExportReport> exportBundle(store::Store& store, const std::string& path, const ExportRequest& request);
/// The same as a file's bytes.
Result<std::string> exportBytes(store::Store& store, const ExportRequest& request);

struct ImportRequest {
  std::vector<PublicKey> trusted;
  bool allowUntrusted = false;    ///< nobody's signature, or one of a key that is not trusted
  bool allowOlder = false;        ///< a bundle that is older than the last of its signer
  bool trustMeasurements = false; ///< measurements count as this machine's own, where it has none
  std::string owner = {};         ///< whose kernels it brings, a user's number; empty: nobody's
  /// Asked now and then; true breaks it off: Unavailable. What came by then stays, and the rest comes with
  /// the same bundle again.
  std::function<bool()> ending = {};
};

struct ImportReport {
  bool known = false; ///< this very bundle was imported before, and all of it is still here
  int64_t kernels = 0;
  int64_t builds = 0, buildsKept = 0; ///< new here; the cache had it
  int64_t measurements = 0, hints = 0,
          local = 0; ///< count here; only say what to try first; one of our own stands
};

/// Everything is checked before anything is kept. Denied: not trusted, or older than the last of its signer.
/// InvalidInput: a kernel whose document is not what its id says, a build of an unknown kernel or at sizes
/// that it cannot have, a binary that is missing. A local build or measurement is never replaced by an
/// imported one.
Result<ImportReport> importBundle(store::Store& store, const Reader& reader, const ImportRequest& request);

/// "3 kernels, 40 new builds (2 were here), …", or that it was imported before.
std::string inWords(const ImportReport& report);

/// What a program is told of it: "known", "kernels", "builds", "builds_kept", "hints", "measurements",
/// "local_kept".
nlohmann::json toJson(const ImportReport& report);

/// Denied: as importBundle() would.
Result<void> checkTrust(const Reader& reader, const ImportRequest& request);

/// Checks a bundle's contents as importBundle() does, without a cache.
Result<void> checkContents(const Reader& reader);

} // namespace tuned::bundle
