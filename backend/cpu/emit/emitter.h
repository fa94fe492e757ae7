// From a kernel in the tt dialect to one LLVM function.
//
// The function runs program instances first … last-1 in a loop. Scalars become LLVM values. Tiles are either
// written to slots of scratch by loops over their elements, or evaluated where they are used (Plan says
// which). evaluate() gives the elements of a tile at given places, as one vector; operations that need loops
// (stores, reductions, dots, …) call it for their operands at each step.
#pragma once

#include "backend/compiler.h"
#include "backend/cpu/emit/scopes.h"
#include "backend/cpu/math/float_formats.h"
#include "backend/cpu/plan/plan.h"
#include "ir/analysis/axis/axis_info.h"

#include <llvm/IR/Module.h>

namespace tuned::cpu {

class Emitter {
public:
  Emitter(llvm::Module& module, const Plan& plan, const Plan::Callees& callees,
          const tt::AxisInfoAnalysis& facts, bool fuseMultiplyAdd);

  /// Emits the function `symbol`. The first operation that cannot be compiled is the error.
  Result<void> emit(tt::FuncOp entry, const std::string& symbol);

private:
  using Values = llvm::SmallVector<llvm::Value*, 4>;
  using Builder = llvm::IRBuilder<>;

  // emitter.cpp: types, scalars, dispatch
  llvm::Type* typeOf(mlir::Type element);
  llvm::Type* memoryTypeOf(mlir::Type element);
  llvm::Value* scalar(mlir::Value value);
  void emitFunction(tt::FuncOp entry, const std::string& symbol);
  void bindArguments(tt::FuncOp entry, llvm::Value* arguments);
  void emitOperation(mlir::Operation& op);
  void emitRoot(mlir::Operation& op);
  void emitScalarOperation(mlir::Operation& op);
  llvm::Value* programId(tt::ProgramDim axis);
  void unsupported(mlir::Operation& op, const std::string& what);

  // loops.cpp
  unsigned widthFor(int64_t elements) const;
  using LoopBody = llvm::function_ref<Values(llvm::Value* counter, Values carried)>;
  /// Runs body for counter = 0 … count - 1 (count ≥ 1). One round is emitted without a loop.
  Values loop(int64_t count, Values initial, LoopBody body);
  /// Runs body over all `elements` places, `width` at a time, inner loops along the last `inner` elements.
  /// Without `split` the body is emitted once, and may hold loops of its own.
  void forEachChunk(int64_t elements, int64_t inner, unsigned width,
                    llvm::function_ref<void(const LaneIndex&)> body, bool split = true);
  /// Emits body twice where it meets masks: for all true, and for any. Results are merged.
  Values versioned(llvm::function_ref<Values()> body);
  LaneIndex counterIndex(llvm::Value* counter, int64_t count, unsigned shift, unsigned width);

  // evaluate.cpp: elements of tiles
  LaneValue evaluate(mlir::Value value, const LaneIndex& index);
  LaneValue evaluateFresh(mlir::Value value, const LaneIndex& index);
  /// By the operation that defines it, whether the plan gave it a slot or not.
  LaneValue evaluateDefinition(mlir::Value value, const LaneIndex& index);
  LaneValue evaluateElementwise(mlir::Operation& op, const LaneIndex& index);
  llvm::Value* divideByOne(mlir::Operation& op, llvm::ArrayRef<LaneValue> operands, const LaneIndex& index);
  LaneValue evaluateCarried(mlir::Value value, const LaneIndex& index);
  LaneValue evaluateGather(tt::GatherOp op, const LaneIndex& index);
  std::optional<LaneValue> evaluateAffine(mlir::Operation& op, llvm::ArrayRef<LaneValue> operands,
                                          const LaneIndex& index);
  std::pair<int64_t, int64_t> runsAlong(mlir::Value tile, const LaneIndex& index) const;
  bool neverWraps(mlir::Value tile, const LaneValue& lanes, const LaneIndex& index) const;
  LaneValue fromFirstLane(const LaneValue& lanes);
  llvm::Value* fitsType(const LaneValue& lanes);
  std::optional<LaneValue> widenRun(mlir::Value tile, const LaneIndex& index, llvm::Type* type);
  std::optional<LaneValue> addOffsets(tt::AddPtrOp op, const LaneValue& pointer, const LaneValue& offset,
                                      const LaneIndex& index);
  llvm::Value* evaluateVector(mlir::Value value, const LaneIndex& index);
  LaneIndex viewIndex(mlir::Operation& op, mlir::Value result, const LaneIndex& index);

  // tiles.cpp: slots
  llvm::Value* slotAddress(mlir::Value value);
  llvm::Value* scratchAt(int64_t offset);
  LaneValue readTile(llvm::Value* tile, mlir::Type element, const LaneIndex& index);
  LaneValue readSlot(mlir::Value value, const LaneIndex& index);
  void writeTile(llvm::Value* tile, mlir::Type element, const LaneIndex& index, const LaneValue& value);
  /// Evaluates `value` into a dense row-major tile; `convert` may change what is stored.
  using Convert = llvm::function_ref<llvm::Value*(llvm::Value*)>;
  void fillTile(llvm::Value* tile, mlir::Type element, mlir::Value value, Convert convert = nullptr);
  /// fillTile with the last dimension cut into pieces of `columns`, which follow each other whole.
  void fillPanels(llvm::Value* tile, mlir::Type element, mlir::Value value, unsigned columns,
                  Convert convert);
  /// What `op` hands on to other operations' slots; through a temporary where one would spoil another.
  void assignSlots(mlir::Operation& op, unsigned successor = 0);
  void materialise(mlir::Value value);

  // elementwise.cpp, arithmetic.cpp, mathematics.cpp: operations on scalars and on vectors alike
  Values apply(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* applyInteger(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* divide(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* divideRounded(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* applyFloat(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* applyCast(mlir::Operation& op, llvm::Value* operand);
  llvm::Value* fitDouble(llvm::Value* v, bool isSigned);
  llvm::Value* applyMath(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* applyExtern(tt::ExternElementwiseOp op, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* callPerLane(llvm::StringRef symbol, llvm::Type* result, llvm::ArrayRef<llvm::Value*> operands);
  llvm::Value* mathFunction(llvm::StringRef name, llvm::Value* operand);
  llvm::Value* sineOrCosine(llvm::StringRef name, llvm::Value* operand); ///< of f32
  llvm::Constant* constant(mlir::Type element, mlir::Attribute value);
  /// The region on these arguments, vectors or scalars.
  Values applyRegion(mlir::Region& region, llvm::ArrayRef<llvm::Value*> arguments);
  bool takesVectors(mlir::Region& region);

  // memory.cpp
  LaneValue load(const LaneValue& pointer, mlir::Type element, std::optional<LaneValue> mask,
                 std::optional<LaneValue> other, unsigned width);
  void store(const LaneValue& pointer, mlir::Type element, const LaneValue& value,
             std::optional<LaneValue> mask, unsigned width);
  /// nullopt: every lane is on.
  std::optional<LaneValue> evaluateMask(mlir::Value mask, const LaneIndex& index);
  llvm::Value* allTrue(mlir::Value mask, const LaneIndex& index);
  llvm::Value* compareExtremes(mlir::arith::CmpIOp op, const LaneIndex& index);
  bool assume(llvm::function_ref<llvm::Value*()> condition);
  LaneValue evaluateLoad(tt::LoadOp op, const LaneIndex& index);
  void emitStore(tt::StoreOp op);
  void emitStoreLoop(tt::StoreOp op);
  bool mayStream(tt::StoreOp op);
  llvm::Value* bytesOfLaunch(tt::StoreOp op);
  llvm::Value* loadElement(llvm::Value* address, mlir::Type element, unsigned width = 1);
  void storeElement(llvm::Value* address, llvm::Value* value, mlir::Type element);
  llvm::Value* maskVector(const std::optional<LaneValue>& mask, unsigned width);

  // descriptors.cpp
  struct Block {
    LaneValue address;
    std::optional<LaneValue> mask;
  };
  llvm::StructType* descriptorType(tt::TensorDescType type);
  llvm::Value* makeDescriptor(tt::TensorDescType type, llvm::Value* base, llvm::ArrayRef<llvm::Value*> shape,
                              llvm::ArrayRef<llvm::Value*> strides, llvm::Value* nanPadding);
  using Coordinates = llvm::function_ref<llvm::SmallVector<LaneValue>()>;
  Block blockAt(mlir::Value descriptor, Coordinates coordinates, unsigned width);
  llvm::SmallVector<LaneValue> blockCoordinates(mlir::Value descriptor, mlir::ValueRange indices,
                                                const LaneIndex& index);
  llvm::SmallVector<LaneValue> rowCoordinates(mlir::Value rows, mlir::Value column, mlir::Type tile,
                                              const LaneIndex& index);
  LaneValue evaluateDescriptorLoad(mlir::Operation& op, const LaneIndex& index);
  void emitDescriptorStore(mlir::Operation& op);
  void emitDescriptorReduce(tt::DescriptorReduceOp op);

  // reduce.cpp, scan.cpp
  void emitReduce(tt::ReduceOp op);
  Values evaluateAll(mlir::ValueRange values, const LaneIndex& index);
  Values combine(mlir::Region& region, llvm::ArrayRef<llvm::Value*> left, llvm::ArrayRef<llvm::Value*> right);
  Values startAccumulating(mlir::Region& region, Values first);
  Values accumulate(mlir::Region& region, llvm::ArrayRef<llvm::Value*> sums,
                    llvm::ArrayRef<llvm::Value*> next);
  Values reduceRow(tt::ReduceOp op, int64_t length, const LaneIndex& row, unsigned width);
  Values reduceAcross(tt::ReduceOp op, int64_t length, unsigned shift, const LaneIndex& results);
  void emitScan(tt::ScanOp op);
  void emitMapElementwise(tt::MapElementwiseOp op);
  void emitInlineAssembly(tt::ElementwiseInlineAsmOp op);
  void emitPacks(tt::ElementwiseInlineAsmOp op, unsigned group, unsigned width,
                 llvm::function_ref<LaneIndex(unsigned)> member);
  llvm::Value* packWord(llvm::ArrayRef<llvm::Value*> elements, unsigned bits);

  // dot.cpp, dot_kernel.cpp, dot_scaled.cpp
  struct Matrices {
    llvm::Value *a = nullptr, *b = nullptr, *c = nullptr; ///< dense row-major tiles in one type
    int64_t batch = 1, m = 1, n = 1, k = 1;
    llvm::Type* element = nullptr;
    bool packed = false; ///< b holds panels of the kernel's columns, one after another: each is k lines
    bool pairs = false;  ///< a and b are bf16, two neighbours along k in a word; b is packed
  };
  /// What one kernel keeps in registers: rows x (vectors of width) of c.
  struct Panel {
    unsigned rows, vectors, width;
    unsigned columns() const { return vectors * width; }
  };
  Panel panelFor(const Matrices& matrices) const;
  void emitDot(tt::DotOp op);
  void emitDotScaled(tt::DotScaledOp op);
  void fillScaled(tt::DotScaledOp op, bool left, llvm::Value* tile, int64_t rows, int64_t columns);
  llvm::Value* decodeScaled(llvm::Value* bits, tt::ScaleDotElemType format, mlir::MLIRContext* context);
  llvm::Value* applyScale(llvm::Value* value, llvm::Value* scale, mlir::Type scaleType, mlir::Type narrow,
                          bool checkNan);
  llvm::Value* prepareAccumulator(mlir::Operation& op, mlir::Value c, mlir::Value d, mlir::Type compute,
                                  unsigned temporary);
  void finishAccumulator(mlir::Value d, llvm::Value* accumulator, mlir::Type compute);
  llvm::Value* dotOperand(mlir::Operation& op, mlir::Value value, mlir::Type compute, unsigned temporary,
                          const Matrices* panels = nullptr);
  bool dotsPairs(tt::DotOp op) const;
  llvm::Value* dotPairs(tt::DotOp op, mlir::Value value, unsigned temporary,
                        const Matrices* panels = nullptr);
  void fillPairs(llvm::Value* tile, mlir::Value value, unsigned columns);
  void multiply(const Matrices& matrices);
  bool fitsTiles(const Matrices& matrices) const;
  llvm::Constant* tileConfiguration();
  void multiplyTiles(const Matrices& matrices);
  llvm::Value* multiplyAdd(const Matrices& matrices, llvm::Value* factor, llvm::Value* right,
                           llvm::Value* sum);
  void multiplyPanel(const Matrices& matrices, const Panel& panel, llvm::Value* batch, llvm::Value* row,
                     llvm::Value* columnPanel);

  // shapes.cpp
  void emitJoin(tt::JoinOp op);
  void emitCat(tt::CatOp op);
  void emitHistogram(tt::HistogramOp op);

  // atomics.cpp
  void emitAtomic(mlir::Operation& op);
  llvm::Value* atomicElement(mlir::Operation& op, llvm::Value* address, llvm::Value* value,
                             llvm::Value* compare);
  llvm::Value* readModifyWrite(tt::RMWOp kind, mlir::Type element, llvm::Value* address, llvm::Value* value,
                               llvm::AtomicOrdering ordering);
  Values when(llvm::Value* condition, llvm::function_ref<Values()> body, Values otherwise);

  // control.cpp
  void emitRegion(mlir::Region& region, llvm::function_ref<void(mlir::Operation&)> onReturn);
  void emitBlock(mlir::Block& block);
  void emitFor(mlir::scf::ForOp op);
  void emitIf(mlir::scf::IfOp op);
  void emitWhile(mlir::scf::WhileOp op);
  void emitCall(tt::CallOp op);
  void emitBranch(mlir::Operation& op);
  void branchTo(mlir::Block* block, mlir::ValueRange operands, mlir::Operation& op, unsigned successor);
  using Phis = llvm::SmallVector<llvm::PHINode*, 4>;
  Phis makePhis(llvm::BasicBlock* block, mlir::TypeRange types);
  void addIncoming(const Phis& phis, mlir::ValueRange values);
  llvm::Value* addSteps(llvm::Value* offset, mlir::Value yielded, mlir::Value argument);
  llvm::BasicBlock* newBlock(const char* name) { return llvm::BasicBlock::Create(context_, name, function_); }

  // diagnostics.cpp
  void emitAssert(tt::AssertOp op);
  void emitPrint(tt::PrintOp op);
  llvm::Value* globalText(llvm::StringRef text);
  llvm::FunctionCallee runtime(llvm::StringRef name, llvm::Type* result,
                               llvm::ArrayRef<llvm::Type*> parameters);

  llvm::Module& module_;
  llvm::LLVMContext& context_;
  Builder builder_;
  const Plan& plan_;
  const Plan::Callees& callees_;
  const tt::AxisInfoAnalysis& facts_;
  Scopes scopes_;
  Indexing indexing_;
  FloatFormats formats_;
  std::optional<Error> error_;

  llvm::Function* function_ = nullptr;
  llvm::Value *grid_ = nullptr, *scratch_ = nullptr, *program_ = nullptr, *trash_ = nullptr;
  llvm::Constant* zeros_ = nullptr; ///< where masked-off lanes read
  llvm::DenseMap<mlir::Value, llvm::Value*> scalars_;
  llvm::DenseMap<mlir::Value, llvm::Value*> carriedOffsets_;
  llvm::DenseMap<mlir::Block*, llvm::BasicBlock*> blocks_;
  llvm::DenseMap<mlir::Value, llvm::Value*> constants_; ///< dense constants as global tiles
  llvm::function_ref<void(mlir::Operation&)> onReturn_;
  llvm::DenseMap<mlir::Operation*, llvm::SmallVector<mlir::Value>>
      pending_; ///< tiles that an operation fills
  llvm::DenseSet<mlir::Value> unfilled_;
  llvm::Value* programs_ = nullptr; ///< instances in the launch
  bool streaming_ = false;          ///< stores that go past the caches are being emitted
  bool streamed_ = false;           ///< some were
};

} // namespace tuned::cpu
