// Conversions are data: here they are carried out on the host, instruction by instruction as the hardware
// would.
#include "backend/gpu/layout/conversion.h"
#include "tests/backend/nvptx/layout_support.h"

#include <doctest/doctest.h>
#include <map>
#include <set>

using namespace tuned::nvptx;

namespace {

constexpr uint32_t nothing = ~0u;

/// Register files of a CTA: which element each register holds.
struct Machine {
  explicit Machine(const LinearLayout& layout)
      : registers(layout.registerCount()), warps(1u << layout.warps.size()),
        file(size_t{registers} * 32 * warps, nothing) {}
  uint32_t& at(uint32_t reg, uint32_t lane, uint32_t warp) {
    return file[(warp * 32 + lane) * registers + reg];
  }
  uint32_t registers, warps;
  std::vector<uint32_t> file;
};

Machine loaded(const LinearLayout& layout) {
  Machine machine(layout);
  for (uint32_t warp = 0; warp < machine.warps; ++warp)
    for (uint32_t lane = 0; lane < 32; ++lane)
      for (uint32_t reg = 0; reg < machine.registers; ++reg)
        machine.at(reg, lane, warp) = layout.at(reg, lane, warp);
  return machine;
}

void carryOut(const WarpMove& move, Machine& from, Machine& to) {
  for (uint32_t warp = 0; warp < to.warps; ++warp)
    for (uint32_t lane = 0; lane < 32; ++lane)
      for (uint32_t reg = 0; reg < to.registers; ++reg)
        to.at(reg, lane, warp) =
            from.at(move.sourceRegister.at(reg, lane, warp), move.sourceLane.at(reg, lane, warp), warp);
}

using Memory = std::map<uint32_t, uint32_t>; // byte address to element, for whole elements

void store(const SharedExchange& plan, Machine& from, Memory& memory) {
  for (uint32_t warp = 0; warp < from.warps; ++warp)
    for (uint32_t base : plan.store.bases)
      for (uint32_t lane = 0; lane < 32; ++lane) {
        uint32_t address = plan.store.address(base, lane, warp);
        RC_ASSERT(address % (plan.store.vectorSize() * plan.elementBytes) == 0);
        for (uint32_t e = 0; e < plan.store.vectorSize(); ++e) {
          uint32_t place = address + e * plan.elementBytes;
          RC_ASSERT(place + plan.elementBytes <= plan.bytes);
          uint32_t element = from.at(base ^ combine(plan.store.vector, e), lane, warp);
          auto [at, fresh] = memory.try_emplace(place, element);
          RC_ASSERT(fresh || at->second == element);
        }
      }
}

/// ldmatrix: lane 8j + r names row r of matrix j; lane i receives elements 2(i%4), 2(i%4)+1 of row i/4, or,
/// transposed, element i/4 of rows 2(i%4), 2(i%4)+1.
uint32_t matrixElement(const SharedAccess& load, Memory& memory, uint32_t base, uint32_t lane, uint32_t warp,
                       uint32_t matrix, uint32_t half) {
  bool transposed = load.kind == SharedAccess::Kind::TransposedMatrix;
  uint32_t row = transposed ? 2 * (lane % 4) + half : lane / 4;
  uint32_t column = transposed ? lane / 4 : 2 * (lane % 4) + half;
  uint32_t address = load.address(base, 8 * matrix + row, warp);
  RC_ASSERT(address % 16 == 0);
  return memory.at(address + 2 * column);
}

void load(const SharedExchange& plan, Memory& memory, Machine& to) {
  for (uint32_t warp = 0; warp < to.warps; ++warp)
    for (uint32_t base : plan.load.bases)
      for (uint32_t lane = 0; lane < 32; ++lane)
        for (uint32_t e = 0; e < plan.load.vectorSize(); ++e) {
          uint32_t reg = base ^ combine(plan.load.vector, e);
          if (plan.load.kind == SharedAccess::Kind::Plain) {
            uint32_t address = plan.load.address(base, lane, warp);
            RC_ASSERT(address % (plan.load.vectorSize() * plan.elementBytes) == 0);
            to.at(reg, lane, warp) = memory.at(address + e * plan.elementBytes);
          } else {
            to.at(reg, lane, warp) = matrixElement(plan.load, memory, base, lane, warp, e >> 1, e & 1);
          }
        }
}

/// Every register that is not a replica of another in its thread holds the element the layout says.
void check(const LinearLayout& layout, Machine& machine, bool replicasToo) {
  uint32_t free = freeVariables(layout).registers;
  for (uint32_t warp = 0; warp < machine.warps; ++warp)
    for (uint32_t lane = 0; lane < 32; ++lane)
      for (uint32_t reg = 0; reg < machine.registers; ++reg)
        if (replicasToo || !(reg & free))
          RC_ASSERT(machine.at(reg, lane, warp) == layout.at(reg, lane, warp));
}

void carryOut(const SharedExchange& plan, const LinearLayout& from, const LinearLayout& to) {
  Machine source = loaded(from), target(to);
  Memory memory;
  store(plan, source, memory);
  load(plan, memory, target);
  check(to, target, false);
}

/// The most distinct rows of 128 bytes that one bank serves in a transaction of the first access.
unsigned conflicts(const SharedAccess& access, unsigned elementBytes) {
  unsigned bytes = access.kind == SharedAccess::Kind::Plain ? access.vectorSize() * elementBytes : 16;
  unsigned lanes = std::min(32u, 128 / std::max(bytes, 4u));
  std::map<uint32_t, std::set<uint32_t>> words;
  for (uint32_t lane = 0; lane < lanes; ++lane)
    for (uint32_t byte = 0; byte < bytes; byte += 4) {
      uint32_t word = (access.address(access.bases[0], lane, 0) + byte) / 4;
      words[word % 32].insert(word);
    }
  size_t most = 0;
  for (auto& [bank, inBank] : words)
    most = std::max(most, inBank.size());
  return static_cast<unsigned>(most);
}

} // namespace

TEST_CASE("moves within a warp bring every element to its place") {
  CHECK(rc::check([] {
    auto shape = randomShape(pick(1u, 6u));
    unsigned warps = powerOfTwo(0, 2);
    auto from = constructedOrAny(shape, warps), to = constructedOrAny(shape, warps);
    auto move = planWarpMove(from, to);
    RC_CLASSIFY(move.has_value(), "within warps");
    if (!move) return;
    Machine source = loaded(from), target(to);
    carryOut(*move, source, target);
    check(to, target, true);
    if (!move->rename()) return;
    for (uint32_t reg = 0; reg < to.registerCount(); ++reg)
      RC_ASSERT(to.at(reg, 5, 0) == from.at(move->sourceRegister.at(reg, 0, 0), 5, 0));
  }));
}

TEST_CASE("exchanges through shared memory bring every element to its place") {
  CHECK(rc::check([] {
    auto shape = randomShape(pick(1u, 6u));
    unsigned warps = powerOfTwo(0, 3), bytes = powerOfTwo(0, 3);
    auto from = constructedOrAny(shape, warps), to = constructedOrAny(shape, warps);
    SharedExchange plan = planExchange(from, to, bytes);
    for (const SharedAccess* access : {&plan.store, &plan.load})
      RC_ASSERT(bankConflicts(*access, bytes) == conflicts(*access, bytes));
    RC_CLASSIFY(plan.load.kind == SharedAccess::Kind::Matrix, "ldmatrix");
    RC_CLASSIFY(plan.load.kind == SharedAccess::Kind::TransposedMatrix, "ldmatrix.trans");
    carryOut(plan, from, to);
  }));
}

TEST_CASE("ldmatrix brings every element of 16 bits to its place in a fragment") {
  CHECK(rc::check([] {
    std::vector<int64_t> shape = {powerOfTwo(3, 6), powerOfTwo(3, 6)};
    unsigned warps = powerOfTwo(0, 3);
    std::vector<unsigned> order = {1, 0};
    if (*rc::gen::arbitrary<bool>()) order = {0, 1};
    auto from = coalesced(shape, order, 8, warps);
    auto side = *rc::gen::arbitrary<bool>() ? DotSide::A : DotSide::B;
    auto to = mmaOperand(side, shape, 16, warpGrid(shape, warps));
    SharedExchange plan = planExchange(from, to, 2);
    RC_CLASSIFY(plan.load.kind == SharedAccess::Kind::Matrix, "ldmatrix");
    RC_CLASSIFY(plan.load.kind == SharedAccess::Kind::TransposedMatrix, "ldmatrix.trans");
    carryOut(plan, from, to);
    if (plan.load.kind != SharedAccess::Kind::Plain) RC_ASSERT(conflicts(plan.load, 2) == 1u);
  }));
}

TEST_CASE("the plan that is chosen brings every element to its place, replicas too") {
  CHECK(rc::check([] {
    auto shape = randomShape(pick(1, 6));
    unsigned warps = powerOfTwo(0, 5), bytes = powerOfTwo(0, 3);
    auto from = constructedOrAny(shape, warps), to = constructedOrAny(shape, warps);
    Conversion plan = planConversion(from, to, bytes);
    RC_CLASSIFY(std::holds_alternative<WarpMove>(plan), "within warps");
    if (auto* exchange = std::get_if<SharedExchange>(&plan)) {
      RC_ASSERT(scratchBytes(plan) == std::max(16u, bytes * from.elements()));
      return carryOut(*exchange, from, to);
    }
    RC_ASSERT(scratchBytes(plan) == 0u);
    Machine source = loaded(from), target(to);
    carryOut(std::get<WarpMove>(plan), source, target);
    check(to, target, true);
  }));
}

TEST_CASE("the operands of a matmul go through ldmatrix without bank conflicts") {
  for (unsigned warps : {4u, 8u}) {
    auto grid = warpGrid({128, 128}, warps);
    auto a =
        planExchange(coalesced({128, 64}, {1, 0}, 8, warps), mmaOperand(DotSide::A, {128, 64}, 16, grid), 2);
    CHECK(a.load.kind == SharedAccess::Kind::Matrix);
    auto b =
        planExchange(coalesced({64, 128}, {1, 0}, 8, warps), mmaOperand(DotSide::B, {64, 128}, 16, grid), 2);
    CHECK(b.load.kind == SharedAccess::Kind::TransposedMatrix);
    for (const SharedExchange& plan : {a, b}) {
      CHECK(plan.load.vectorSize() == 8);
      CHECK(plan.store.vectorSize() == 8);
      CHECK(conflicts(plan.store, 2) == 1);
      CHECK(conflicts(plan.load, 2) == 1);
    }
  }
}

TEST_CASE("the exchanges that kernels do most have no bank conflicts") {
  auto grid = warpGrid({128, 128}, 4);
  for (unsigned bytes : {1u, 2u, 4u, 8u}) {
    CAPTURE(bytes);
    auto rows = coalesced({128, 128}, {1, 0}, 16 / bytes, 4);
    auto columns = coalesced({128, 128}, {0, 1}, 16 / bytes, 4);
    auto accumulator = mmaAccumulator({128, 128}, grid, bytes == 8);
    auto a = mmaOperand(DotSide::A, {128, 128}, 8 * bytes, grid);
    auto b = mmaOperand(DotSide::B, {128, 128}, 8 * bytes, grid);
    const std::pair<LinearLayout, LinearLayout> pairs[] = {
        {accumulator, rows}, {rows, a}, {rows, b}, {columns, b}, {rows, scanned({128, 128}, 1, 4)},
        {rows, columns}};
    for (const auto& [from, to] : pairs) {
      SharedExchange plan = planExchange(from, to, bytes);
      CAPTURE(from.text());
      CAPTURE(to.text());
      CHECK(conflicts(plan.store, bytes) == 1);
      CHECK(conflicts(plan.load, bytes) == 1);
    }
  }
}

TEST_CASE("a transposition of words moves them one by one: wide vectors would collide") {
  auto from = coalesced({64, 64}, {1, 0}, 4, 4), to = coalesced({64, 64}, {0, 1}, 4, 4);
  auto plan = planExchange(from, to, 4);
  CHECK(conflicts(plan.store, 4) == 1);
  CHECK(conflicts(plan.load, 4) == 1);
  // Both sides: 4096 words, 32 a transaction, of which each of four warps has a quarter.
  CHECK(transactions(plan.store, 4) == 32);
  CHECK(transactions(plan.load, 4) == 32);
}

TEST_CASE("where only the destination's registers lie apart, they are read as vectors") {
  // Four lanes of the destination take turns along the tensor; 16-bit elements come four a thread.
  LinearLayout from{{128}, {1, 2}, {4, 8, 16, 32, 64}, {}},
      to{{128}, {4, 8, 16, 32, 64}, {1, 2, 0, 0, 0}, {}};
  auto plan = planExchange(from, to, 2);
  CHECK(plan.load.vectorSize() == 8);
  CHECK(plan.load.bases.size() == 4);
  CHECK(conflicts(plan.load, 2) == 1);
  carryOut(plan, from, to);
}
