// A relocatable ELF file as its sections and symbols, every offset in it checked against its size.
#pragma once

#include "base/error.h"

#include <elf.h>
#include <string>
#include <string_view>
#include <vector>

namespace tuned::cpu {

struct ElfObject {
  std::string_view bytes;
  std::vector<Elf64_Shdr> sections;
  std::vector<Elf64_Sym> symbols;
  std::string_view symbolNames;

  /// The bytes of a section that has some in the file; empty for SHT_NOBITS.
  std::string_view contents(const Elf64_Shdr& section) const;
  /// "" where the name table ends before.
  std::string nameOf(const Elf64_Sym& symbol) const;
};

/// InvalidInput: not a relocatable x86-64 ELF file, or a table in it reaches beyond its end.
Result<ElfObject> readObject(std::string_view bytes);

/// The entries of a table section, copied out (a file in memory is aligned to nothing).
template <typename Entry> std::vector<Entry> entriesOf(std::string_view contents);

extern template std::vector<Elf64_Rela> entriesOf<Elf64_Rela>(std::string_view);

} // namespace tuned::cpu
