#include "client/python/src/call.h"

#include <cstring>

namespace tuned::python {
namespace {

enum Tag : uint64_t { integer = 1, real, array, object, descriptor };

constexpr size_t mostAxes = 5; ///< of a descriptor
constexpr size_t mostWordsOfValue = 2 + 3 + 3 * (1 + mostAxes);
PyObject* descriptorType = nullptr;

bool isWord(PyObject* name, PyObject* interned, const char* word) {
  return name == interned || PyUnicode_CompareWithASCIIString(name, word) == 0;
}

bool describeNumber(PyObject* value, Call& call, bool& known) {
  known = true;
  if (PyBool_Check(value)) {
    call.add(object);
    call.add(reinterpret_cast<uintptr_t>(value));
  } else if (PyLong_Check(value)) {
    int overflow = 0;
    call.add(integer);
    call.add(static_cast<uint64_t>(PyLong_AsLongLongAndOverflow(value, &overflow)));
    return overflow == 0;
  } else if (PyFloat_Check(value)) {
    const double number = PyFloat_AsDouble(value);
    uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof number);
    call.add(real);
    call.add(bits);
  } else {
    known = false;
  }
  return true;
}

bool describeArray(PyObject* value, const ArrayType& type, Call& call, size_t at) {
  ArrayView seen;
  if (!view(value, type, seen) || seen.keeper) {
    PyErr_Clear();
    return false;
  }
  call.addresses[at] = seen.address;
  call.bytes[at] = static_cast<uint64_t>(seen.reach) * seen.bits / 8;
  call.elementBytes = seen.bits / 8U;
  if (seen.deviceType == cudaDevice && !call.deviceArray) {
    call.deviceArray = &type;
    call.deviceIndex = seen.deviceIndex;
  }
  call.add(uint64_t{array} | uint64_t{seen.code} << 8 | uint64_t{seen.bits} << 16 |
           uint64_t{seen.address % 16 == 0} << 24 | static_cast<uint64_t>(seen.deviceType) << 25);
  call.add(static_cast<uint32_t>(seen.deviceIndex));
  call.add(static_cast<uint64_t>(seen.reach));
  return true;
}

/// A sequence of integers as words behind their number; false with or without an exception.
bool addNumbers(PyObject* value, const char* name, Call& call, std::array<int64_t, mostAxes>& out,
                size_t& count) {
  const Ref list(PyObject_GetAttrString(value, name));
  const Py_ssize_t length = list ? PySequence_Size(list.get()) : -1;
  if (length < 0 || static_cast<size_t>(length) > mostAxes) return false;
  count = static_cast<size_t>(length);
  call.add(count);
  for (size_t i = 0; i < count; ++i) {
    const Ref item(PySequence_GetItem(list.get(), static_cast<Py_ssize_t>(i)));
    out[i] = item ? PyLong_AsLongLong(item.get()) : -1;
    if (PyErr_Occurred()) return false;
    call.add(static_cast<uint64_t>(out[i]));
  }
  return true;
}

/// Its address is its array's; it reaches as far as its shape and strides do.
bool describeDescriptor(PyObject* value, Call& call, size_t at) {
  const Ref base(PyObject_GetAttrString(value, "base"));
  const Ref padding(base ? PyObject_GetAttrString(value, "padding") : nullptr);
  if (base && !padding) PyErr_Clear(); // of a release that only pads with zeros
  const ArrayType* type = base ? typeOf(base.get()) : nullptr;
  call.add(descriptor);
  call.add(padding ? static_cast<uint64_t>(PyObject_Hash(padding.get())) : 0);
  std::array<int64_t, mostAxes> shape, strides, block;
  size_t rank = 0, steps = 0, blocks = 0;
  if (!type || !isArray(*type) || !describeArray(base.get(), *type, call, at) ||
      !addNumbers(value, "shape", call, shape, rank) || !addNumbers(value, "strides", call, strides, steps) ||
      !addNumbers(value, "block_shape", call, block, blocks) || rank != steps || rank != blocks || rank == 0)
    return false;
  uint64_t last = 0;
  for (size_t i = 0; i < rank; ++i)
    last += static_cast<uint64_t>(shape[i] - 1) * static_cast<uint64_t>(strides[i]);
  call.bytes[at] = (last + 1) * call.elementBytes;
  return true;
}

} // namespace

void takeDescriptorType(PyObject* type) {
  const Ref former(std::exchange(descriptorType, type == Py_None ? nullptr : Ref::borrowed(type).release()));
}

bool collect(const std::vector<Ref>& names, PyObject* args, PyObject* keywords, Call& call) {
  const auto positional = static_cast<size_t>(PyTuple_Size(args));
  if (positional > names.size() || positional > maxValues) return false;
  for (size_t i = 0; i < positional; ++i) {
    call.values[i] = PyTuple_GetItem(args, static_cast<Py_ssize_t>(i));
    call.names[i] = names[i].get();
  }
  call.count = positional;
  const bool bound = call.grid != nullptr; // by kernel[grid], whose run() refuses a second grid or warmup
  static PyObject* const gridName = PyUnicode_InternFromString("grid");
  static PyObject* const warmupName = PyUnicode_InternFromString("warmup");
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; keywords && PyDict_Next(keywords, &at, &name, &value);) {
    if (isWord(name, gridName, "grid")) {
      if (bound) return false;
      call.grid = value;
    } else if (isWord(name, warmupName, "warmup")) {
      if (bound || value != Py_False) return false;
    } else {
      if (call.count == maxValues) return false;
      call.values[call.count] = value;
      call.names[call.count++] = name;
      call.add(static_cast<uint64_t>(PyObject_Hash(name)));
    }
  }
  return call.grid != nullptr;
}

bool describe(Call& call) {
  for (size_t i = 0; i < call.count; ++i) {
    PyObject* value = call.values[i];
    bool known = false;
    call.addresses[i] = 0;
    if (call.wordCount + mostWordsOfValue > maxWords) return false;
    if (!describeNumber(value, call, known)) return false;
    if (known) continue;
    if (descriptorType && reinterpret_cast<PyObject*>(Py_TYPE(value)) == descriptorType) {
      if (!describeDescriptor(value, call, i)) return false;
      continue;
    }
    const ArrayType* type = value == Py_None ? nullptr : typeOf(value);
    if (type && isArray(*type)) {
      if (!describeArray(value, *type, call, i)) return false;
    } else {
      call.add(object);
      call.add(reinterpret_cast<uintptr_t>(value));
    }
  }
  return call.wordCount > 0;
}

} // namespace tuned::python
