// Exchanges through shared memory: which element lies where, so that both sides move wide vectors without
// bank conflicts.
#include "backend/gpu/layout/conversion.h"

#include <algorithm>

namespace tuned::nvptx {
namespace {

constexpr unsigned vectorBytes = 16, bankBytes = 4, rowBytes = 128; // a row: one word of each of the 32 banks

using Kind = SharedAccess::Kind;

Bases head(const Bases& bases, size_t count) {
  return Bases(bases.begin(), bases.begin() + std::min(count, bases.size()));
}

Bases join(std::initializer_list<Bases> parts) {
  Bases all;
  for (const Bases& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

bool within(const Bases& vectors, const Span& span) {
  return std::ranges::all_of(vectors, [&](uint32_t vector) { return span.contains(vector); });
}

/// What one side touches at once: the vector each lane moves and the lanes that go together.
struct Side {
  Kind kind = Kind::Plain;
  Bases row;    ///< Matrix kinds: the eight elements of a row
  Bases active; ///< element vectors that tell the addresses of one memory transaction apart
};

/// ldmatrix fits when the eight elements of its rows are side by side in the source's registers.
Side loadSide(const LinearLayout& from, const LinearLayout& to, unsigned elementBytes, bool matrices) {
  if (matrices && elementBytes == 2 && !to.registers.empty()) {
    Span held(from.registers);
    Bases pair = {to.registers[0], to.lanes[0], to.lanes[1]};
    Bases others = {to.lanes[2], to.lanes[3], to.lanes[4]};
    if (independent(pair, {}).size() == 3 && within(pair, held)) return {Kind::Matrix, pair, others};
    if (independent(others, {}).size() == 3 && within(others, held) && pair[0] != 0)
      return {Kind::TransposedMatrix, others, pair};
  }
  return {};
}

/// Lanes that share one transaction when each moves 2^vectorBits elements.
Bases activeLanes(const LinearLayout& layout, size_t vectorBits, unsigned elementBytes) {
  unsigned bytes = elementBytes << vectorBits;
  unsigned wide = bytes > bankBytes ? log2Exact(bytes / bankBytes) : 0;
  return head(layout.lanes, laneBits - std::min(wide, laneBits));
}

/// Element vectors that may share a bank: none in the span of what either side touches at once.
Bases segments(unsigned elementBits, size_t count, const Bases& vector, const Bases& a, const Bases& b) {
  Bases units;
  for (unsigned bit = 0; bit < elementBits; ++bit)
    units.push_back(1u << bit);
  Bases result = independent(units, join({vector, a, b}));
  Bases both = intersect(join({vector, a}), join({vector, b}));
  Bases onlyA = independent(a, join({vector, both})), onlyB = independent(b, join({vector, both}));
  size_t pairs = std::min(onlyA.size(), onlyB.size());
  for (size_t i = 0; i < pairs; ++i)
    result.push_back(onlyA[i] ^ onlyB[i]);
  if (result.size() < count) { // conflicts cannot be avoided: first on the side that has more to tell apart
    Bases unpaired(onlyB.begin() + pairs, onlyB.end());
    unpaired.insert(unpaired.end(), onlyA.begin() + pairs, onlyA.end());
    Bases more = independent(join({unpaired, b, a, units}), join({vector, result}));
    std::ranges::copy(head(more, count - result.size()), std::back_inserter(result));
  }
  return head(result, count);
}

/// offsets[i]: the element vector that bit i of the element offset stands for.
Bases arrange(unsigned elementBits, unsigned elementBytes, const Bases& vector, const Bases& a,
              const Bases& b) {
  unsigned rowBits = log2Exact(rowBytes / elementBytes);
  size_t count = elementBits > rowBits ? elementBits - rowBits : 0;
  Bases segment = segments(elementBits, count, vector, a, b);
  Bases units;
  for (unsigned bit = 0; bit < elementBits; ++bit)
    units.push_back(1u << bit);
  Bases banks = independent(join({a, b, units}), join({vector, segment}));
  return join({vector, banks, segment});
}

/// Fills the access' addresses and register groups. `vector`: registers of one access, as register XOR masks.
SharedAccess access(const LinearLayout& layout, Bases vector, const Span& offsets, unsigned elementBytes) {
  SharedAccess result;
  auto offset = [&](uint32_t element) {
    return static_cast<uint32_t>(*offsets.coordinates(element)) * elementBytes;
  };
  std::ranges::transform(layout.registers, std::back_inserter(result.fromRegister), offset);
  std::ranges::transform(layout.lanes, std::back_inserter(result.fromLane), offset);
  std::ranges::transform(layout.warps, std::back_inserter(result.fromWarp), offset);
  uint32_t free = freeVariables(layout).registers;
  std::vector<bool> seen(layout.registerCount());
  for (uint32_t reg = 0; reg < layout.registerCount(); ++reg) {
    if (seen[reg] || (reg & free)) continue;
    result.bases.push_back(reg);
    for (uint32_t element = 0; element < 1u << vector.size(); ++element)
      seen[reg ^ combine(vector, element)] = true;
  }
  result.vector = std::move(vector);
  return result;
}

/// Vectors side by side in memory: as long a head of `vector` as every thread's addresses are aligned to.
SharedAccess plainAccess(const LinearLayout& layout, const Bases& vector, const Span& offsets,
                         unsigned elementBytes) {
  uint32_t threads = 0;
  for (const Bases* bases : {&layout.lanes, &layout.warps})
    for (uint32_t element : *bases)
      threads |= static_cast<uint32_t>(*offsets.coordinates(element));
  SharedAccess result =
      access(layout, head(vector, static_cast<size_t>(std::countr_zero(threads))), offsets, elementBytes);
  for (uint32_t& base : result.bases) { // the vector's first element
    uint32_t offset = combine(result.fromRegister, base) / elementBytes;
    base ^= combine(result.vector, offset);
  }
  return result;
}

/// Whether every row that ldmatrix reads starts at a multiple of its size.
bool rowsAligned(const SharedAccess& load) {
  uint32_t all = 0;
  for (const Bases* bases : {&load.fromLane, &load.fromWarp})
    for (uint32_t offset : *bases)
      all |= offset;
  for (uint32_t base : load.bases)
    all |= combine(load.fromRegister, base);
  return all % vectorBytes == 0;
}

/// The longest head of `vector` that the layout's registers hold, as register masks.
Bases registerMasks(const LinearLayout& layout, const Bases& vector) {
  Span held(layout.registers);
  Bases masks;
  for (uint32_t element : vector) {
    auto members = held.coordinates(element);
    if (!members) break;
    masks.push_back(static_cast<uint32_t>(*members));
  }
  return masks;
}

/// ldmatrix: up to four matrices, told apart by register bits 1 and up; each lane names a row.
SharedAccess matrixAccess(const LinearLayout& to, Kind kind, const Span& offsets) {
  Span used(Bases{to.registers[0]});
  Bases vector = {1};
  for (size_t bit = 1; bit < to.registers.size() && vector.size() < 3; ++bit)
    if (used.add(to.registers[bit])) vector.push_back(1u << bit);
  SharedAccess result = access(to, vector, offsets, 2);
  result.kind = kind;
  const Bases lane = result.fromLane, reg = result.fromRegister;
  if (kind == Kind::Matrix)
    result.fromLane = {lane[2], lane[3], lane[4]};
  else
    result.fromLane = {reg[0], lane[0], lane[1]};
  for (size_t matrix = 1; matrix < 3; ++matrix)
    result.fromLane.push_back(matrix < vector.size() ? combine(reg, vector[matrix]) : 0);
  return result;
}

/// Both sides, with `vector` side by side in memory.
SharedExchange planWith(const LinearLayout& from, const LinearLayout& to, unsigned elementBytes,
                        const Side& load, const Bases& vector) {
  Bases storeMasks = registerMasks(from, vector);
  Bases active = activeLanes(from, storeMasks.size(), elementBytes);
  Bases offsets = arrange(from.elementBits(), elementBytes, vector, independent(active, vector),
                          independent(load.active, vector));
  SharedExchange plan;
  plan.elementBytes = elementBytes;
  plan.bytes = std::max(vectorBytes, elementBytes << from.elementBits());
  Span inverse(offsets);
  plan.store = plainAccess(from, storeMasks, inverse, elementBytes);
  plan.load = load.kind == Kind::Plain ? plainAccess(to, registerMasks(to, vector), inverse, elementBytes)
                                       : matrixAccess(to, load.kind, inverse);
  return plan;
}

} // namespace

unsigned bankConflicts(const SharedAccess& access, unsigned elementBytes) {
  // The lanes of a transaction and the words each moves: addresses are linear in both.
  unsigned bytes = access.kind == Kind::Plain ? access.vectorSize() * elementBytes : vectorBytes;
  unsigned words = std::max(bytes / bankBytes, 1u);
  Bases addresses = head(access.fromLane, laneBits - log2Exact(words));
  for (unsigned word = 1; word < words; word *= 2)
    addresses.push_back(word * bankBytes);
  Span all, banks;
  for (uint32_t address : addresses) {
    all.add(address / bankBytes);
    banks.add(address % rowBytes / bankBytes);
  }
  return 1u << (all.rank() - banks.rank());
}

uint64_t transactions(const SharedAccess& access, unsigned elementBytes) {
  unsigned bytes = access.vectorSize() * elementBytes; // for ldmatrix as well: a lane's part of the matrices
  uint64_t each = std::max(bytes / bankBytes, 1u);
  return access.bases.size() * each * bankConflicts(access, elementBytes);
}

SharedExchange planExchange(const LinearLayout& from, const LinearLayout& to, unsigned elementBytes,
                            bool matrices) {
  if (Side load = loadSide(from, to, elementBytes, matrices); load.kind != Kind::Plain) {
    SharedExchange plan = planWith(from, to, elementBytes, load, load.row);
    if (rowsAligned(plan.load)) return plan;
  }
  size_t widest = log2Exact(vectorBytes / elementBytes);
  Bases common = head(intersect(from.registers, to.registers), widest);
  auto planned = [&](const Bases& vector) {
    Side load;
    load.active = activeLanes(to, registerMasks(to, vector).size(), elementBytes);
    return planWith(from, to, elementBytes, load, vector);
  };
  auto price = [&](const SharedExchange& plan) {
    return transactions(plan.store, elementBytes) + transactions(plan.load, elementBytes);
  };
  auto conflicts = [&](const SharedExchange& plan) {
    return bankConflicts(plan.store, elementBytes) > 1 || bankConflicts(plan.load, elementBytes) > 1;
  };
  // What both sides hold lies side by side first, then what one of them holds; the stores' vectors win a
  // draw.
  std::optional<SharedExchange> best;
  for (const Bases* wide : {&from.registers, &to.registers}) {
    Bases vector = head(join({common, independent(*wide, common)}), widest);
    SharedExchange plan = planned(vector);
    if (!best || price(plan) < price(*best)) best = plan;
    // Where wide vectors on one side make the banks of the other collide, narrower ones may be better for
    // both.
    while (conflicts(plan) && !vector.empty()) {
      vector.pop_back();
      plan = planned(vector);
      if (price(plan) < price(*best)) best = plan;
    }
  }
  return *best;
}

} // namespace tuned::nvptx
