// _core.Dispatcher: calls a kernel on arrays. What was launched once is found again by types, shapes, devices
// and alignment of its arrays in one table, without Python code, and launched. Everything else is asked of
// the subclass:
//   _resolve(arrays)  → (Binary, settled): a tuple per array (name, dtype, shape, contiguous, device,
//   address, read_only) _complete(arrays) → the arrays with those filled in that are None (outputs that the
//   caller left out) _gradient(name)   raises when an array that wants gradients may not be passed
//   _stream(array)    → the address of the current CUDA stream of the array's library, for those that do not
//   tell it in C; None: the array is not on a CUDA device, or its library has no current stream
//   _ask(device, sizes) → (Best, settled): what best() gives, asked of the daemon
#include "client/python/src/array.h"
#include "client/python/src/table.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

namespace tuned::python {
namespace {

constexpr size_t maxBuffers = 16;
constexpr size_t maxKeyWords = maxBuffers * (2 + maxDimensions);
constexpr std::chrono::milliseconds askAgainAfter(50); ///< while a tuning may still better the answer

using Clock = std::chrono::steady_clock;

struct Entry {
  Ref binary;
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
};

struct Call {
  std::array<PyObject*, maxBuffers> arrays = {}; ///< borrowed
  std::array<ArrayView, maxBuffers> views;
  std::array<const void*, maxBuffers> addresses = {};
  std::array<uint64_t, maxKeyWords> key;
  size_t words = 0;
  bool onDevice = false; ///< some array is on a CUDA device
  bool streamGiven = false;
  const ArrayType* streamOwner = nullptr; ///< the library whose current stream it is; null: nobody's
  void* stream = nullptr;
  bool streamSettled = false; ///< somebody said it, or was told of it: it stays as it is
};

bool typeError(const char* format, PyObject* name) {
  PyErr_Format(PyExc_TypeError, format, name);
  return false;
}

bool takeOutputs(const Signature& signature, PyObject* out, Call& call) {
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

bool takeKeyword(const Signature& signature, PyObject* name, PyObject* value, Call& call) {
  for (size_t i = 0; i < signature.names.size(); ++i) {
    if (name != signature.names[i].get() && PyUnicode_Compare(name, signature.names[i].get()) != 0) continue;
    if (call.arrays[i]) return typeError("'%U' is given twice", name);
    call.arrays[i] = value == Py_None ? nullptr : value;
    return true;
  }
  if (PyUnicode_CompareWithASCIIString(name, "out") == 0) return takeOutputs(signature, value, call);
  if (PyUnicode_CompareWithASCIIString(name, "stream") == 0) {
    call.stream = PyLong_AsVoidPtr(value);
    call.streamGiven = true;
    return !PyErr_Occurred();
  }
  return typeError("'%U' is no array of this kernel", name);
}

bool takeArguments(const Signature& signature, PyObject* args, PyObject* keywords, Call& call) {
  const auto count = static_cast<size_t>(PyTuple_Size(args));
  if (count > signature.positional.size()) {
    PyErr_Format(PyExc_TypeError, "this kernel takes %zu arrays, got %zu", signature.positional.size(),
                 count);
    return false;
  }
  for (size_t i = 0; i < count; ++i)
    call.arrays[signature.positional[i]] = PyTuple_GetItem(args, static_cast<Py_ssize_t>(i));
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; keywords && PyDict_Next(keywords, &at, &name, &value);)
    if (!takeKeyword(signature, name, value, call)) return false;
  return true;
}

/// Has missing outputs made. `made` holds what is new.
bool complete(PyObject* self, const Signature& signature, Call& call, Ref& made) {
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

bool checkGradient(PyObject* self, const Signature& signature, const Call& call, size_t at) {
  static PyObject* const gradient = PyUnicode_InternFromString("_gradient");
  return !requiresGradient(call.arrays[at], *typeOf(call.arrays[at])) ||
         Ref(PyObject_CallMethodObjArgs(self, gradient, signature.names[at].get(), nullptr));
}

/// Asks the library of an array for its current stream, in Python. False with an exception.
bool askStream(PyObject* self, PyObject* array, const ArrayType& type, Call& call) {
  static PyObject* const method = PyUnicode_InternFromString("_stream");
  Ref stream(PyObject_CallMethodObjArgs(self, method, array, nullptr));
  if (!stream || stream.get() == Py_None) return stream.get() != nullptr;
  call.stream = PyLong_AsVoidPtr(stream.get());
  call.streamOwner = &type;
  return !PyErr_Occurred();
}

/// Settles the launch's stream with what an array interface says of it: the first one that names a stream has
/// it where nobody else does. A stream that the caller gave is right whatever arrays say. False with the
/// exception when the array is made on another stream than the launch's.
bool agreeOnStream(const Signature& signature, size_t at, Call& call) {
  const auto& wanted = call.views[at].stream;
  if (call.streamGiven || !wanted) return true;
  if (!call.streamSettled) {
    call.stream = *wanted == 1 ? nullptr : reinterpret_cast<void*>(*wanted);
    call.streamSettled = true;
    return true;
  }
  if (consumerStream(call.stream) == static_cast<ConsumerStream>(*wanted)) return true;
  const char* name = utf8(signature.names[at].get(), "name");
  return name && raise(GPUTUNED_INVALID_INPUT,
                       std::string("the array '") + name +
                           "' is made on a stream of its own, and others on another; synchronise, and "
                           "pass stream=") != nullptr;
}

/// Views what needs no stream, and finds the one to launch on: that of the first array on a CUDA device whose
/// library has a current one. `later`: some arrays are to be viewed yet.
bool findStream(PyObject* self, const Signature& signature, Call& call, bool& later) {
  const size_t count = signature.names.size();
  const auto sought = [&] { return !call.streamGiven && !call.streamOwner; };
  for (size_t i = 0; i < count; ++i) {
    const ArrayType& type = *typeOf(call.arrays[i]);
    if (!needsNoStream(type)) {
      later = true;
      continue;
    }
    ArrayView& array = call.views[i];
    if (!view(call.arrays[i], type, array)) return false;
    if (array.deviceType == cudaDevice && sought() && currentStream(type, array.deviceIndex, &call.stream))
      call.streamOwner = &type;
  }
  for (size_t i = 0; later && i < count && sought(); ++i)
    if (const ArrayType& type = *typeOf(call.arrays[i]); !needsNoStream(type))
      if (!askStream(self, call.arrays[i], type, call)) return false;
  call.streamSettled = !sought();
  return true;
}

/// Views the arrays. Libraries are told of the stream, so that what makes their arrays is waited for there;
/// array interfaces, which can only name one, are therefore asked before.
bool viewAll(PyObject* self, const Signature& signature, Call& call) {
  bool later = false;
  if (!findStream(self, signature, call, later)) return false;
  if (!later) return true;
  const size_t count = signature.names.size();
  for (size_t i = 0; i < count; ++i) {
    const ArrayType& type = *typeOf(call.arrays[i]);
    if (needsNoStream(type) || takesConsumer(type)) continue;
    if (!view(call.arrays[i], type, call.views[i]) || !agreeOnStream(signature, i, call)) return false;
  }
  for (size_t i = 0; i < count; ++i) {
    const ArrayType& type = *typeOf(call.arrays[i]);
    if (needsNoStream(type) || !takesConsumer(type)) continue;
    const ConsumerStream consumer = &type == call.streamOwner ? nobodyWaits : consumerStream(call.stream);
    ArrayView& array = call.views[i];
    if (!view(call.arrays[i], type, array, consumer)) return false;
    // One that refuses DLPack may name a stream in its interface, where no library was told of another yet.
    if (!agreeOnStream(signature, i, call)) return false;
    call.streamSettled = call.streamSettled || (array.keeper && array.deviceType == cudaDevice);
  }
  return true;
}

bool describe(PyObject* self, const Signature& signature, Call& call) {
  for (size_t i = 0; i < signature.names.size(); ++i)
    if (!checkGradient(self, signature, call, i)) return false;
  if (!viewAll(self, signature, call)) return false;
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
Ref resolve(PyObject* self, Signature& signature, const Call& call, uint64_t hash) {
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

Ref binaryFor(PyObject* self, Signature& signature, const Call& call) {
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

PyObject* outputsOf(const Signature& signature, const Call& call) {
  if (signature.outputs.size() == 1) return Ref::borrowed(call.arrays[signature.outputs[0]]).release();
  Ref outputs(PyTuple_New(static_cast<Py_ssize_t>(signature.outputs.size())));
  for (size_t i = 0; outputs && i < signature.outputs.size(); ++i)
    PyTuple_SetItem(outputs.get(), static_cast<Py_ssize_t>(i),
                    Ref::borrowed(call.arrays[signature.outputs[i]]).release());
  return outputs.release();
}

PyObject* call(PyObject* self, PyObject* args, PyObject* keywords) {
  Signature* signature = reinterpret_cast<DispatcherObject*>(self)->signature;
  if (!signature) {
    PyErr_SetString(PyExc_RuntimeError, "this kernel was not set up");
    return nullptr;
  }
  Call call;
  Ref made;
  if (!takeArguments(*signature, args, keywords, call) || !complete(self, *signature, call, made) ||
      !describe(self, *signature, call))
    return nullptr;
  Ref binary = binaryFor(self, *signature, call);
  if (!binary) return nullptr;
  const gputuned_kernel* kernel = binaryOf(binary.get());
  gputuned_status status = GPUTUNED_OK;
  if (call.onDevice) {
    status = gputuned_launch(kernel, call.addresses.data(), signature->names.size(), call.stream);
  } else {
    const WithoutGil unlocked; // the host works until the kernel has run
    status = gputuned_launch(kernel, call.addresses.data(), signature->names.size(), nullptr);
  }
  return status == GPUTUNED_OK ? outputsOf(*signature, call) : raise(status);
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
    signature->table.clear();
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
PyType_Slot slots[] = {
    {Py_tp_init, reinterpret_cast<void*>(init)},
    {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
    {Py_tp_call, reinterpret_cast<void*>(call)},
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_tp_doc, const_cast<char*>("Dispatcher(buffers): buffers are (name, output) in argument order.")},
    {0, nullptr}};
PyType_Spec spec = {"gpu_tuned._core.Dispatcher", sizeof(DispatcherObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

} // namespace

bool addDispatcher(PyObject* module) {
  return Ref(addType(module, &spec)).get() != nullptr;
}

} // namespace tuned::python
