// _core.Dispatcher: calls a kernel on arrays. What was launched once is found again by types, shapes, devices
// and alignment of its arrays in one table, without Python code, and launched. Everything else is asked of
// the subclass:
//   _resolve(arrays)  → (Binary, settled): a tuple per array (name, dtype, shape, contiguous, device,
//   address, read_only) _complete(arrays) → the arrays with those filled in that are None (outputs that the
//   caller left out) _gradient(name)   raises when an array that wants gradients may not be passed
//   _stream(array)    → the address of the current CUDA stream of the array's library, for those that do not
//   tell it in C; None: the array is not on a CUDA device, or its library has no current stream
//   _ask(device, sizes) → (Best, settled): what best() gives, asked of the daemon
#include "client/python/src/array_call.h"
#include "client/python/src/table.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

namespace tuned::python {
namespace {

constexpr std::chrono::milliseconds askAgainAfter(50); ///< while a tuning may still better the answer

using Clock = std::chrono::steady_clock;

struct Entry {
  Ref binary; ///< a Binary
  bool settled = true;
  Clock::time_point asked = {};
};

/// An answer to best(), and until when it need not be asked again.
struct Answered {
  Ref best;
  Clock::time_point until = {}; ///< the clock's end: for ever
};

/// A kernel's buffers, in the order of its arguments.
struct Signature {
  std::vector<Ref> names;         ///< interned
  std::vector<size_t> positional; ///< buffers by position in a call: inputs, then outputs
  std::vector<size_t> outputs;
  Table<Entry> table;
  Table<Answered> answers;
};

struct DispatcherObject {
  PyObject_HEAD Signature* signature;
  Vectorcall vectorcall;
};

bool typeError(const char* format, PyObject* name) {
  PyErr_Format(PyExc_TypeError, format, name);
  return false;
}

bool takeOutputs(const Signature& signature, PyObject* out, ArrayCall& call) {
  if (signature.outputs.size() == 1) {
    call.arrays[signature.outputs[0]] = out == Py_None ? nullptr : out;
    return true;
  }
  if (!PyTuple_Check(out) || PyTuple_Size(out) != static_cast<Py_ssize_t>(signature.outputs.size())) {
    PyErr_Format(PyExc_TypeError, "out must be a tuple of %zu arrays", signature.outputs.size());
    return false;
  }
  for (size_t i = 0; i < signature.outputs.size(); ++i)
    call.arrays[signature.outputs[i]] = PyTuple_GetItem(out, static_cast<Py_ssize_t>(i));
  return true;
}

/// What a keyword names: a buffer's number, or one of these; names in source code are interned, so that most
/// are known by identity.
enum Keyword : size_t { outWord = maxBuffers, streamWord, noWord };

size_t keywordOf(const Signature& signature, PyObject* name) {
  static PyObject* const out = PyUnicode_InternFromString("out");
  static PyObject* const stream = PyUnicode_InternFromString("stream");
  const size_t count = signature.names.size();
  for (size_t i = 0; i < count; ++i)
    if (name == signature.names[i].get()) return i;
  if (name == out) return outWord;
  if (name == stream) return streamWord;
  for (size_t i = 0; i < count; ++i)
    if (PyUnicode_Compare(name, signature.names[i].get()) == 0) return i;
  if (PyUnicode_CompareWithASCIIString(name, "out") == 0) return outWord;
  return PyUnicode_CompareWithASCIIString(name, "stream") == 0 ? streamWord : noWord;
}

bool takeKeyword(const Signature& signature, PyObject* name, PyObject* value, ArrayCall& call) {
  const size_t word = keywordOf(signature, name);
  if (word == outWord) return takeOutputs(signature, value, call);
  if (word == noWord) return typeError("'%U' is no array of this kernel", name);
  if (word == streamWord) {
    call.stream = PyLong_AsVoidPtr(value);
    call.streamGiven = true;
    return !PyErr_Occurred();
  }
  if (call.arrays[word]) return typeError("'%U' is given twice", name);
  call.arrays[word] = value == Py_None ? nullptr : value;
  return true;
}

bool fits(const Signature& signature, size_t positional) {
  if (positional <= signature.positional.size()) return true;
  PyErr_Format(PyExc_TypeError, "this kernel takes %zu arrays, got %zu", signature.positional.size(),
               positional);
  return false;
}

/// Has missing outputs made. `made` holds what is new.
bool complete(PyObject* self, const Signature& signature, ArrayCall& call, Ref& made) {
  const auto missing = [&](size_t i) { return call.arrays[i] == nullptr; };
  const size_t count = signature.names.size();
  bool any = false;
  for (size_t i = 0; i < count; ++i)
    any = any || missing(i);
  if (!any) return true;
  for (size_t i = 0; i < count; ++i)
    if (missing(i) && std::ranges::find(signature.outputs, i) == signature.outputs.end())
      return typeError("the array '%U' is missing", signature.names[i].get());
  Ref list(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (size_t i = 0; list && i < count; ++i) {
    PyObject* item = missing(i) ? Py_None : call.arrays[i];
    Py_INCREF(item);
    PyTuple_SetItem(list.get(), static_cast<Py_ssize_t>(i), item);
  }
  static PyObject* const method = PyUnicode_InternFromString("_complete");
  made = list ? Ref(PyObject_CallMethodObjArgs(self, method, list.get(), nullptr)) : Ref();
  if (!made) return false;
  if (!PyTuple_Check(made.get()) || PyTuple_Size(made.get()) != static_cast<Py_ssize_t>(count)) {
    PyErr_SetString(PyExc_TypeError, "_complete must return a tuple of all arrays");
    return false;
  }
  for (size_t i = 0; i < count; ++i)
    call.arrays[i] = PyTuple_GetItem(made.get(), static_cast<Py_ssize_t>(i));
  return true;
}

/// The lowest set bit of an address, as far as kernels care: 0 for odd ones, 4 for multiples of 16 and more.
uint64_t alignmentClass(uint64_t address) {
  return address % 16 == 0 ? 4 : static_cast<uint64_t>(__builtin_ctzll(address));
}

bool checkGradient(PyObject* self, const Signature& signature, const ArrayCall& call, size_t at) {
  static PyObject* const gradient = PyUnicode_InternFromString("_gradient");
  return !requiresGradient(call.arrays[at], *call.types[at]) ||
         Ref(PyObject_CallMethodObjArgs(self, gradient, signature.names[at].get(), nullptr));
}

bool describe(PyObject* self, const Signature& signature, ArrayCall& call) {
  for (size_t i = 0; i < signature.names.size(); ++i) {
    call.types[i] = typeOf(call.arrays[i]);
    if (!checkGradient(self, signature, call, i)) return false;
  }
  if (!viewAll(self, signature.names, call)) return false;
  for (size_t i = 0; i < signature.names.size(); ++i) {
    const ArrayView& array = call.views[i];
    call.onDevice = call.onDevice || array.deviceType == cudaDevice;
    call.addresses[i] = reinterpret_cast<const void*>(array.address);
    call.key[call.words++] = uint64_t{array.code} | uint64_t{array.bits} << 8 |
                             static_cast<uint64_t>(array.dimensions) << 16 |
                             uint64_t{array.contiguous} << 24 | uint64_t{array.readOnly} << 25 |
                             alignmentClass(array.address) << 26;
    call.key[call.words++] =
        static_cast<uint32_t>(array.deviceType) | uint64_t{static_cast<uint32_t>(array.deviceIndex)} << 32;
    for (int axis = 0; axis < array.dimensions; ++axis)
      call.key[call.words++] = static_cast<uint64_t>(array.shape[static_cast<size_t>(axis)]);
  }
  return true;
}

PyObject* shapeTuple(const ArrayView& array) {
  Ref shape(PyTuple_New(array.dimensions));
  for (int axis = 0; shape && axis < array.dimensions; ++axis)
    PyTuple_SetItem(shape.get(), axis, PyLong_FromLongLong(array.shape[static_cast<size_t>(axis)]));
  return shape.release();
}

/// Asks the subclass for a binary and keeps it in the table.
Ref resolve(PyObject* self, Signature& signature, const ArrayCall& call, uint64_t hash) {
  static PyObject* const method = PyUnicode_InternFromString("_resolve");
  const size_t count = signature.names.size();
  Ref arrays(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (size_t i = 0; arrays && i < count; ++i) {
    const ArrayView& array = call.views[i];
    Ref shape(shapeTuple(array));
    PyObject* item =
        shape ? Py_BuildValue("(OsOOsKO)", signature.names[i].get(), dtypeName(array).c_str(), shape.get(),
                              array.contiguous ? Py_True : Py_False, deviceName(array).c_str(),
                              static_cast<unsigned long long>(array.address),
                              array.readOnly ? Py_True : Py_False)
              : nullptr;
    if (!item) return Ref();
    PyTuple_SetItem(arrays.get(), static_cast<Py_ssize_t>(i), item);
  }
  Ref result(arrays ? PyObject_CallMethodObjArgs(self, method, arrays.get(), nullptr) : nullptr);
  if (!result) return Ref();
  PyObject* binary = nullptr;
  int settled = 0;
  if (!PyTuple_Check(result.get()) || !PyArg_ParseTuple(result.get(), "Op:_resolve", &binary, &settled) ||
      !binaryOf(binary))
    return Ref();
  signature.table.put(hash, call.key.data(), call.words, {Ref::borrowed(binary), settled != 0, Clock::now()});
  return Ref::borrowed(binary);
}

Ref binaryFor(PyObject* self, Signature& signature, const ArrayCall& call) {
  const uint64_t hash = hashWords(call.key.data(), call.words);
  const Entry* entry = signature.table.find(hash, call.key.data(), call.words);
  if (entry && (entry->settled || Clock::now() - entry->asked < askAgainAfter))
    return Ref::borrowed(entry->binary.get());
  Ref known = entry ? Ref::borrowed(entry->binary.get()) : Ref();
  Ref binary = resolve(self, signature, call, hash);
  // A daemon that is gone takes no binary away that runs.
  if (!binary && known && PyErr_ExceptionMatches(PyExc_Exception)) {
    PyErr_Clear();
    // Nor is it sought again before as much time has passed as after an answer.
    signature.table.put(hash, call.key.data(), call.words, {Ref::borrowed(known.get()), false, Clock::now()});
    return known;
  }
  return binary;
}

PyObject* outputsOf(const Signature& signature, const ArrayCall& call) {
  if (signature.outputs.size() == 1) return Ref::borrowed(call.arrays[signature.outputs[0]]).release();
  Ref outputs(PyTuple_New(static_cast<Py_ssize_t>(signature.outputs.size())));
  for (size_t i = 0; outputs && i < signature.outputs.size(); ++i)
    PyTuple_SetItem(outputs.get(), static_cast<Py_ssize_t>(i),
                    Ref::borrowed(call.arrays[signature.outputs[i]]).release());
  return outputs.release();
}

Signature* signatureOf(PyObject* self) {
  Signature* signature = reinterpret_cast<DispatcherObject*>(self)->signature;
  if (!signature) PyErr_SetString(PyExc_RuntimeError, "this kernel was not set up");
  return signature;
}

/// A call whose arguments were taken.
PyObject* launch(PyObject* self, Signature& signature, ArrayCall& call) {
  Ref made;
  if (!complete(self, signature, call, made) || !describe(self, signature, call)) return nullptr;
  Ref binary = binaryFor(self, signature, call);
  if (!binary) return nullptr;
  const gputuned_kernel* kernel = binaryOf(binary.get());
  gputuned_status status = GPUTUNED_OK;
  if (call.onDevice) {
    status = gputuned_launch(kernel, call.addresses.data(), signature.names.size(), call.stream);
  } else {
    const WithoutGil unlocked; // the host works until the kernel has run
    status = gputuned_launch(kernel, call.addresses.data(), signature.names.size(), nullptr);
  }
  return status == GPUTUNED_OK ? outputsOf(signature, call) : raise(status);
}

PyObject* callVector(PyObject* self, PyObject* const* values, size_t flagged, PyObject* names) {
  Signature* signature = signatureOf(self);
  const size_t positional = vectorcallCount(flagged);
  if (!signature || !fits(*signature, positional)) return nullptr;
  ArrayCall call(signature->names.size());
  for (size_t i = 0; i < positional; ++i)
    call.arrays[signature->positional[i]] = values[i];
  const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i)
    if (!takeKeyword(*signature, PyTuple_GetItem(names, i), values[static_cast<Py_ssize_t>(positional) + i],
                     call))
      return nullptr;
  return launch(self, *signature, call);
}

/// The same for who calls with a tuple and a dict: subclasses do before Python 3.12.
PyObject* callTuple(PyObject* self, PyObject* args, PyObject* keywords) {
  Signature* signature = signatureOf(self);
  const auto positional = static_cast<size_t>(PyTuple_Size(args));
  if (!signature || !fits(*signature, positional)) return nullptr;
  ArrayCall call(signature->names.size());
  for (size_t i = 0; i < positional; ++i)
    call.arrays[signature->positional[i]] = PyTuple_GetItem(args, static_cast<Py_ssize_t>(i));
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; keywords && PyDict_Next(keywords, &at, &name, &value);)
    if (!takeKeyword(*signature, name, value, call)) return nullptr;
  return launch(self, *signature, call);
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  PyObject* self = PyType_GenericNew(type, args, keywords);
  if (self) reinterpret_cast<DispatcherObject*>(self)->vectorcall = callVector;
  return self;
}

int init(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* words[] = {"buffers", nullptr};
  PyObject* buffers = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!:Dispatcher", const_cast<char**>(words), &PyTuple_Type,
                                   &buffers))
    return -1;
  auto signature = std::make_unique<Signature>();
  const Py_ssize_t count = PyTuple_Size(buffers);
  if (count < 1 || static_cast<size_t>(count) > maxBuffers) {
    PyErr_SetString(PyExc_ValueError, "a kernel has 1 to 16 buffers");
    return -1;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = nullptr;
    int output = 0;
    if (!PyArg_ParseTuple(PyTuple_GetItem(buffers, i), "Up", &name, &output)) return -1;
    Ref kept = Ref::borrowed(name);
    PyObject* internedName = kept.release();
    PyUnicode_InternInPlace(&internedName);
    signature->names.push_back(Ref(internedName));
    (output ? signature->outputs : signature->positional).push_back(static_cast<size_t>(i));
  }
  signature->positional.insert(signature->positional.end(), signature->outputs.begin(),
                               signature->outputs.end());
  delete std::exchange(reinterpret_cast<DispatcherObject*>(self)->signature, signature.release());
  return 0;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<DispatcherObject*>(self)->signature;
  auto release = reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free));
  release(self);
  Py_DECREF(type);
}

/// What is asked besides the sizes. All borrowed; None: not said.
struct Asked {
  PyObject *device = Py_None, *objective = Py_None;

  /// Where a keyword's value goes; null: it is a size, as is every integer.
  PyObject** placeOf(PyObject* name, PyObject* value) {
    if (PyLong_Check(value)) return nullptr;
    if (PyUnicode_CompareWithASCIIString(name, "device") == 0) return &device;
    return PyUnicode_CompareWithASCIIString(name, "objective") == 0 ? &objective : nullptr;
  }
};

/// The words of a question: pairs of a name's hash and a value; the device is one of them. Words are told
/// apart by 64-bit hashes of Python's, which are the same object's for names in source code.
bool questionWords(PyObject* const* values, PyObject* names, Py_ssize_t positional,
                   std::array<uint64_t, maxKeyWords>& words, size_t& count, Asked& asked) {
  if (positional == 1) asked.device = values[0];
  const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
  if (positional > 1 || static_cast<size_t>(2 * named + 2) > maxKeyWords) {
    PyErr_SetString(PyExc_TypeError, "best takes a device, and sizes by name");
    return false;
  }
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GetItem(names, i);
    PyObject* value = values[positional + i];
    if (PyObject** place = asked.placeOf(name, value)) {
      *place = value;
      continue;
    }
    words[count++] = static_cast<uint64_t>(PyObject_Hash(name));
    words[count++] = static_cast<uint64_t>(PyLong_AsLongLong(value)); // anything with __index__
  }
  words[count++] = asked.device == Py_None ? 0 : static_cast<uint64_t>(PyObject_Hash(asked.device));
  return !PyErr_Occurred();
}

/// Has the subclass ask: a tuple of the answer and whether it is settled.
Ref ask(PyObject* self, Asked asked, PyObject* const* values, PyObject* names, Py_ssize_t positional) {
  static PyObject* const method = PyUnicode_InternFromString("_ask");
  Ref sizes(PyDict_New());
  for (Py_ssize_t i = 0; sizes && names && i < PyTuple_Size(names); ++i) {
    PyObject *name = PyTuple_GetItem(names, i), *value = values[positional + i];
    if (asked.placeOf(name, value)) continue;
    Ref number(PyNumber_Index(value));
    if (!number || PyDict_SetItem(sizes.get(), name, number.get()) < 0) return Ref();
  }
  return sizes ? Ref(PyObject_CallMethodObjArgs(self, method, asked.device, sizes.get(), asked.objective,
                                                nullptr))
               : Ref();
}

PyObject* best(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* names) {
  Signature* signature = reinterpret_cast<DispatcherObject*>(self)->signature;
  std::array<uint64_t, maxKeyWords> words;
  size_t count = 0;
  Asked asked;
  if (!signature || !questionWords(values, names, positional, words, count, asked)) return nullptr;
  const uint64_t hash = hashWords(words.data(), count);
  const bool kept = asked.objective == Py_None; // what is asked for otherwise is the daemon's to know
  const Answered* known = kept ? signature->answers.find(hash, words.data(), count) : nullptr;
  if (known && (known->until == Clock::time_point::max() || Clock::now() < known->until))
    return Ref::borrowed(known->best.get()).release();
  const Ref result = ask(self, asked, values, names, positional);
  PyObject* best = nullptr;
  int settled = 0;
  if (!result || !PyTuple_Check(result.get()) || !PyArg_ParseTuple(result.get(), "Op:_ask", &best, &settled))
    return nullptr;
  if (kept)
    signature->answers.put(
        hash, words.data(), count,
        {Ref::borrowed(best), settled ? Clock::time_point::max() : Clock::now() + askAgainAfter});
  return Ref::borrowed(best).release();
}

PyObject* forget(PyObject* self, PyObject*) {
  if (Signature* signature = reinterpret_cast<DispatcherObject*>(self)->signature) {
    // Builds stay for the case that nobody answers.
    signature->table.each([](Entry& entry) {
      entry.settled = false;
      entry.asked = {};
      return 0;
    });
    signature->answers.clear();
  }
  Py_RETURN_NONE;
}

PyObject* remembered(PyObject* self, void*) {
  Signature* signature = reinterpret_cast<DispatcherObject*>(self)->signature;
  return PyLong_FromSize_t(signature ? signature->table.size() : 0);
}

PyMethodDef methods[] = {
    {"best", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(best)), METH_FASTCALL | METH_KEYWORDS,
     "best(device=None, *, objective=None, **sizes): the best that is known, never waiting for a "
     "tuning; from memory once it was asked, always asked with an objective of its own."},
    {"_forget", forget, METH_NOARGS, "Asks anew for every signature."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef members[] = {
    {"_remembered", remembered, nullptr, "Signatures that are launched without asking.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMemberDef places[] = {vectorcallPlace(offsetof(DispatcherObject, vectorcall)), {nullptr, 0, 0, 0, nullptr}};
PyType_Slot slots[] = {
    {Py_tp_init, reinterpret_cast<void*>(init)},
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(callTuple)},
    {Py_tp_members, places},
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_tp_doc, const_cast<char*>("Dispatcher(buffers): buffers are (name, output) in argument order.")},
    {0, nullptr}};
PyType_Spec spec = {"gpu_tuned._core.Dispatcher", sizeof(DispatcherObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | haveVectorcall, slots};

} // namespace

bool addDispatcher(PyObject* module) {
  return Ref(addType(module, &spec)).get() != nullptr;
}

} // namespace tuned::python
