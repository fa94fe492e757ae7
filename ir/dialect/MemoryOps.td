// Pointers into memory, loads, stores and atomics.
include "ir/dialect/Types.td"
include "ir/dialect/Enums.td"

def TT_AddPtrOp : TT_Op<"addptr", [Pure, Elementwise, AllTypesMatch<["ptr", "result"]>]> {
  let summary = "ptr + offset, counted in elements; the offset is signed";
  let arguments = (ins TT_PtrLike:$ptr, TT_IntLike:$offset);
  let results = (outs TT_PtrLike:$result);
  let assemblyFormat = "$ptr `,` $offset attr-dict `:` type($result) `,` type($offset)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def TT_LoadOp : TT_Op<"load", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    TT_Infers<"result is what ptr points to", "ptr", "result", "loadedType">,
    OptionalTypesMatchWith<"mask is i1 in ptr's shape", "ptr", "mask", "::tuned::tt::maskType($_self)">,
    OptionalTypesMatchWith<"other is what ptr points to", "ptr", "other", "::tuned::tt::loadedType($_self)">]> {
  let summary = "masked lanes give `other`, and an undefined value without it";
  let arguments = (ins TT_PtrLike:$ptr, Optional<TT_BoolLike>:$mask, Optional<TT_ArithValue>:$other,
    DefaultValuedAttr<DenseI32ArrayAttr, "::llvm::ArrayRef<int32_t>{}">:$boundaryCheck,
    OptionalAttr<TT_PaddingOption>:$padding,
    DefaultValuedAttr<TT_CacheModifier, "::tuned::tt::CacheModifier::NONE">:$cache,
    DefaultValuedAttr<TT_EvictionPolicy, "::tuned::tt::EvictionPolicy::NORMAL">:$evict,
    DefaultValuedAttr<BoolAttr, "false">:$isVolatile);
  let results = (outs TT_ArithValue:$result);
  let assemblyFormat = [{ $ptr (`,` $mask^)? (`,` $other^)?
    oilist(`cacheModifier` `=` $cache | `evictionPolicy` `=` $evict) attr-dict `:` type($ptr) }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def TT_StoreOp : TT_Op<"store", [
    TT_Infers<"value is what ptr points to", "ptr", "value", "loadedType">,
    OptionalTypesMatchWith<"mask is i1 in ptr's shape", "ptr", "mask", "::tuned::tt::maskType($_self)">]> {
  let summary = "lanes whose mask is false are left as they are";
  let arguments = (ins Arg<TT_PtrLike, "", [MemWriteAt<0, FullEffect>]>:$ptr, TT_ArithValue:$value,
    Optional<TT_BoolLike>:$mask,
    DefaultValuedAttr<DenseI32ArrayAttr, "::llvm::ArrayRef<int32_t>{}">:$boundaryCheck,
    DefaultValuedAttr<TT_CacheModifier, "::tuned::tt::CacheModifier::NONE">:$cache,
    DefaultValuedAttr<TT_EvictionPolicy, "::tuned::tt::EvictionPolicy::NORMAL">:$evict);
  let assemblyFormat = [{ $ptr `,` $value (`,` $mask^)?
    oilist(`cacheModifier` `=` $cache | `evictionPolicy` `=` $evict) attr-dict `:` type($ptr) }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def TT_AtomicRMWOp : TT_Op<"atomic_rmw", [MemoryEffects<[MemRead, MemWrite]>,
    TT_Infers<"value is what ptr points to", "ptr", "val", "loadedType">,
    OptionalTypesMatchWith<"mask is i1 in ptr's shape", "ptr", "mask", "::tuned::tt::maskType($_self)">]> {
  let summary = "gives the value before; undefined where the mask is false";
  let arguments = (ins TT_RMWOp:$atomic_rmw_op, TT_PtrLike:$ptr, TT_ArithValue:$val, Optional<TT_BoolLike>:$mask,
    TT_MemSemantic:$sem, TT_MemSyncScope:$scope);
  let results = (outs TT_ArithValue:$result);
  let assemblyFormat = [{ $atomic_rmw_op `,` $sem `,` $scope `,` $ptr `,` $val (`,` $mask^)? attr-dict `:`
    functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def TT_AtomicCASOp : TT_Op<"atomic_cas", [MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["cmp", "val", "result"]>,
    TT_Infers<"value is what ptr points to", "ptr", "val", "loadedType">]> {
  let summary = "stores val where memory equals cmp (bits compared); gives the value before";
  let arguments = (ins TT_PtrLike:$ptr, TT_ArithValue:$cmp, TT_ArithValue:$val, TT_MemSemantic:$sem,
    TT_MemSyncScope:$scope);
  let results = (outs TT_ArithValue:$result);
  let assemblyFormat = [{ $sem `,` $scope `,` $ptr `,` $cmp `,` $val attr-dict `:`
    functional-type(operands, $result) }];
}

def TT_IntToPtrOp : TT_Op<"int_to_ptr", [Pure, Elementwise, SameOperandsAndResultShape]> {
  let arguments = (ins TT_IntLike:$src);
  let results = (outs TT_PtrLike:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
}

def TT_PtrToIntOp : TT_Op<"ptr_to_int", [Pure, Elementwise, SameOperandsAndResultShape]> {
  let arguments = (ins TT_PtrLike:$src);
  let results = (outs TT_IntLike:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
}

def TT_MakeTensorPtrOp : TT_Op<"make_tensor_ptr", [Pure, AttrSizedOperandSegments,
    TT_Infers<"base points to the block's elements", "result", "base", "blockBase">]> {
  let summary = "a block pointer (until Triton 3.7); simplify() turns it into tensors of pointers";
  let arguments = (ins TT_PointerType:$base, Variadic<I64>:$shape, Variadic<I64>:$strides, Variadic<I32>:$offsets,
    DenseI32ArrayAttr:$order);
  let results = (outs TT_PointerType:$result);
  let assemblyFormat = "$base `,` `[` $shape `]` `,` `[` $strides `]` `,` `[` $offsets `]` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def TT_AdvanceOp : TT_Op<"advance", [Pure, AllTypesMatch<["ptr", "result"]>]> {
  let summary = "moves a block pointer by offsets, one a dimension";
  let arguments = (ins TT_PointerType:$ptr, Variadic<I32>:$offsets);
  let results = (outs TT_PointerType:$result);
  let assemblyFormat = "$ptr `,` `[` $offsets `]` attr-dict `:` type($result)";
  let hasVerifier = 1;
}
