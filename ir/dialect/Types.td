// Pointers and tensor descriptors, and the type constraints of operands.
#ifndef TUNED_IR_DIALECT_TYPES
#define TUNED_IR_DIALECT_TYPES

include "ir/dialect/Base.td"

class TT_TypeDef<string name, string keyword> : TypeDef<TT_Dialect, name> {
  let mnemonic = keyword;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

// !tt.ptr<f32>, !tt.ptr<f32, 3>; a tensor pointee makes it a block pointer (up to Triton 3.7).
def TT_PointerType : TT_TypeDef<"Pointer", "ptr"> {
  let parameters = (ins "::mlir::Type":$pointeeType, "int":$addressSpace);
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::Type":$pointee, CArg<"int", "1">:$space), [{
    return $_get(pointee.getContext(), pointee, space);
  }]>];
  let skipDefaultBuilders = 1;
}

// !tt.tensordesc<tensor<128x64xf16>>; Triton 3.8 prints !tt.tensordesc<128x64xf16>.
def TT_TensorDescType : TT_TypeDef<"TensorDesc", "tensordesc"> {
  let parameters = (ins "::mlir::RankedTensorType":$blockType);
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::RankedTensorType":$block), [{
    return $_get(block.getContext(), block);
  }]>];
  let skipDefaultBuilders = 1;
}

class TT_ScalarOrTensor<Type scalar, string what>
    : AnyTypeOf<[scalar, RankedTensorOf<[scalar]>], what # " or a tensor of them">;

def TT_Element : AnyTypeOf<[AnyFloat, AnySignlessInteger, TT_PointerType], "float, integer or pointer">;
def TT_Tensor : RankedTensorOf<[TT_Element], [], "tensor">;
def TT_IntTensor : RankedTensorOf<[AnySignlessInteger]>;
def TT_FloatTensor : RankedTensorOf<[AnyFloat]>;
def TT_BoolTensor : RankedTensorOf<[I1]>;
def TT_ArithValue : AnyTypeOf<[TT_Element, TT_Tensor], "float, integer, pointer or a tensor of them">;
def TT_IntLike : TT_ScalarOrTensor<AnySignlessInteger, "integer">;
def TT_FloatLike : TT_ScalarOrTensor<AnyFloat, "float">;
def TT_BoolLike : TT_ScalarOrTensor<I1, "i1">;
def TT_PtrLike : TT_ScalarOrTensor<TT_PointerType, "pointer">;

// `to` is what `from`'s type gives through a function of ir/dialect/Shapes.h; absent operands match.
class TT_Infers<string message, string from, string to, string function>
    : TypesMatchWith<message, from, to, "::tuned::tt::" # function # "($_self)">;
class TT_OptionalInfers<string message, string from, string to, string function, int required>
    : TypesMatchWith<message, from, to, "::tuned::tt::" # function # "($_self)",
                     "($_op.getNumOperands() <= " # required # ") || std::equal_to<>()">;

#endif
