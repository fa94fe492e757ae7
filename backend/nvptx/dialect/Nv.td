// The dialect `nv`: where tensors lie on an NVIDIA multiprocessor. It is on top of `tt`: a layout pass gives every
// tensor an encoding, and conversions become operations.
//
// Asynchronous copies of a loop's loads go to shared memory that is private to the thread: each thread reads back
// what it copied itself, in the loads' own layout, so that no barrier is needed. Barriers in memory (mbarrier), wgmma
// and bulk tensor copies, whose buffers threads share, belong here too when they come.
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

def Nv_PrivateMemoryOp : Nv_Op<"private_memory"> {
  let summary = "shared memory, aligned to 16 bytes, that lasts as long as the kernel; its offset";
  let arguments = (ins I32Attr:$bytes);
  let results = (outs I32:$offset);
  let assemblyFormat = "attr-dict";
}

def Nv_CopyAsyncOp : Nv_Op<"copy_async"> {
  let summary = "starts copying what the pointers name to private memory at `offset`, masked lanes as zero, all of them unless `when`";
  let arguments = (ins I32:$offset, AnyRankedTensor:$ptrs, Optional<AnyRankedTensor>:$mask, I1:$when);
  let assemblyFormat = "$offset `,` $ptrs (`,` $mask^)? `when` $when attr-dict `:` type($ptrs) (`,` type($mask)^)?";
}

def Nv_CommitCopiesOp : Nv_Op<"commit_copies"> {
  let summary = "the copies since the last commit are a group";
  let assemblyFormat = "attr-dict";
}

def Nv_AwaitCopiesOp : Nv_Op<"await_copies"> {
  let summary = "waits until all but the last `pending` groups of the thread are done";
  let arguments = (ins I32Attr:$pending);
  let assemblyFormat = "attr-dict";
}

def Nv_ReadCopyOp : Nv_Op<"read_copy"> {
  let summary = "what nv.copy_async brought to `offset`, in the layout of its pointers";
  let arguments = (ins I32:$offset);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$offset attr-dict `:` type($result)";
}

def Nv_BarrierOp : Nv_Op<"barrier"> {
  let summary = "all threads of the CTA wait for each other's accesses to shared memory";
  let assemblyFormat = "attr-dict";
}

#endif
