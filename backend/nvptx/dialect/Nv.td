// The dialect `nv`: where tensors lie on an NVIDIA multiprocessor. It is on top of `tt`: a layout pass gives every
// tensor an encoding, and conversions become operations.
//
// Asynchronous copies, barriers in memory (mbarrier), wgmma and bulk tensor copies belong here too when loops are
// pipelined: operations on buffers in shared memory, whose layouts are the same linear maps.
#ifndef TUNED_NV_DIALECT
#define TUNED_NV_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Nv_Dialect : Dialect {
  let name = "nv";
  let cppNamespace = "::tuned::nvptx";
  let summary = "layouts of tensors over registers, lanes and warps";
  let useDefaultAttributePrinterParser = 1;
}

def Nv_LinearAttr : AttrDef<Nv_Dialect, "Linear"> {
  let mnemonic = "linear";
  let summary = "element indices (row-major) that the bits of register, lane and warp numbers add by XOR";
  let parameters = (ins OptionalArrayRefParameter<"int32_t">:$registers, OptionalArrayRefParameter<"int32_t">:$lanes,
    OptionalArrayRefParameter<"int32_t">:$warps);
  let assemblyFormat = "`<` `registers` `=` `[` (`]`) : ($registers^ `]`)? `,` `lanes` `=` `[` (`]`) : ($lanes^ `]`)? `,` `warps` `=` `[` (`]`) : ($warps^ `]`)? `>`";
}

class Nv_Op<string mnemonic, list<Trait> traits = []> : Op<Nv_Dialect, mnemonic, traits>;

def Nv_ConvertLayoutOp : Nv_Op<"convert_layout", [Pure, SameOperandsAndResultShape,
    SameOperandsAndResultElementType]> {
  let summary = "the same tensor in another layout";
  let arguments = (ins AnyRankedTensor:$src);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasFolder = 1;
}

def Nv_ConvertLayoutsOp : Nv_Op<"convert_layouts", [Pure]> {
  let summary = "several tensors, each into another layout, through shared memory with one wait for all";
  let arguments = (ins Variadic<AnyRankedTensor>:$srcs);
  let results = (outs Variadic<AnyRankedTensor>:$converted);
  let assemblyFormat = "$srcs attr-dict `:` type($srcs) `->` type($converted)";
}

def Nv_BarrierOp : Nv_Op<"barrier"> {
  let summary = "all threads of the CTA wait for each other's accesses to shared memory";
  let assemblyFormat = "attr-dict";
}

#endif
