// _core.Calls: launches of a function whose compiler sees scalars, other values and addresses, as Triton's
// kernels do. A call is found by all that its build may depend on: exact scalars; of an array its type,
// device, alignment and how far it reaches; of any other value which object it is. A grid that is a function
// is asked each time, and the build is launched only on the grid it was found for. What is not in the table,
// or is of no kind known here, is not launched, and nothing is said: the caller has another way.
#include "client/python/src/array.h"
#include "client/python/src/table.h"

#include <cstring>
#include <memory>

namespace tuned::python {
namespace {

constexpr size_t maxValues = 64;
constexpr size_t maxWords = 4 * maxValues;

enum Tag : uint64_t { integer = 1, real, array, object };

struct Launchable {
  Ref binary;                ///< empty: not for us
  std::vector<size_t> order; ///< of each buffer, the value it is
  uint64_t written = 0;      ///< bit i: buffer i is
  std::array<long, 3> grid = {1, 1, 1};
  Ref meta;              ///< a dict: what a grid's function sees besides the arguments
  std::vector<Ref> kept; ///< objects that the key names by their address
};

struct Function {
  std::vector<Ref> names; ///< of positional arguments, interned
  Table<Launchable> table;
};

struct CallsObject {
  PyObject_HEAD Function* function;
};

/// One call, as far as it was looked at.
struct Call {
  std::array<PyObject*, maxValues> values; ///< borrowed
  std::array<PyObject*, maxValues> names;  ///< borrowed; the kernel's, or the keywords'
  std::array<uint64_t, maxValues> addresses, bytes;
  size_t count = 0;
  std::array<uint64_t, maxWords> words;
  size_t wordCount = 0;
  PyObject* grid = nullptr;
  const ArrayType* deviceArray = nullptr;
  int32_t deviceIndex = 0;
};

bool isWord(PyObject* name, const char* word) {
  return PyUnicode_CompareWithASCIIString(name, word) == 0;
}

/// False: not a call for us.
bool collect(const Function& function, PyObject* args, PyObject* keywords, Call& call) {
  const auto positional = static_cast<size_t>(PyTuple_Size(args));
  if (positional > function.names.size() || positional > maxValues) return false;
  for (size_t i = 0; i < positional; ++i) {
    call.values[i] = PyTuple_GetItem(args, static_cast<Py_ssize_t>(i));
    call.names[i] = function.names[i].get();
  }
  call.count = positional;
  static PyObject* const gridName = PyUnicode_InternFromString("grid");
  static PyObject* const warmupName = PyUnicode_InternFromString("warmup");
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(keywords, &at, &name, &value);) {
    if (name == gridName || isWord(name, "grid")) {
      call.grid = value;
    } else if (name == warmupName || isWord(name, "warmup")) {
      if (value != Py_False) return false;
    } else {
      if (call.count == maxValues) return false;
      call.values[call.count] = value;
      call.names[call.count++] = name;
      call.words[call.wordCount++] = static_cast<uint64_t>(PyObject_Hash(name));
    }
  }
  return call.grid != nullptr;
}

bool describeNumber(PyObject* value, Call& call, bool& known) {
  known = true;
  if (PyBool_Check(value)) {
    call.words[call.wordCount++] = object;
    call.words[call.wordCount++] = reinterpret_cast<uintptr_t>(value);
  } else if (PyLong_Check(value)) {
    int overflow = 0;
    call.words[call.wordCount++] = integer;
    call.words[call.wordCount++] = static_cast<uint64_t>(PyLong_AsLongLongAndOverflow(value, &overflow));
    return overflow == 0;
  } else if (PyFloat_Check(value)) {
    const double number = PyFloat_AsDouble(value);
    call.words[call.wordCount++] = real;
    std::memcpy(&call.words[call.wordCount++], &number, sizeof number);
  } else {
    known = false;
  }
  return true;
}

bool describeArray(PyObject* value, Call& call, size_t at) {
  const ArrayType* type = typeOf(value);
  ArrayView seen;
  if (!type || !view(value, *type, seen) || seen.keeper) {
    PyErr_Clear();
    return false;
  }
  call.addresses[at] = seen.address;
  call.bytes[at] = static_cast<uint64_t>(seen.reach) * seen.bits / 8;
  if (seen.deviceType == cudaDevice && !call.deviceArray) {
    call.deviceArray = type;
    call.deviceIndex = seen.deviceIndex;
  }
  call.words[call.wordCount++] = uint64_t{array} | uint64_t{seen.code} << 8 | uint64_t{seen.bits} << 16 |
                                 uint64_t{seen.address % 16 == 0} << 24 |
                                 static_cast<uint64_t>(seen.deviceType) << 25;
  call.words[call.wordCount++] = static_cast<uint32_t>(seen.deviceIndex);
  call.words[call.wordCount++] = static_cast<uint64_t>(seen.reach);
  return true;
}

bool describe(Call& call) {
  for (size_t i = 0; i < call.count; ++i) {
    PyObject* value = call.values[i];
    bool known = false;
    call.addresses[i] = 0;
    if (!describeNumber(value, call, known)) return false;
    if (known) continue;
    if (value == Py_None || !isArray(value)) {
      call.words[call.wordCount++] = object;
      call.words[call.wordCount++] = reinterpret_cast<uintptr_t>(value);
    } else if (!describeArray(value, call, i)) {
      return false;
    }
  }
  return call.wordCount > 0;
}

/// The grid that the call has now; false with or without an exception when it is none.
bool evaluate(PyObject* grid, const Call& call, const Launchable& found, std::array<long, 3>& out) {
  Ref made;
  if (!PyTuple_Check(grid) && !PyList_Check(grid)) {
    Ref meta(PyDict_Copy(found.meta.get()));
    for (size_t i = 0; meta && i < call.count; ++i)
      if (PyDict_SetItem(meta.get(), call.names[i], call.values[i]) < 0) return false;
    made = meta ? Ref(PyObject_CallFunctionObjArgs(grid, meta.get(), nullptr)) : Ref();
    if (!made) return false;
    grid = made.get();
  }
  const Py_ssize_t axes = PySequence_Size(grid);
  if (axes < 1 || axes > 3) return false;
  out = {1, 1, 1};
  for (Py_ssize_t axis = 0; axis < axes; ++axis) {
    Ref extent(PySequence_GetItem(grid, axis));
    if (!extent) return false;
    out[static_cast<size_t>(axis)] = PyLong_AsLong(extent.get());
    if (PyErr_Occurred()) return false;
  }
  return true;
}

/// Whether a buffer that is written shares memory with another one.
bool overlap(const Call& call, const Launchable& found) {
  for (size_t i = 0; i < found.order.size(); ++i) {
    if (!(found.written >> i & 1)) continue;
    const uint64_t begin = call.addresses[found.order[i]], end = begin + call.bytes[found.order[i]];
    for (size_t j = 0; j < found.order.size(); ++j) {
      const uint64_t other = call.addresses[found.order[j]];
      if (j != i && other < end && begin < other + call.bytes[found.order[j]]) return true;
    }
  }
  return false;
}

/// True, false, or null with the error of a launch.
PyObject* start(const Call& call, const Launchable& found) {
  if (overlap(call, found)) Py_RETURN_FALSE;
  void* stream = nullptr;
  if (call.deviceArray && !currentStream(*call.deviceArray, call.deviceIndex, &stream)) {
    PyErr_Clear();
    Py_RETURN_FALSE;
  }
  std::array<const void*, maxValues> buffers;
  for (size_t i = 0; i < found.order.size(); ++i)
    buffers[i] = reinterpret_cast<const void*>(call.addresses[found.order[i]]);
  const Ref binary = Ref::borrowed(found.binary.get()); // the table may change while others run
  const gputuned_kernel* kernel = binaryOf(binary.get());
  const size_t count = found.order.size();
  gputuned_status status = GPUTUNED_OK;
  if (call.deviceArray) {
    status = gputuned_launch(kernel, buffers.data(), count, stream);
  } else {
    const WithoutGil unlocked;
    status = gputuned_launch(kernel, buffers.data(), count, nullptr);
  }
  if (status == GPUTUNED_INVALID_INPUT) Py_RETURN_FALSE; // an address breaks a condition of the build
  if (status != GPUTUNED_OK) return raise(status);
  Py_RETURN_TRUE;
}

Launchable* seek(Function& function, const Call& call) {
  return function.table.find(hashWords(call.words.data(), call.wordCount), call.words.data(), call.wordCount);
}

PyObject* launch(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  Function* function = reinterpret_cast<CallsObject*>(self)->function;
  if (count != 2 || !function || !PyTuple_Check(values[0]) || !PyDict_Check(values[1])) {
    PyErr_SetString(PyExc_TypeError, "launch(args, kwargs)");
    return nullptr;
  }
  Call call;
  if (!collect(*function, values[0], values[1], call) || !describe(call)) {
    if (PyErr_Occurred()) PyErr_Clear();
    Py_RETURN_FALSE;
  }
  const Launchable* found = seek(*function, call);
  if (!found) Py_RETURN_NONE;
  if (!found->binary) Py_RETURN_FALSE;
  std::array<long, 3> grid;
  const bool told = evaluate(call.grid, call, *found, grid);
  if (!told && PyErr_Occurred()) PyErr_Clear(); // the other way meets it again, and says it as it always does
  found = told ? seek(*function, call) : nullptr; // the grid's function may have changed the table
  if (!found || !found->binary || grid != found->grid) Py_RETURN_FALSE;
  return start(call, *found);
}

bool readNumbers(PyObject* tuple, std::vector<size_t>& out, size_t below) {
  for (Py_ssize_t i = 0; i < PyTuple_Size(tuple); ++i) {
    out.push_back(PyLong_AsSize_t(PyTuple_GetItem(tuple, i)));
    if (PyErr_Occurred()) return false;
    if (out.back() >= below) {
      PyErr_SetString(PyExc_ValueError, "order: there is no such argument");
      return false;
    }
  }
  return true;
}

/// The table's entry becomes `entry`; false when such calls cannot be told apart.
PyObject* keep(Function& function, const Call& call, Launchable entry) {
  for (size_t i = 0; i < call.count; ++i)
    if (!call.addresses[i]) entry.kept.push_back(Ref::borrowed(call.values[i]));
  function.table.put(hashWords(call.words.data(), call.wordCount), call.words.data(), call.wordCount,
                     std::move(entry));
  Py_RETURN_TRUE;
}

PyObject* put(PyObject* self, PyObject* args) {
  Function* function = reinterpret_cast<CallsObject*>(self)->function;
  PyObject *positional, *keywords, *binary, *order, *written, *meta;
  Launchable entry;
  if (!function || !PyArg_ParseTuple(args, "O!O!OO!O!(lll)O!:put", &PyTuple_Type, &positional, &PyDict_Type,
                                     &keywords, &binary, &PyTuple_Type, &order, &PyTuple_Type, &written,
                                     &entry.grid[0], &entry.grid[1], &entry.grid[2], &PyDict_Type, &meta))
    return nullptr;
  Call call;
  if (!collect(*function, positional, keywords, call) || !describe(call)) {
    if (PyErr_Occurred()) PyErr_Clear();
    Py_RETURN_FALSE;
  }
  if (binary == Py_None) return keep(*function, call, std::move(entry));
  std::vector<size_t> writes;
  if (!binaryOf(binary) || !readNumbers(order, entry.order, call.count) ||
      !readNumbers(written, writes, entry.order.size()))
    return nullptr;
  for (size_t buffer : writes)
    entry.written |= uint64_t{1} << buffer;
  entry.binary = Ref::borrowed(binary);
  entry.meta = Ref::borrowed(meta);
  return keep(*function, call, std::move(entry));
}

PyObject* clear(PyObject* self, PyObject*) {
  if (Function* function = reinterpret_cast<CallsObject*>(self)->function) function->table.clear();
  Py_RETURN_NONE;
}

Py_ssize_t length(PyObject* self) {
  Function* function = reinterpret_cast<CallsObject*>(self)->function;
  return function ? static_cast<Py_ssize_t>(function->table.size()) : 0;
}

int init(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* words[] = {"names", nullptr};
  PyObject* names = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!:Calls", const_cast<char**>(words), &PyTuple_Type,
                                   &names))
    return -1;
  auto function = std::make_unique<Function>();
  for (Py_ssize_t i = 0; i < PyTuple_Size(names); ++i) {
    PyObject* name = PyTuple_GetItem(names, i);
    if (!PyUnicode_Check(name)) {
      PyErr_SetString(PyExc_TypeError, "names must be strings");
      return -1;
    }
    PyObject* kept = Ref::borrowed(name).release();
    PyUnicode_InternInPlace(&kept);
    function->names.push_back(Ref(kept));
  }
  delete std::exchange(reinterpret_cast<CallsObject*>(self)->function, function.release());
  return 0;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<CallsObject*>(self)->function;
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"launch", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(launch)), METH_FASTCALL,
     "launch(args, kwargs): True: launched; False: not for us; None: nothing is known of such a call."},
    {"put", put, METH_VARARGS,
     "put(args, kwargs, binary, order, written, grid, meta): what such a call launches (None: nothing of "
     "ours); order "
     "has of each buffer the argument it is, written which buffers are, meta what a grid's function sees "
     "besides. "
     "False: such calls cannot be told apart."},
    {"clear", clear, METH_NOARGS, "Forgets all."},
    {nullptr, nullptr, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_init, reinterpret_cast<void*>(init)},
                       {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
                       {Py_tp_methods, methods},
                       {Py_sq_length, reinterpret_cast<void*>(length)},
                       {Py_tp_doc, const_cast<char*>("Calls(names): launches by all that a call's build may "
                                                     "depend on; names are the positional arguments'.")},
                       {0, nullptr}};
PyType_Spec spec = {"gpu_tuned._core.Calls", sizeof(CallsObject), 0, Py_TPFLAGS_DEFAULT, slots};

} // namespace

bool addCalls(PyObject* module) {
  return Ref(addType(module, &spec)).get() != nullptr;
}

} // namespace tuned::python
