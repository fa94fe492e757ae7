#include "backend/runtime/cpu/elf.h"

#include <cstring>

namespace tuned::cpu {
namespace {

std::unexpected<Error> broken(const std::string& what) {
  return fail(ErrorKind::InvalidInput, "the object code cannot be loaded: " + what,
              "compile the kernel again");
}

bool inside(std::string_view bytes, uint64_t offset, uint64_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

Result<Elf64_Ehdr> readHeader(std::string_view bytes) {
  Elf64_Ehdr header;
  if (bytes.size() < sizeof header) return broken("it has only " + std::to_string(bytes.size()) + " bytes");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64)
    return broken("it is not a 64-bit ELF file");
  if (header.e_type != ET_REL || header.e_machine != EM_X86_64)
    return broken("it is not a relocatable file for x86-64");
  if (header.e_shentsize != sizeof(Elf64_Shdr) ||
      !inside(bytes, header.e_shoff, uint64_t{header.e_shnum} * sizeof(Elf64_Shdr)))
    return broken("its section table is cut short");
  return header;
}

} // namespace

template <typename Entry> std::vector<Entry> entriesOf(std::string_view contents) {
  std::vector<Entry> entries(contents.size() / sizeof(Entry));
  if (!entries.empty()) std::memcpy(entries.data(), contents.data(), entries.size() * sizeof(Entry));
  return entries;
}
template std::vector<Elf64_Rela> entriesOf<Elf64_Rela>(std::string_view);

std::string_view ElfObject::contents(const Elf64_Shdr& section) const {
  if (section.sh_type == SHT_NOBITS) return {};
  return bytes.substr(section.sh_offset, section.sh_size);
}

std::string ElfObject::nameOf(const Elf64_Sym& symbol) const {
  if (symbol.st_name >= symbolNames.size()) return {};
  std::string_view rest = symbolNames.substr(symbol.st_name);
  return std::string(rest.substr(0, rest.find('\0')));
}

Result<ElfObject> readObject(std::string_view bytes) {
  auto header = readHeader(bytes);
  if (!header) return fail(header.error());
  ElfObject object{bytes,
                   entriesOf<Elf64_Shdr>(bytes.substr(header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr))),
                   {},
                   {}};
  for (const Elf64_Shdr& section : object.sections)
    if (section.sh_type != SHT_NOBITS && !inside(bytes, section.sh_offset, section.sh_size))
      return broken("a section reaches beyond its end");
  for (const Elf64_Shdr& section : object.sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    if (section.sh_link >= object.sections.size()) return broken("its symbols have no names");
    object.symbols = entriesOf<Elf64_Sym>(object.contents(section));
    object.symbolNames = object.contents(object.sections[section.sh_link]);
  }
  return object;
}

} // namespace tuned::cpu
