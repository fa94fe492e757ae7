#include "backend/reference/memory.h"
#include "backend/reference/program.h"
#include "backend/reference/text.h"

#include <algorithm>
#include <cstring>

namespace tuned::reference {

void Memory::add(uint64_t address, size_t bytes, const std::string& argument) {
  auto at = std::ranges::lower_bound(extents_, address, {}, &Extent::address);
  if (at != extents_.end() && at->address == address) {
    at->bytes = std::max(at->bytes, bytes);
    if (!argument.empty()) at->argument = at->argument.empty() ? argument : at->argument + " or " + argument;
    return;
  }
  extents_.insert(at, Extent{address, bytes, argument, {}});
}

void Memory::recordWrites() {
  recording_ = true;
  for (Extent& extent : extents_)
    extent.written.assign(extent.bytes, false);
}

void Memory::fault(uint64_t address, int bytes, const char* access) const {
  const Extent* nearest = nullptr;
  int64_t distance = 0; // positive: bytes past the end; negative: bytes before the start
  for (const Extent& extent : extents_) {
    int64_t past = static_cast<int64_t>(address - extent.address) - static_cast<int64_t>(extent.bytes);
    int64_t d = address >= extent.address ? past : -static_cast<int64_t>(extent.address - address);
    if (!nearest || std::abs(d) < std::abs(distance)) nearest = &extent, distance = d;
  }
  std::string where = "no memory was given to the kernel";
  if (nearest) {
    std::string owner = nearest->argument.empty() ? "a buffer that is no argument" : nearest->argument;
    where = distance >= 0
                ? concat(distance, " bytes past the end of ", owner, ", which has ", nearest->bytes, " bytes")
            : -distance < bytes ? concat("across the start of ", owner)
                                : concat(-distance, " bytes before ", owner);
    if (distance < 0 && address >= nearest->address) where = "across the end of " + owner;
  }
  throw Failure{
      {ErrorKind::Faulted,
       concat("out-of-bounds ", access, " of ", bytes, " bytes at ", hexadecimal(address), ": ", where),
       std::nullopt, "mask the access, or give the argument as many elements as the kernel touches"}};
}

Memory::Extent& Memory::find(uint64_t address, int bytes, const char* access) const {
  auto holds = [&](const Extent& e) {
    return address >= e.address && address - e.address + static_cast<uint64_t>(bytes) <= e.bytes;
  };
  if (last_ < extents_.size() && holds(extents_[last_])) return extents_[last_];
  auto after = std::ranges::upper_bound(extents_, address, {}, &Extent::address);
  if (after == extents_.begin() || !holds(*std::prev(after))) fault(address, bytes, access);
  last_ = static_cast<size_t>(std::prev(after) - extents_.begin());
  return extents_[last_];
}

uint64_t Memory::load(uint64_t address, int bytes) const {
  find(address, bytes, "read");
  uint64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const void*>(address), static_cast<size_t>(bytes));
  return value;
}

void Memory::store(uint64_t address, int bytes, uint64_t value) {
  Extent& extent = find(address, bytes, "write");
  std::memcpy(reinterpret_cast<void*>(address), &value, static_cast<size_t>(bytes));
  if (!recording_) return;
  for (int i = 0; i < bytes; ++i)
    extent.written[address - extent.address + static_cast<size_t>(i)] = true;
}

std::vector<Memory::Range> Memory::written() const {
  std::vector<Range> ranges;
  for (const Extent& extent : extents_)
    for (size_t i = 0; i < extent.written.size(); ++i) {
      if (!extent.written[i]) continue;
      uint64_t address = extent.address + i;
      if (!ranges.empty() && ranges.back().address + ranges.back().bytes == address)
        ++ranges.back().bytes;
      else
        ranges.push_back({address, 1});
    }
  return ranges;
}

} // namespace tuned::reference
