// Reading a bundle: nothing of it is believed before its hash and its signature are checked.
#include "base/hex.h"
#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/bundle/entries.h"
#include "daemon/bundle/file.h"
#include "daemon/bundle/layout.h"
#include "daemon/store/file/compress.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tuned::bundle {
namespace {

using nlohmann::json;

constexpr std::string_view kinds[] = {"bundle", "artefact", "kernel", "target", "build", "measurement"};

std::unexpected<Error> altered(const std::string& what) {
  return fail(ErrorKind::InvalidInput, "the bundle is damaged or was altered: " + what,
              "fetch it again from where it was made");
}

Result<std::string> readFile(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return fail(ErrorKind::InvalidInput, path + " is a folder, not a bundle");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return fail(ErrorKind::NotFound, "cannot read the bundle " + path);
  auto size = static_cast<int64_t>(in.tellg());
  if (size < 0 || static_cast<uint64_t>(size) > largestPlain + headBytes)
    return fail(ErrorKind::OutOfResources, path + " is larger than the largest bundle, 4 GiB");
  std::string bytes(static_cast<size_t>(size), '\0');
  in.seekg(0);
  if (!in.read(bytes.data(), size)) return fail(ErrorKind::NotFound, "cannot read the bundle " + path);
  return bytes;
}

bool isSha(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// One line of the index.
struct Line {
  size_t number = 0;
  std::string_view kind;
  json value;
};

std::unexpected<Error> badLine(size_t number, const std::string& what) {
  return altered("line " + std::to_string(number) + " of its index: " + what);
}

/// Goes through the lines; kinds come in their order.
class Lines {
public:
  explicit Lines(std::string_view index) : rest_(index) {}

  /// Nothing at the end.
  Result<std::optional<Line>> next() {
    if (rest_.empty()) return std::optional<Line>();
    Line line{++number_, {}, {}};
    size_t end = rest_.find('\n');
    if (end == rest_.npos) return badLine(number_, "it has no end");
    line.value = json::parse(rest_.substr(0, end), nullptr, false);
    rest_.remove_prefix(end + 1);
    if (!line.value.is_object() || !line.value.contains("kind") || !line.value["kind"].is_string())
      return badLine(number_, "no object with a kind");
    const auto* found = std::ranges::find(kinds, line.value["kind"].get_ref<const std::string&>());
    if (found == std::end(kinds) || found < last_) return badLine(number_, "unknown, or out of order");
    if ((found == std::begin(kinds)) != (number_ == 1)) return badLine(number_, "not where it belongs");
    last_ = found;
    line.kind = *found;
    return line;
  }

private:
  std::string_view rest_;
  size_t number_ = 0;
  const std::string_view* last_ = std::begin(kinds);
};

template <typename Entry>
Result<void> hand(const Line& line, const std::function<Result<void>(const Entry&)>& visit) {
  if (!visit) return {};
  auto entry = model::fromJson<Entry>(line.value);
  if (!entry) return badLine(line.number, entry.error().message);
  return visit(*entry);
}

/// Nothing more is allocated than both the head and the frame say.
Result<std::string> unpack(std::string_view stored, uint64_t plainBytes) {
  try {
    auto plain = store::decompress(stored, plainBytes);
    if (!plain) return altered("its contents do not unpack");
    return std::move(*plain);
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::OutOfResources,
                "a bundle of " + std::to_string(plainBytes) + " bytes does not fit memory");
  }
}

} // namespace

Result<Reader> Reader::open(const std::string& path) {
  auto file = readFile(path);
  if (!file) return fail(file.error());
  return parse(*file);
}

Result<Reader> Reader::parse(std::string_view file, uint64_t most) {
  Reader reader;
  if (auto head = reader.readHead(file); !head) return fail(head.error());
  const auto plainBytes = getNumber<uint64_t>(file, plainAt);
  if (plainBytes > most)
    return fail(ErrorKind::OutOfResources,
                "the bundle unpacks to " + std::to_string(plainBytes) + " bytes; " + std::to_string(most) +
                    " is the most here",
                "stop the daemon and import it with --cache, or export less at a time");
  auto plain = unpack(file.substr(headBytes), plainBytes);
  if (!plain) return fail(plain.error());
  reader.plain_ = std::move(*plain);
  if (auto index = reader.readIndex(); !index) return fail(index.error());
  return reader;
}

Result<void> Reader::readHead(std::string_view file) {
  if (file.size() < headBytes || !file.starts_with(magic))
    return fail(ErrorKind::InvalidInput, "this is no bundle, or its beginning is missing",
                "`tunectl export FILE` makes one");
  if (auto version = getNumber<uint32_t>(file, versionAt); version > newestVersion || version == 0)
    return fail(ErrorKind::Unsupported,
                "a bundle of version " + std::to_string(version) + "; this program reads " +
                    std::to_string(newestVersion),
                "take a newer gpu-tuned, or export it with this one");
  auto stored = getNumber<uint64_t>(file, storedAt);
  if (stored != file.size() - headBytes)
    return altered(file.size() - headBytes < stored ? "it is cut short" : "it is longer than it says");
  if (getNumber<uint64_t>(file, plainAt) > largestPlain)
    return fail(ErrorKind::OutOfResources, "the bundle unpacks to more than 4 GiB");
  hash_ = sha256(file.substr(headBytes));
  if (hash_ != toHex(file.substr(hashAt, 32))) return altered("its contents are not what its head says");
  PublicKey key;
  Signature signature;
  std::memcpy(key.data(), file.data() + keyAt, key.size());
  std::memcpy(signature.data(), file.data() + signatureAt, signature.size());
  if (key == PublicKey{} && signature == Signature{}) return {};
  if (!verify(key, file.substr(0, signatureAt), signature))
    return altered("its signature is not its signer's");
  signer_ = key;
  return {};
}

Result<void> Reader::readIndex() {
  if (plain_.size() < 8 || getNumber<uint64_t>(plain_, 0) > plain_.size() - 8)
    return altered("its index is cut");
  indexBytes_ = getNumber<uint64_t>(plain_, 0);
  size_t at = 8 + indexBytes_;
  std::vector<int64_t> counted = {0, 0, 0};
  Lines lines(std::string_view(plain_).substr(8, indexBytes_));
  for (;;) {
    auto line = lines.next();
    if (!line) return fail(line.error());
    if (!*line) break;
    const json& value = (*line)->value;
    if ((*line)->kind == "bundle") {
      auto serial = value.find("serial");
      if (serial == value.end() || !serial->is_number_integer()) return badLine((*line)->number, "no serial");
      serial_ = serial->get<int64_t>();
    } else if ((*line)->kind == "artefact") {
      auto artefact = model::fromJson<Artefact>(value);
      if (!artefact) return badLine((*line)->number, artefact.error().message);
      if (!isSha(artefact->sha) || artefact->size < 0 ||
          static_cast<uint64_t>(artefact->size) > plain_.size() - at)
        return badLine((*line)->number, "a binary that is not there");
      artefacts_[artefact->sha] = {*artefact, at};
      at += static_cast<size_t>(artefact->size);
    } else {
      counted[0] += (*line)->kind == "kernel";
      counted[1] += (*line)->kind == "build";
      counted[2] += (*line)->kind == "measurement";
    }
  }
  if (at != plain_.size()) return altered("it has bytes that belong to nothing");
  counts_ = counted;
  return {};
}

Result<void> Reader::visit(const Visitor& visitor) const {
  Lines lines(std::string_view(plain_).substr(8, indexBytes_));
  for (;;) {
    auto line = lines.next();
    if (!line) return fail(line.error());
    if (!*line) return {};
    Result<void> done;
    if ((*line)->kind == "kernel") done = hand<Kernel>(**line, visitor.kernel);
    if ((*line)->kind == "target") done = hand<Target>(**line, visitor.target);
    if ((*line)->kind == "build") done = hand<BuildEntry>(**line, visitor.build);
    if ((*line)->kind == "measurement") done = hand<MeasurementEntry>(**line, visitor.measurement);
    if (!done) return done;
  }
}

Result<std::string_view> Reader::binary(const std::string& sha) const {
  auto found = artefacts_.find(sha);
  if (found == artefacts_.end()) return fail(ErrorKind::NotFound, "the bundle has no binary " + sha);
  auto bytes =
      std::string_view(plain_).substr(found->second.second, static_cast<size_t>(found->second.first.size));
  if (sha256(bytes) != sha) return altered("binary " + sha + " has another SHA-256");
  return bytes;
}

} // namespace tuned::bundle
