// A Tile IR module: the tables that functions refer to, and the file they make together.
#pragma once

#include "backend/tileir/bytecode/types.h"

#include <string>
#include <utility>
#include <vector>

namespace tuned::tileir {

/// Equal strings of bytes once, by their place.
class Pool {
public:
  uint32_t id(const std::string& item);
  const std::vector<std::string>& items() const { return items_; }

private:
  std::map<std::string, uint32_t> ids_;
  std::vector<std::string> items_;
};

/// What the entry asks of the assembler. 0: not said. The values are checked by nobody after us.
struct EntryHints {
  int workerWarps = 0; ///< 2, 4, 8 or 16: warps that compute, beside those that copy
  int occupancy = 0;   ///< 1 to 32 CTAs a multiprocessor
  int clusterCtas = 0; ///< a power of two to 16: CTAs a program is split over
};

class Module {
public:
  Types types;
  Pool strings;
  Pool constants; ///< raw elements

  /// The one entry: `parameters` are tiles of no dimensions, `body` are the operations as Code wrote them.
  void setEntry(const std::string& name, const std::vector<TypeId>& parameters, const EntryHints& hints,
                std::string body);

  /// The file, version 13.3.
  std::string encode() const;

private:
  std::string entry_; ///< the record of the function table
};

/// An attribute of named numbers, without its own tag: of a target-independent hint ("default").
std::string encodeHints(Module& module, const std::vector<std::pair<std::string, int64_t>>& values);

} // namespace tuned::tileir
