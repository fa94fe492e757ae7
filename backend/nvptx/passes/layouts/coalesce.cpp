#include "backend/nvptx/passes/layouts/coalesce.h"

#include "backend/gpu/layout/constructors.h"
#include "ir/analysis/axis/axis_info.h"

#include <map>
#include <mlir/IR/Builders.h>
#include <numeric>

namespace tuned::nvptx {
namespace {

struct Access {
  mlir::Operation* op;
  std::vector<int64_t> shape;
  std::vector<unsigned> order;
  unsigned vector = 1; ///< elements side by side that one instruction may take
  bool writes = false;
};

/// Dimensions by how far neighbours are contiguous, the last one first among equals.
std::vector<unsigned> fastestFirst(const tt::AxisInfo& info) {
  std::vector<unsigned> order = rowMajor(info.rank());
  std::ranges::stable_sort(order,
                           [&](unsigned a, unsigned b) { return info.contiguity[a] > info.contiguity[b]; });
  return order;
}

unsigned widest(mlir::Type type) {
  return std::max(1u, 128 / std::max(8u, tt::elementBits(tt::elementType(tt::loadedType(type)))));
}

std::optional<Access> throughPointers(mlir::Operation* op, mlir::Value pointers, mlir::Value mask,
                                      const tt::AxisInfoAnalysis& axes, unsigned limit) {
  if (!mlir::isa<mlir::RankedTensorType>(pointers.getType())) return std::nullopt;
  Access access{op, tt::shapeOf(pointers.getType()).vec(), fastestFirst(axes.of(pointers))};
  auto length = axes.vectorLength(pointers, mask, access.order[0]);
  access.vector = static_cast<unsigned>(std::min<int64_t>({length, widest(pointers.getType()), limit}));
  return access;
}

/// Descriptors promise 16-byte aligned rows.
Access throughDescriptor(mlir::Operation* op, mlir::Value block) {
  Access access{op, tt::shapeOf(block.getType()).vec(), rowMajor(tt::shapeOf(block.getType()).size())};
  unsigned bits = std::max(8u, tt::elementBits(tt::elementType(block.getType())));
  access.vector = 128 / bits;
  return access;
}

std::optional<Access> describe(mlir::Operation* op, const tt::AxisInfoAnalysis& axes) {
  std::optional<Access> access;
  if (auto load = mlir::dyn_cast<tt::LoadOp>(op)) {
    return throughPointers(op, load.getPtr(), load.getMask(), axes, 16);
  } else if (auto load = mlir::dyn_cast<tt::DescriptorLoadOp>(op)) {
    return throughDescriptor(op, load.getResult());
  } else if (auto store = mlir::dyn_cast<tt::StoreOp>(op)) {
    access = throughPointers(op, store.getPtr(), store.getMask(), axes, 16);
  } else if (auto rmw = mlir::dyn_cast<tt::AtomicRMWOp>(op)) {
    unsigned limit = tt::elementBits(tt::elementType(rmw.getVal().getType())) == 16 ? 2 : 1;
    access = throughPointers(op, rmw.getPtr(), rmw.getMask(), axes, limit);
  } else if (auto cas = mlir::dyn_cast<tt::AtomicCASOp>(op)) {
    access = throughPointers(op, cas.getPtr(), {}, axes, 1);
  } else if (auto store = mlir::dyn_cast<tt::DescriptorStoreOp>(op)) {
    access = throughDescriptor(op, store.getSrc());
  } else if (auto reduce = mlir::dyn_cast<tt::DescriptorReduceOp>(op)) {
    access = throughDescriptor(op, reduce.getSrc());
    access->vector = 1;
  }
  if (access) access->writes = true;
  return access;
}

unsigned perThread(const Access& access, unsigned wanted, unsigned numWarps) {
  int64_t elements =
      std::accumulate(access.shape.begin(), access.shape.end(), int64_t{1}, std::multiplies<>());
  auto share = static_cast<unsigned>(std::max<int64_t>(1, elements / (32 * numWarps)));
  // A store of more than one vector a thread leaves gaps between lanes; for loads the cache hides them.
  if (access.writes) wanted = std::min(wanted, access.vector);
  return std::min(wanted, share);
}

} // namespace

std::vector<unsigned> rowMajor(size_t rank) {
  std::vector<unsigned> order(rank);
  for (size_t i = 0; i < rank; ++i)
    order[i] = static_cast<unsigned>(rank - 1 - i);
  return order;
}

std::vector<std::pair<mlir::Operation*, LinearLayout>> coalescedAccesses(PassContext& context) {
  tt::AxisInfoAnalysis axes(context.function);
  std::vector<Access> accesses;
  context.function.walk([&](mlir::Operation* op) {
    if (auto access = describe(op, axes)) accesses.push_back(std::move(*access));
  });
  // Accesses of one shape and order usually meet in arithmetic: with one width for all nothing has to be
  // converted.
  std::map<std::pair<std::vector<int64_t>, std::vector<unsigned>>, unsigned> widths;
  for (const Access& access : accesses) {
    unsigned& width = widths[{access.shape, access.order}];
    width = std::max(width, access.vector);
  }
  std::vector<std::pair<mlir::Operation*, LinearLayout>> result;
  for (const Access& access : accesses) {
    unsigned width = perThread(access, widths[{access.shape, access.order}], context.numWarps);
    mlir::Builder builder(access.op->getContext());
    access.op->setAttr("nv.vector", builder.getDenseI32ArrayAttr({static_cast<int32_t>(access.vector),
                                                                  static_cast<int32_t>(access.order[0])}));
    result.emplace_back(access.op, coalesced(access.shape, access.order, width, context.numWarps));
  }
  return result;
}

} // namespace tuned::nvptx
