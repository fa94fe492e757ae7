// The dialect `tt`: Triton IR as Triton 3.1 to 3.8 print it, its types' constraints and shared helpers.
#ifndef TUNED_IR_DIALECT_BASE
#define TUNED_IR_DIALECT_BASE

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def TT_Dialect : Dialect {
  let name = "tt";
  let cppNamespace = "::tuned::tt";
  let summary = "tile programs: tensors of pointers, loads, dots, reductions";
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let hasConstantMaterializer = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
  private:
    void registerTypes();
    void registerControlOps();
    void registerDescriptorOps();
    void registerDotOps();
    void registerMemoryOps();
    void registerReduceOps();
    void registerTensorOps();
  }];
}

class TT_Op<string mnemonic, list<Trait> traits = []> : Op<TT_Dialect, mnemonic, traits>;

// Effects on memory that is not one of ours to name: every other program sees it.
def TT_GlobalMemory : Resource<"::tuned::tt::GlobalMemory">;

#endif
