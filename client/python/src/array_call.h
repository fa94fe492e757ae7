// A call of a kernel on arrays: which they are, what they are, and the stream that they are launched on.
#pragma once

#include "client/python/src/array.h"

#include <vector>

namespace tuned::python {

constexpr size_t maxBuffers = 16;
constexpr size_t maxKeyWords = maxBuffers * (2 + maxDimensions);

struct ArrayCall {
  explicit ArrayCall(size_t count) : views(count) {}
  std::array<PyObject*, maxBuffers> arrays = {}; ///< borrowed
  std::array<const ArrayType*, maxBuffers> types;
  Views<maxBuffers> views;
  std::array<const void*, maxBuffers> addresses;
  std::array<uint64_t, maxKeyWords> key;
  size_t words = 0;
  bool onDevice = false; ///< some array is on a CUDA device
  bool streamGiven = false;
  const ArrayType* streamOwner = nullptr; ///< the library whose current stream it is; null: nobody's
  void* stream = nullptr;
  bool streamSettled = false; ///< somebody said it, or was told of it: it stays as it is
};

/// Views the arrays, whose types are known. Libraries are told of the stream, so that what makes their arrays
/// is waited for there; array interfaces, which can only name one, are therefore asked before. `self` is
/// asked for streams that no library tells in C (its _stream). False with an exception.
bool viewAll(PyObject* self, const std::vector<Ref>& names, ArrayCall& call);

} // namespace tuned::python
