// One mapping holds everything, so that 32-bit distances reach: code with a stub for every function outside,
// constants with a table of addresses, then data. Written first, protected afterwards.
#include "backend/runtime/cpu/object.h"

#include "backend/runtime/cpu/elf.h"
#include "backend/runtime/cpu/symbols.h"
#include "backend/runtime/cpu/tiles.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <sys/mman.h>

namespace tuned::cpu {
namespace {

constexpr size_t page = 4096;
constexpr size_t largestObject = size_t{1} << 30; // 32-bit distances reach twice as far
constexpr size_t stubBytes = 16;                  // jmp *[rip + 2]; two bytes of padding; the address

enum Region { Code, Constants, Data };

size_t roundUp(size_t value, size_t to) {
  return (value + to - 1) / to * to;
}

std::unexpected<Error> broken(const std::string& what) {
  return fail(ErrorKind::InvalidInput, "the object code cannot be loaded: " + what,
              "compile the kernel again");
}

class Loader {
public:
  explicit Loader(const ElfObject& object) : object_(object), addresses_(object.sections.size(), 0) {}
  ~Loader() {
    if (base_) munmap(base_, bytes_);
  }

  Result<std::unique_ptr<LoadedObject>> load(const std::string& symbol) {
    if (auto done = map(); !done) return fail(done.error());
    for (const Elf64_Shdr& section : object_.sections)
      if (section.sh_type == SHT_RELA)
        if (auto done = relocate(section); !done) return fail(done.error());
    auto entry = find(symbol);
    if (!entry) return fail(entry.error());
    if (auto done = protect(); !done) return fail(done.error());
    auto function = reinterpret_cast<KernelFunction>(*entry);
    return std::make_unique<LoadedObject>(std::exchange(base_, nullptr), bytes_, function);
  }

private:
  /// Sections that the running code needs. Unwind tables are not: kernels neither throw nor are thrown
  /// through.
  bool loaded(const Elf64_Shdr& section) const {
    return (section.sh_flags & SHF_ALLOC) && section.sh_type != SHT_X86_64_UNWIND && section.sh_size > 0;
  }
  static Region regionOf(const Elf64_Shdr& section) {
    if (section.sh_flags & SHF_EXECINSTR) return Code;
    return section.sh_flags & SHF_WRITE ? Data : Constants;
  }

  Result<void> map() {
    std::array<size_t, 3> sizes = {};
    std::vector<size_t> offsets(object_.sections.size(), 0);
    for (size_t i = 0; i < object_.sections.size(); ++i) {
      const Elf64_Shdr& section = object_.sections[i];
      if (!loaded(section)) continue;
      if (section.sh_size > largestObject || section.sh_addralign > page)
        return broken("a section is too large");
      size_t& size = sizes[regionOf(section)];
      offsets[i] = roundUp(size, std::max<size_t>(1, section.sh_addralign));
      size = offsets[i] + section.sh_size;
    }
    // Room for a stub in the code and an address among the constants for each symbol from outside.
    for (size_t i = 0; i < object_.symbols.size(); ++i)
      if (object_.symbols[i].st_shndx == SHN_UNDEF && object_.symbols[i].st_name != 0)
        outside_[i] = outside_.size();
    stubs_ = roundUp(sizes[Code], stubBytes);
    sizes[Code] = roundUp(stubs_ + outside_.size() * stubBytes, page);
    table_ = sizes[Code] + roundUp(sizes[Constants], 8);
    std::array<size_t, 3> starts = {0, sizes[Code],
                                    roundUp(table_ + object_.symbols.size() * sizeof(uint64_t), page)};
    regions_ = {starts[1], starts[2]};
    bytes_ = starts[2] + roundUp(sizes[Data], page);
    if (bytes_ > largestObject) return broken("it is too large");
    void* mapping = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
      return fail(ErrorKind::OutOfResources, "no memory for " + std::to_string(bytes_) + " bytes of code");
    base_ = static_cast<char*>(mapping);
    for (size_t i = 0; i < object_.sections.size(); ++i) {
      const Elf64_Shdr& section = object_.sections[i];
      if (!loaded(section)) continue;
      char* at = base_ + starts[regionOf(section)] + offsets[i];
      addresses_[i] = reinterpret_cast<uint64_t>(at);
      std::string_view contents = object_.contents(section);
      if (!contents.empty()) std::memcpy(at, contents.data(), contents.size());
    }
    return {};
  }

  Result<uint64_t> find(const std::string& name) const {
    for (const Elf64_Sym& symbol : object_.symbols)
      if (symbol.st_shndx != SHN_UNDEF && symbol.st_shndx < addresses_.size() &&
          addresses_[symbol.st_shndx] && object_.nameOf(symbol) == name)
        return addresses_[symbol.st_shndx] + symbol.st_value;
    return broken("there is no function '" + name + "' in it");
  }

  /// Where a symbol is; one from outside, where the runtime has it.
  Result<uint64_t> addressOf(size_t index) const {
    if (index >= object_.symbols.size()) return broken("a relocation names a symbol that there is not");
    const Elf64_Sym& symbol = object_.symbols[index];
    if (symbol.st_shndx == SHN_ABS) return symbol.st_value;
    if (symbol.st_shndx != SHN_UNDEF) {
      if (symbol.st_shndx >= addresses_.size() || !addresses_[symbol.st_shndx])
        return broken("'" + object_.nameOf(symbol) + "' is in a section that is not loaded");
      return addresses_[symbol.st_shndx] + symbol.st_value;
    }
    auto known = runtimeSymbols().find(object_.nameOf(symbol));
    if (known == runtimeSymbols().end())
      return broken("it calls '" + object_.nameOf(symbol) + "', which a kernel may not");
    return reinterpret_cast<uint64_t>(known->second);
  }

  /// Code here that jumps to a function that may be further away than a call reaches.
  uint64_t stubFor(size_t symbol, uint64_t target) {
    char* at = base_ + stubs_ + outside_.at(symbol) * stubBytes;
    constexpr std::array<unsigned char, 8> jump = {0xff, 0x25, 2, 0, 0, 0, 0x66, 0x90};
    std::memcpy(at, jump.data(), jump.size());
    std::memcpy(at + jump.size(), &target, sizeof target);
    return reinterpret_cast<uint64_t>(at);
  }
  uint64_t tableEntryFor(size_t symbol, uint64_t target) {
    char* at = base_ + table_ + symbol * sizeof(uint64_t);
    std::memcpy(at, &target, sizeof target);
    return reinterpret_cast<uint64_t>(at);
  }

  Result<void> relocate(const Elf64_Shdr& table) {
    if (table.sh_info >= object_.sections.size()) return broken("a relocation is of no section");
    const Elf64_Shdr& section = object_.sections[table.sh_info];
    if (!loaded(section)) return {};
    for (const Elf64_Rela& relocation : entriesOf<Elf64_Rela>(object_.contents(table)))
      if (auto done = apply(relocation, section, addresses_[table.sh_info]); !done) return done;
    return {};
  }

  // The System V ABI's AMD64 supplement, section 4.4: S the symbol, A the addend, P the place, G the table's
  // entry.
  Result<void> apply(const Elf64_Rela& relocation, const Elf64_Shdr& section, uint64_t base) {
    size_t symbol = ELF64_R_SYM(relocation.r_info);
    auto type = static_cast<uint32_t>(ELF64_R_TYPE(relocation.r_info));
    size_t width = type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 4;
    if (relocation.r_offset > section.sh_size || width > section.sh_size - relocation.r_offset)
      return broken("a relocation is outside its section");
    uint64_t place = base + relocation.r_offset;
    auto addend = static_cast<uint64_t>(relocation.r_addend);
    auto target = addressOf(symbol);
    if (!target) return fail(target.error());
    switch (type) {
    case R_X86_64_64:
      return write(place, *target + addend, 8);
    case R_X86_64_PC64:
      return write(place, *target + addend - place, 8);
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
      return write(place, (outside_.contains(symbol) ? stubFor(symbol, *target) : *target) + addend - place,
                   4);
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
      return write(place, tableEntryFor(symbol, *target) + addend - place, 4);
    default:
      return fail(ErrorKind::Unsupported, "the object code has a relocation of type " + std::to_string(type) +
                                              ", which no kernel needs");
    }
  }

  static Result<void> write(uint64_t place, uint64_t value, size_t width) {
    if (width == 4 && static_cast<int64_t>(value) != static_cast<int32_t>(value))
      return broken("a distance in it does not fit in 32 bits");
    std::memcpy(reinterpret_cast<void*>(place), &value, width);
    return {};
  }

  Result<void> protect() {
    if (mprotect(base_, regions_[0], PROT_READ | PROT_EXEC) == 0 &&
        mprotect(base_ + regions_[0], regions_[1] - regions_[0], PROT_READ) == 0)
      return {};
    return fail(ErrorKind::OutOfResources, "the system does not let this process make code executable",
                "a security module forbids it; allow executable memory for this program");
  }

  const ElfObject& object_;
  std::vector<uint64_t> addresses_;  ///< of each section; 0: not loaded
  std::map<size_t, size_t> outside_; ///< undefined symbols to their stubs' numbers
  char* base_ = nullptr;
  size_t bytes_ = 0, stubs_ = 0, table_ = 0; ///< the last two from base_ on
  std::array<size_t, 2> regions_ = {};       ///< where constants and data start
};

} // namespace

LoadedObject::~LoadedObject() {
  munmap(mapping_, bytes_);
}

Result<std::unique_ptr<LoadedObject>> loadObject(std::string_view bytes, const std::string& symbol) {
  auto object = readObject(bytes);
  if (!object) return fail(object.error());
  const bool tiles = std::ranges::any_of(
      object->symbols, [&](const Elf64_Sym& one) { return object->nameOf(one) == tilesSymbol; });
  if (tiles && !requestTiles())
    return fail(ErrorKind::Unsupported,
                "'" + symbol + "' uses the processor's matrix unit (AMX), which this process may not",
                "unset GPU_TUNED_CPU_TILES, or tune where it is 0; Linux must be 5.16 or later");
  return Loader(*object).load(symbol);
}

} // namespace tuned::cpu
