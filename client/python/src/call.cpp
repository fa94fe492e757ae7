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

/// The integer's words; false when it is beyond 64 bits.
bool describeInteger(PyObject* value, Call& call) {
  int overflow = 0;
  call.add(integer);
  call.add(static_cast<uint64_t>(PyLong_AsLongLongAndOverflow(value, &overflow)));
  return overflow == 0;
}

void describeReal(PyObject* value, Call& call) {
  const double number = PyFloat_AsDouble(value);
  uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof number);
  call.add(real);
  call.add(bits);
}

void describeObject(PyObject* value, Call& call) {
  call.add(object);
  call.add(reinterpret_cast<uintptr_t>(value));
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

bool addNumber(PyObject* item, int64_t& out, Call& call) {
  out = item ? PyLong_AsLongLong(item) : -1;
  call.add(static_cast<uint64_t>(out));
  return out != -1 || !PyErr_Occurred();
}

/// A sequence of integers as words behind their number; false with or without an exception.
bool addNumbers(PyObject* value, PyObject* name, Call& call, std::array<int64_t, mostAxes>& out,
                size_t& count) {
  const Ref list(PyObject_GetAttr(value, name));
  const bool isList = list && PyList_Check(list.get());
  const Py_ssize_t length = isList ? PyList_Size(list.get()) : list ? PySequence_Size(list.get()) : -1;
  if (length < 0 || static_cast<size_t>(length) > mostAxes) return false;
  count = static_cast<size_t>(length);
  call.add(count);
  for (Py_ssize_t i = 0; i < length; ++i) {
    int64_t& number = out[static_cast<size_t>(i)];
    const bool told = isList ? addNumber(PyList_GetItem(list.get(), i), number, call)
                             : addNumber(Ref(PySequence_GetItem(list.get(), i)).get(), number, call);
    if (!told) return false;
  }
  return true;
}

/// What Triton's tensor descriptors are told by.
struct Words {
  PyObject* base = PyUnicode_InternFromString("base");
  PyObject* padding = PyUnicode_InternFromString("padding");
  PyObject* shape = PyUnicode_InternFromString("shape");
  PyObject* strides = PyUnicode_InternFromString("strides");
  PyObject* block = PyUnicode_InternFromString("block_shape");
};

/// Its address is its array's; it reaches as far as its shape and strides do.
bool describeDescriptor(PyObject* value, Call& call, size_t at) {
  static const Words words;
  const Ref base(PyObject_GetAttr(value, words.base));
  const Ref padding(base ? PyObject_GetAttr(value, words.padding) : nullptr);
  if (base && !padding) PyErr_Clear(); // of a release that only pads with zeros
  const ArrayType* type = base ? typeOf(base.get()) : nullptr;
  call.add(descriptor);
  call.add(padding ? static_cast<uint64_t>(PyObject_Hash(padding.get())) : 0);
  std::array<int64_t, mostAxes> shape, strides, block;
  size_t rank = 0, steps = 0, blocks = 0;
  if (!type || !isArray(*type) || !describeArray(base.get(), *type, call, at) ||
      !addNumbers(value, words.shape, call, shape, rank) ||
      !addNumbers(value, words.strides, call, strides, steps) ||
      !addNumbers(value, words.block, call, block, blocks) || rank != steps || rank != blocks || rank == 0)
    return false;
  uint64_t last = 0;
  for (size_t i = 0; i < rank; ++i)
    last += static_cast<uint64_t>(shape[i] - 1) * static_cast<uint64_t>(strides[i]);
  call.bytes[at] = (last + 1) * call.elementBytes;
  return true;
}

void takePositional(const std::vector<Ref>& names, size_t at, PyObject* value, Call& call) {
  call.values[at] = value;
  call.names[at] = names[at].get();
  call.count = at + 1;
}

/// `bound`: the grid is there already, by kernel[grid], whose run() refuses a second grid or warmup.
bool takeKeyword(PyObject* name, PyObject* value, bool bound, Call& call) {
  static PyObject* const gridName = PyUnicode_InternFromString("grid");
  static PyObject* const warmupName = PyUnicode_InternFromString("warmup");
  if (isWord(name, gridName, "grid")) {
    call.grid = value;
    return !bound;
  }
  if (isWord(name, warmupName, "warmup")) return !bound && value == Py_False;
  if (call.count == maxValues) return false;
  call.values[call.count] = value;
  call.names[call.count++] = name;
  call.add(static_cast<uint64_t>(PyObject_Hash(name)));
  return true;
}

} // namespace

void takeDescriptorType(PyObject* type) {
  const Ref former(std::exchange(descriptorType, type == Py_None ? nullptr : Ref::borrowed(type).release()));
}

bool collect(const std::vector<Ref>& names, PyObject* args, PyObject* keywords, Call& call) {
  const auto positional = static_cast<size_t>(PyTuple_Size(args));
  if (positional > names.size() || positional > maxValues) return false;
  for (size_t i = 0; i < positional; ++i)
    takePositional(names, i, PyTuple_GetItem(args, static_cast<Py_ssize_t>(i)), call);
  const bool bound = call.grid != nullptr;
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; keywords && PyDict_Next(keywords, &at, &name, &value);)
    if (!takeKeyword(name, value, bound, call)) return false;
  return call.grid != nullptr;
}

bool collect(const std::vector<Ref>& names, PyObject* const* values, size_t positional, PyObject* keywords,
             Call& call) {
  if (positional > names.size() || positional > maxValues) return false;
  for (size_t i = 0; i < positional; ++i)
    takePositional(names, i, values[i], call);
  const bool bound = call.grid != nullptr;
  const auto named = static_cast<size_t>(keywords ? PyTuple_Size(keywords) : 0);
  for (size_t i = 0; i < named; ++i)
    if (!takeKeyword(PyTuple_GetItem(keywords, static_cast<Py_ssize_t>(i)), values[positional + i], bound,
                     call))
      return false;
  return call.grid != nullptr;
}

namespace {
/// A value of a type that has to be looked at.
bool describeOther(PyObject* value, Call& call, size_t at) {
  if (PyBool_Check(value)) {
    describeObject(value, call);
    return true;
  }
  if (PyLong_Check(value)) return describeInteger(value, call);
  if (PyFloat_Check(value)) {
    describeReal(value, call);
    return true;
  }
  if (descriptorType && reinterpret_cast<PyObject*>(Py_TYPE(value)) == descriptorType)
    return describeDescriptor(value, call, at);
  const ArrayType* type = value == Py_None ? nullptr : typeOf(value);
  if (type && isArray(*type)) return describeArray(value, *type, call, at);
  describeObject(value, call);
  return true;
}
} // namespace

bool describe(Call& call) {
  for (size_t i = 0; i < call.count; ++i) {
    PyObject* value = call.values[i];
    call.addresses[i] = 0;
    if (call.wordCount + mostWordsOfValue > maxWords) return false;
    if (PyLong_CheckExact(value)) {
      if (!describeInteger(value, call)) return false;
    } else if (!describeOther(value, call, i)) {
      return false;
    }
  }
  return call.wordCount > 0;
}

} // namespace tuned::python
