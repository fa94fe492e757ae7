// The numbers of Tile IR bytecode 13.3: operations and the words in their attributes, after the public
// specification.
#pragma once

#include <cstdint>

namespace tuned::tileir {

enum class Opcode : uint8_t {
  AbsF = 0,
  AbsI = 1,
  AddF = 2,
  AddI = 3,
  AndI = 4,
  Assert = 5,
  Assume = 6,
  AtomicCas = 7,
  AtomicRmw = 8,
  Bitcast = 9,
  Break = 10,
  Broadcast = 11,
  Cat = 12,
  Ceil = 13,
  CmpF = 14,
  CmpI = 15,
  Constant = 16,
  Continue = 17,
  Cos = 18,
  Cosh = 19,
  DivF = 20,
  DivI = 21,
  Exp = 23,
  Exp2 = 24,
  ExtI = 37,
  Extract = 38,
  Floor = 39,
  Fma = 40,
  For = 41,
  FToF = 42,
  FToI = 43,
  GetNumTileBlocks = 46,
  GetTileBlockId = 48,
  If = 50,
  IntToPtr = 51,
  Iota = 58,
  IToF = 59,
  JoinTokens = 60,
  LoadPtr = 61,
  LoadView = 62,
  Log = 63,
  Log2 = 64,
  Loop = 65,
  MakePartitionView = 66,
  MakeTensorView = 67,
  MakeToken = 68,
  MaxF = 69,
  MaxI = 70,
  MinF = 71,
  MinI = 72,
  MmaF = 73,
  MmaI = 74,
  MulF = 76,
  MulhiI = 77,
  MulI = 78,
  NegF = 79,
  NegI = 80,
  Offset = 81,
  OrI = 82,
  Permute = 83,
  Pow = 84,
  PtrToInt = 86,
  PtrToPtr = 87,
  Reduce = 88,
  RemF = 89,
  RemI = 90,
  Reshape = 91,
  Return = 92,
  Rsqrt = 93,
  Scan = 94,
  Select = 95,
  ShlI = 96,
  ShrI = 97,
  Sin = 98,
  Sinh = 99,
  Sqrt = 100,
  StorePtr = 101,
  StoreView = 102,
  SubF = 103,
  SubI = 104,
  Tan = 105,
  Tanh = 106,
  TruncI = 107,
  XorI = 108,
  Yield = 109,
  Atan2 = 110,
  MakeStridedView = 116,
  AtomicRedView = 117,
};

enum class Rounding : uint8_t {
  Nearest = 0,
  Zero = 1,
  Down = 2,
  Up = 3,
  Approximate = 4,
  Full = 5,
  ToInt = 6
};
/// Of divi: 0 is for operations that have no choice.
enum class DivRounding : uint8_t { Zero = 1, Floor = 2, Ceil = 3 };
enum class Overflow : uint8_t { None = 0, NoSigned = 1, NoUnsigned = 2, Neither = 3 };
enum class Sign : uint8_t { Unsigned = 0, Signed = 1 };
enum class Predicate : uint8_t {
  Equal = 0,
  NotEqual = 1,
  Less = 2,
  LessEqual = 3,
  Greater = 4,
  GreaterEqual = 5
};
enum class Order : uint8_t { Weak = 0, Relaxed = 1, Acquire = 2, Release = 3, AcquireRelease = 4 };
enum class Scope : uint8_t { TileBlock = 0, Device = 1, System = 2 };
enum class Rmw : uint8_t {
  And = 0,
  Or = 1,
  Xor = 2,
  Add = 3,
  AddF = 4,
  Max = 5,
  Min = 6,
  UMax = 7,
  UMin = 8,
  Exchange = 9
};
enum class Padding : uint8_t { Zero = 0, NegativeZero = 1, Nan = 2, Infinity = 3, NegativeInfinity = 4 };

} // namespace tuned::tileir
