#include "backend/nvptx/cubin/cubin.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <map>
#include <optional>

namespace tuned::nvptx {
namespace {

constexpr uint16_t cudaMachine = 190; // EM_CUDA
// From sm_90 on a CTA's first 1024 bytes of shared memory belong to the system; the section counts them.
constexpr int reservingArchitecture = 90;
constexpr int64_t reservedSharedBytes = 1024;

// Attributes of .nv.info sections: a format byte, a code byte, then 16 bits of value or of size with data
// behind.
constexpr uint8_t sizedFormat = 4;
constexpr uint8_t registerCount = 0x2f;  // {symbol, count}, in .nv.info
constexpr uint8_t frameSize = 0x11;      // {symbol, bytes}, in .nv.info
constexpr uint8_t parameterInfo = 0x17;  // {index, ordinal:16, offset:16, flags}, in .nv.info.KERNEL
constexpr uint8_t parameterInfo2 = 0x45; // the same from toolkit 12.8 on, wider flags

struct Section {
  std::string_view name, data;
  uint64_t size = 0; // of sections without data too
  uint32_t type = 0, link = 0;
};

template <typename T> std::optional<T> readAt(std::string_view bytes, uint64_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

std::string_view textAt(std::string_view table, uint64_t at) {
  if (at >= table.size()) return {};
  std::string_view rest = table.substr(at);
  return rest.substr(0, rest.find('\0'));
}

std::unexpected<Error> broken(const std::string& what) {
  return fail(ErrorKind::InvalidInput, "not a cubin that can be read: " + what);
}

/// The flags hold the architecture in their low byte, from ABI version 8 on in the next.
int architectureOf(std::string_view image) {
  auto header = readAt<Elf64_Ehdr>(image, 0);
  if (!header) return 0;
  return header->e_ident[EI_ABIVERSION] >= 8 ? (header->e_flags >> 8) & 0xff : header->e_flags & 0xff;
}

Result<std::vector<Section>> readSections(std::string_view image) {
  auto header = readAt<Elf64_Ehdr>(image, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return broken("no ELF header");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != cudaMachine)
    return broken("an ELF image, but not a 64-bit one for CUDA");
  std::vector<Elf64_Shdr> headers;
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    auto section = readAt<Elf64_Shdr>(image, header->e_shoff + i * sizeof(Elf64_Shdr));
    if (!section) return broken("section " + std::to_string(i) + " lies outside the image");
    headers.push_back(*section);
  }
  auto data = [&](const Elf64_Shdr& section) -> std::string_view {
    bool inside = section.sh_type != SHT_NOBITS && section.sh_offset <= image.size() &&
                  section.sh_size <= image.size() - section.sh_offset;
    return inside ? image.substr(section.sh_offset, section.sh_size) : std::string_view();
  };
  if (header->e_shstrndx >= headers.size()) return broken("no section names");
  std::string_view names = data(headers[header->e_shstrndx]);
  std::vector<Section> sections;
  for (const Elf64_Shdr& section : headers)
    sections.push_back(
        {textAt(names, section.sh_name), data(section), section.sh_size, section.sh_type, section.sh_link});
  return sections;
}

struct Attribute {
  uint8_t code;
  std::string_view data;
};

std::vector<Attribute> readAttributes(std::string_view info) {
  std::vector<Attribute> attributes;
  for (size_t at = 0; at + 4 <= info.size();) {
    auto format = static_cast<uint8_t>(info[at]), code = static_cast<uint8_t>(info[at + 1]);
    uint16_t value = *readAt<uint16_t>(info, at + 2);
    at += 4;
    if (format != sizedFormat) continue;
    if (value > info.size() - at) break;
    attributes.push_back({code, info.substr(at, value)});
    at += value;
  }
  return attributes;
}

const Section* find(const std::vector<Section>& sections, std::string_view name) {
  auto found = std::ranges::find(sections, name, &Section::name);
  return found == sections.end() ? nullptr : &*found;
}

/// Symbol index to name, and the names of the kernels: the entry points are the functions marked so in
/// st_other.
struct Symbols {
  std::map<uint32_t, std::string> names;
  std::vector<std::string> kernels;
};

Symbols readSymbols(const std::vector<Section>& sections) {
  constexpr unsigned char entryMark = 0x10;
  Symbols symbols;
  for (const Section& table : sections) {
    if (table.type != SHT_SYMTAB || table.link >= sections.size()) continue;
    for (uint32_t i = 0; auto symbol = readAt<Elf64_Sym>(table.data, i * sizeof(Elf64_Sym)); ++i) {
      std::string name(textAt(sections[table.link].data, symbol->st_name));
      symbols.names[i] = name;
      if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && (symbol->st_other & entryMark))
        symbols.kernels.push_back(name);
    }
  }
  return symbols;
}

Result<std::string> chooseKernel(const Symbols& symbols, const std::string& wanted) {
  std::string all;
  for (const std::string& kernel : symbols.kernels)
    all += (all.empty() ? "" : ", ") + kernel;
  if (wanted.empty() && symbols.kernels.size() == 1) return symbols.kernels.front();
  if (wanted.empty())
    return fail(ErrorKind::NotFound, "the cubin has " + std::to_string(symbols.kernels.size()) +
                                         " kernels, and none was named; there are: " + all);
  if (std::ranges::find(symbols.kernels, wanted) != symbols.kernels.end()) return wanted;
  return fail(ErrorKind::NotFound, "the cubin has no kernel '" + wanted + "'; there are: " + all);
}

void readFunctionTable(const Section& info, const Symbols& symbols, CubinKernel& kernel) {
  for (const Attribute& attribute : readAttributes(info.data)) {
    auto symbol = readAt<uint32_t>(attribute.data, 0), value = readAt<uint32_t>(attribute.data, 4);
    if (!symbol || !value) continue;
    auto name = symbols.names.find(*symbol);
    if (name == symbols.names.end() || name->second != kernel.symbol) continue;
    if (attribute.code == registerCount) kernel.registers = static_cast<int>(*value);
    if (attribute.code == frameSize) kernel.stackBytes = *value;
  }
}

void readParameters(const Section& info, CubinKernel& kernel) {
  std::map<int, CubinParameter> parameters; // by ordinal: the table runs backwards
  for (const Attribute& attribute : readAttributes(info.data)) {
    if (attribute.code != parameterInfo && attribute.code != parameterInfo2) continue;
    auto ordinal = readAt<uint16_t>(attribute.data, 4), offset = readAt<uint16_t>(attribute.data, 6);
    auto flags = readAt<uint32_t>(attribute.data, 8);
    if (!ordinal || !offset || !flags) continue;
    // The size is in the upper 14 bits; parameterInfo2 keeps it in 16 bits of its own.
    int size =
        attribute.code == parameterInfo ? static_cast<int>(*flags >> 18) : static_cast<int>(*flags & 0xffff);
    parameters[*ordinal] = {*offset, size};
  }
  for (const auto& [ordinal, parameter] : parameters)
    kernel.parameters.push_back(parameter);
}

/// The note names each tool that had a part: "Cuda compilation tools, release 13.5, V13.5.37", with zeros
/// between.
std::string readToolVersion(std::string_view note) {
  constexpr std::string_view mark = ", V";
  size_t at = note.rfind(mark);
  if (at == std::string_view::npos) return {};
  std::string_view rest = note.substr(at + mark.size());
  return std::string(rest.substr(0, rest.find_first_not_of("0123456789.")));
}

} // namespace

Result<CubinKernel> readCubin(std::string_view image, const std::string& symbol) {
  auto sections = readSections(image);
  if (!sections) return fail(sections.error());
  Symbols symbols = readSymbols(*sections);
  auto name = chooseKernel(symbols, symbol);
  if (!name) return fail(name.error());

  CubinKernel kernel;
  kernel.symbol = *name;
  if (const Section* info = find(*sections, ".nv.info")) readFunctionTable(*info, symbols, kernel);
  if (const Section* info = find(*sections, ".nv.info." + kernel.symbol)) readParameters(*info, kernel);
  if (const Section* shared = find(*sections, ".nv.shared." + kernel.symbol))
    kernel.staticSharedBytes = static_cast<int64_t>(shared->size);
  kernel.architecture = architectureOf(image);
  if (const Section* note = find(*sections, ".note.nv.tkinfo"))
    kernel.toolVersion = readToolVersion(note->data);
  if (kernel.architecture >= reservingArchitecture)
    kernel.staticSharedBytes = std::max<int64_t>(0, kernel.staticSharedBytes - reservedSharedBytes);
  if (kernel.registers == 0) return broken("no register count for kernel '" + kernel.symbol + "'");
  return kernel;
}

} // namespace tuned::nvptx
