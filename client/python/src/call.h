// A call of a function whose compiler sees scalars, other values and addresses, as Triton's kernels do: all
// that its build may depend on, as words.
#pragma once

#include "client/python/src/array.h"

#include <array>
#include <vector>

namespace tuned::python {

constexpr size_t maxValues = 64;
constexpr size_t maxWords = 4 * maxValues + 64;

/// One call, as far as it was looked at. Its objects are borrowed.
struct Call {
  std::array<PyObject*, maxValues> values;
  std::array<PyObject*, maxValues> names; ///< the kernel's, or the keywords'
  std::array<uint64_t, maxValues> addresses, bytes;
  size_t count = 0;
  std::array<uint64_t, maxWords> words;
  size_t wordCount = 0;
  PyObject* grid = nullptr;
  const ArrayType* deviceArray = nullptr; ///< the type of the first array on a CUDA device
  int32_t deviceIndex = 0;
  uint64_t elementBytes = 0; ///< of the array that was looked at last

  void add(uint64_t word) { words[wordCount++] = word; }
};

/// Takes the values of a call. `names` are those of positional arguments; keywords "grid" and "warmup" are
/// Triton's, and of no call that has its grid already; `keywords` may be null. False, without an exception:
/// not a call that can be described.
bool collect(const std::vector<Ref>& names, PyObject* args, PyObject* keywords, Call& call);
/// The same of a call without tuple and dict: `values` has the positional ones, then those that `keywords` (a
/// tuple, or null) names.
bool collect(const std::vector<Ref>& names, PyObject* const* values, size_t positional, PyObject* keywords,
             Call& call);

/// Writes down what tells calls apart: exact scalars; of an array its type, device, alignment and how far it
/// reaches; of a tensor descriptor its array, shape, strides and block; of any other value which object it
/// is. False as above.
bool describe(Call& call);

/// The class of tensor descriptors (objects with base, shape, strides, block_shape and padding); null: none.
void takeDescriptorType(PyObject* type);

} // namespace tuned::python
