#include "backend/tileir/bytecode/module.h"

namespace tuned::tileir {
namespace {

enum SectionId : uint8_t { stringSection = 1, functionSection = 2, constantSection = 4, typeSection = 5 };
enum AttributeTag : uint8_t { integerTag = 0x01, dictionaryTag = 0x0A, hintsTag = 0x0B };
constexpr uint8_t entryFlag = 2, hintsFlag = 4;

void section(Bytes& file, uint8_t id, unsigned alignment, const std::string& payload) {
  file.byte(id | 0x80);
  file.varint(payload.size());
  file.varint(alignment);
  file.align(alignment);
  file.raw(payload);
}

/// A count, the start of each item, the items.
std::string table(const std::vector<std::string>& items, unsigned offsetWidth) {
  Bytes bytes;
  bytes.varint(items.size());
  bytes.align(offsetWidth);
  uint64_t offset = 0;
  for (const std::string& item : items) {
    bytes.fixed(offset, offsetWidth);
    offset += item.size();
  }
  for (const std::string& item : items)
    bytes.raw(item);
  return bytes.take();
}

} // namespace

uint32_t Pool::id(const std::string& item) {
  auto [place, fresh] = ids_.try_emplace(item, static_cast<uint32_t>(items_.size()));
  if (fresh) items_.push_back(item);
  return place->second;
}

std::string encodeHints(Module& module, const std::vector<std::pair<std::string, int64_t>>& values) {
  Bytes bytes;
  bytes.varint(1);
  bytes.varint(module.strings.id("default"));
  bytes.byte(dictionaryTag);
  bytes.varint(values.size());
  for (const auto& [name, value] : values) {
    bytes.varint(module.strings.id(name));
    bytes.byte(integerTag);
    bytes.varint(module.types.scalar(Scalar::I32));
    bytes.varint(static_cast<uint32_t>(value));
  }
  return bytes.take();
}

void Module::setEntry(const std::string& name, const std::vector<TypeId>& parameters, const EntryHints& hints,
                      std::string body) {
  std::vector<std::pair<std::string, int64_t>> said;
  if (hints.clusterCtas > 0) said.emplace_back("num_cta_in_cga", hints.clusterCtas);
  if (hints.workerWarps > 0) said.emplace_back("num_worker_warps_per_cta", hints.workerWarps);
  if (hints.occupancy > 0) said.emplace_back("occupancy", hints.occupancy);
  Bytes record;
  record.varint(strings.id(name));
  record.varint(types.function(parameters, {}));
  record.byte(said.empty() ? entryFlag : entryFlag | hintsFlag);
  record.varint(0); // no place in a source
  if (!said.empty()) {
    record.byte(hintsTag);
    record.raw(encodeHints(*this, said));
  }
  record.varint(body.size());
  record.raw(body);
  entry_ = record.take();
}

std::string Module::encode() const {
  Bytes file;
  file.raw(std::string_view("\x7fTileIR\0", 8));
  file.byte(13);
  file.byte(3);
  file.fixed(0, 2);
  section(file, functionSection, 8, "\x01" + entry_);
  if (!constants.items().empty()) {
    std::vector<std::string> items;
    for (const std::string& item : constants.items()) {
      Bytes sized;
      sized.varint(item.size());
      sized.raw(item);
      items.push_back(sized.take());
    }
    section(file, constantSection, 8, table(items, 8));
  }
  section(file, typeSection, 4, table(types.encodings(), 4));
  section(file, stringSection, 4, table(strings.items(), 4));
  file.byte(0);
  return file.take();
}

} // namespace tuned::tileir
