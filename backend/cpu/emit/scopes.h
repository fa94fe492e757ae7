// The loops that are open while one operation is emitted, and what was evaluated in each.
//
// An index that no inner loop counter enters is evaluated once, outside that loop: emission itself hoists, so
// that loads are hoisted too, which no later pass could prove safe.
#pragma once

#include "backend/cpu/emit/lanes.h"

#include <llvm/ADT/DenseMap.h>
#include <map>
#include <mlir/IR/Value.h>
#include <optional>
#include <tuple>
#include <utility>

namespace tuned::cpu {

struct Scope {
  llvm::BasicBlock* block = nullptr; ///< new code for this scope goes before its terminator
  llvm::DenseMap<mlir::Value, llvm::SmallVector<std::pair<LaneIndex, LaneValue>, 1>> values;
  std::map<std::tuple<llvm::Value*, unsigned, unsigned>, llvm::Value*> slices; ///< (field, low, bits)
  /// In the body of a loop that is emitted twice: the condition under which every mask met so far is all
  /// true. Null while the slow twin is emitted, or where there is no twin.
  llvm::Value** fast = nullptr;
};

class Scopes {
public:
  explicit Scopes(llvm::IRBuilderBase& builder) : builder_(builder) {}

  unsigned top() const { return unsigned(scopes_.size()) - 1; }
  bool empty() const { return scopes_.empty(); }
  Scope& at(unsigned level) { return scopes_[level]; }
  void push(llvm::Value** fast = nullptr) {
    Scope& scope = scopes_.emplace_back();
    scope.block = builder_.GetInsertBlock();
    scope.fast = fast;
  }
  /// Before code goes to another block and a scope is pushed there: what belongs to the top scope from then
  /// on goes to the end of the present block.
  void settle() {
    if (!scopes_.empty()) scopes_.back().block = builder_.GetInsertBlock();
  }
  void pop() { scopes_.pop_back(); }

  /// The scope in which `level` is evaluated now.
  unsigned clamp(unsigned level) const { return std::min({level, limit_, top()}); }

  /// Moves the builder to `level` while it lives, and evaluates nothing deeper.
  class Enter {
  public:
    Enter(Scopes& scopes, unsigned level);
    ~Enter() { scopes_.limit_ = limit_; }

  private:
    Scopes& scopes_;
    unsigned limit_;
    std::optional<llvm::IRBuilderBase::InsertPointGuard> guard_;
  };

private:
  llvm::IRBuilderBase& builder_;
  llvm::SmallVector<Scope, 6> scopes_;
  unsigned limit_ = ~0u;
};

/// Index arithmetic: code is emitted in the scope that an index belongs to.
class Indexing {
public:
  Indexing(llvm::IRBuilderBase& builder, Scopes& scopes) : builder_(builder), scopes_(scopes) {}

  /// Bits low … low + bits - 1, moved down to 0.
  LaneIndex slice(const LaneIndex& index, unsigned low, unsigned bits);
  /// Adds the bits of `part`, moved up by `shift`, to `index`. Both have the same width, or one of them one
  /// lane.
  void merge(LaneIndex& index, const LaneIndex& part, unsigned shift);
  /// The place without its lanes, as an i64.
  llvm::Value* base(const LaneIndex& index);
  /// The places as integers of type `type`.
  LaneValue places(const LaneIndex& index, llvm::Type* type);

  /// The index of the same element in the source of a view.
  LaneIndex throughBroadcast(const LaneIndex& index, llvm::ArrayRef<int64_t> from,
                             llvm::ArrayRef<int64_t> to);
  LaneIndex throughTranspose(const LaneIndex& index, llvm::ArrayRef<int64_t> from,
                             llvm::ArrayRef<int32_t> order);
  /// Puts `coordinate` (below 2^bits) in at bit `at`.
  LaneIndex insert(const LaneIndex& index, unsigned at, unsigned bits, const LaneIndex& coordinate);
  /// The coordinate along dimension `axis` of a tile of shape `shape`.
  LaneIndex coordinate(const LaneIndex& index, llvm::ArrayRef<int64_t> shape, unsigned axis);
  /// A scalar coordinate for every lane.
  LaneIndex scalar(llvm::Value* value, unsigned bits, unsigned level, unsigned width = 1);

private:
  llvm::Value* bitsOf(const Field& field, unsigned low, unsigned bits);

  llvm::IRBuilderBase& builder_;
  Scopes& scopes_;
};

} // namespace tuned::cpu
