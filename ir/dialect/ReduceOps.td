// Reductions, scans and elementwise maps by a region.
include "ir/dialect/Types.td"
include "ir/dialect/Enums.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

class TT_RegionOp<string mnemonic, list<Trait> traits = []>
    : TT_Op<mnemonic, [SingleBlock, RecursiveMemoryEffects, RecursivelySpeculatable] # traits> {
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}
class TT_RegionReturnOp<string mnemonic, string parent>
    : TT_Op<mnemonic, [HasParent<parent>, Pure, Terminator, ReturnLike]> {
  let arguments = (ins Variadic<TT_Element>:$result);
  let assemblyFormat = "$result attr-dict `:` type($result)";
}

def TT_ReduceOp : TT_RegionOp<"reduce"> {
  let summary = "combines along axis; one-dimensional sources give scalars; what does not commute is combined in order";
  let arguments = (ins Variadic<TT_Tensor>:$srcs, I32Attr:$axis);
  let results = (outs Variadic<TT_ArithValue>:$result);
  let regions = (region SizedRegion<1>:$combineOp);
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$srcs, "int":$axis)>];
}
def TT_ReduceReturnOp : TT_RegionReturnOp<"reduce.return", "ReduceOp">;

def TT_ScanOp : TT_RegionOp<"scan", [SameOperandsAndResultShape]> {
  let summary = "inclusive scan along axis, from the end with reverse";
  let arguments = (ins Variadic<TT_Tensor>:$srcs, I32Attr:$axis, BoolAttr:$reverse);
  let results = (outs Variadic<TT_Tensor>:$result);
  let regions = (region SizedRegion<1>:$combineOp);
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$srcs, "int":$axis, "bool":$reverse)>];
}
def TT_ScanReturnOp : TT_RegionReturnOp<"scan.return", "ScanOp">;

def TT_MapElementwiseOp : TT_Op<"map_elementwise", [SameOperandsAndResultShape, RecursiveMemoryEffects]> {
  let summary = "applies the region to `pack` neighbouring elements of every source at a time";
  let arguments = (ins Variadic<TT_Tensor>:$srcs, I32Attr:$pack);
  let results = (outs Variadic<TT_Tensor>:$result);
  let regions = (region AnyRegion:$scalarOp);
  let hasRegionVerifier = 1;
}
def TT_MapElementwiseReturnOp : TT_RegionReturnOp<"map_elementwise.return", "MapElementwiseOp">;
