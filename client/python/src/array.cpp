#include "client/python/src/array.h"

#include "client/python/src/dlpack.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

namespace tuned::python {

struct ArrayType {
  const dlpack::ExchangeApi* exchange = nullptr; ///< DLPack's interface in C (PyTorch since 2.10)
  bool hostOnly = false;                         ///< NumPy's: no device to ask for
  bool immutable = false;                        ///< JAX's: others may read it at any time
  bool masked = false;                           ///< NumPy's with a mask, which no kernel would see
  bool hasDlpack = false;
  bool hasGradients = false;
  PyObject* gradients = nullptr; ///< what the type says it by, of C (a getset descriptor); null: an attribute
  descrgetfunc gradient = nullptr; ///< … and how that is read
  bool isArray = false;            ///< has DLPack or an array interface
};

namespace {

PyObject* interned(const char* name) {
  return PyUnicode_InternFromString(name);
}

/// The exchange interface of DLPack 1, wherever in the chain of versions it is.
const dlpack::ExchangeApi* exchangeOf(PyObject* type) {
  Ref capsule(PyObject_GetAttrString(type, "__dlpack_c_exchange_api__"));
  if (!capsule || !PyCapsule_IsValid(capsule.get(), "dlpack_exchange_api")) {
    PyErr_Clear();
    return nullptr;
  }
  auto* api = static_cast<dlpack::ExchangeApi*>(PyCapsule_GetPointer(capsule.get(), "dlpack_exchange_api"));
  while (api && api->version.major > 1)
    api = api->previous;
  return api && api->version.major == 1 && api->tensorFromObject ? api : nullptr;
}

/// Finds what tells of gradients. Descriptors that also set go before what an object has of its own, so that
/// it is right to ask them alone.
void inspectGradients(PyObject* object, ArrayType& out) {
  Ref found(PyObject_GetAttrString(object, "requires_grad"));
  out.hasGradients = static_cast<bool>(found);
  if (!found || Py_TYPE(found.get()) != &PyGetSetDescr_Type) return;
  out.gradient = reinterpret_cast<descrgetfunc>(PyType_GetSlot(&PyGetSetDescr_Type, Py_tp_descr_get));
  if (out.gradient) out.gradients = found.release(); // for ever, as the type is
}

ArrayType inspect(PyTypeObject* type) {
  auto* object = reinterpret_cast<PyObject*>(type);
  ArrayType out;
  out.exchange = exchangeOf(object);
  out.hasDlpack = PyObject_HasAttrString(object, "__dlpack__");
  inspectGradients(object, out);
  Ref module(PyObject_GetAttrString(object, "__module__"));
  const char* name =
      module && PyUnicode_Check(module.get()) ? PyUnicode_AsUTF8AndSize(module.get(), nullptr) : nullptr;
  out.hostOnly = name && std::strncmp(name, "numpy", 5) == 0;
  out.masked = name && (std::strcmp(name, "numpy.ma") == 0 || std::strncmp(name, "numpy.ma.", 9) == 0);
  out.immutable = name && std::strncmp(name, "jax", 3) == 0;
  out.isArray = out.exchange || out.hasDlpack || PyObject_HasAttrString(object, "__array_interface__") ||
                PyObject_HasAttrString(object, "__cuda_array_interface__");
  PyErr_Clear();
  return out;
}

bool refuse(const char* what) {
  PyErr_SetString(PyExc_TypeError, what);
  return false;
}

/// What PyTorch says of tensors that are not in memory, or not as numbers one behind the other: the first
/// line, which is for people.
bool refuseExchange() {
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return false;
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  const Ref ofType(type), said(value), where(traceback);
  const Ref text(value ? PyObject_Str(value) : nullptr);
  const char* words = text ? PyUnicode_AsUTF8AndSize(text.get(), nullptr) : nullptr;
  if (!words) PyErr_Clear();
  const std::string_view all = words ? words : "it does not say why";
  raise("layout",
        "an array cannot be handed over: " + std::string(all.substr(0, all.find('\n'))) +
            " (kernels take dense arrays of plain numbers that are in the memory of a CPU or a CUDA device)");
  return false;
}

bool take(const dlpack::Tensor& tensor, ArrayView& out) {
  if (tensor.dimensions > maxDimensions) return refuse("an array has more than 8 dimensions");
  if (tensor.type.lanes != 1) return refuse("an array's elements are vectors; kernels take plain numbers");
  out.address = reinterpret_cast<uint64_t>(tensor.data) + tensor.byteOffset;
  out.deviceType = tensor.device.type == pinnedHostDevice ? hostDevice : tensor.device.type;
  out.deviceIndex = tensor.device.type == cudaDevice ? tensor.device.index : 0;
  out.code = tensor.type.code;
  out.bits = tensor.type.bits;
  out.dimensions = tensor.dimensions;
  out.contiguous = true;
  int64_t dense = 1;
  out.reach = 1;
  for (int i = tensor.dimensions - 1; i >= 0; --i) {
    out.shape[static_cast<size_t>(i)] = tensor.shape[i];
    out.reach += (tensor.shape[i] - 1) * (tensor.strides ? tensor.strides[i] : dense);
    if (tensor.strides && tensor.shape[i] != 1 && tensor.strides[i] != dense) out.contiguous = false;
    dense *= tensor.shape[i];
  }
  return true;
}

bool viewExchanged(PyObject* array, const ArrayType& type, ArrayView& out) {
  dlpack::Tensor tensor = {};
  return type.exchange->tensorFromObject(array, &tensor) == 0 ? take(tensor, out) : refuseExchange();
}

/// Calls array.__dlpack__(). Libraries of devices are told where the array is used next, so that what makes
/// it is waited for there; with stream=-1 that nobody waits.
Ref capsuleOf(PyObject* array, const ArrayType& type, ConsumerStream consumer) {
  static PyObject* const method = interned("__dlpack__");
  if (type.hostOnly) return Ref(PyObject_CallMethodObjArgs(array, method, nullptr));
  static PyObject* const deviceMethod = interned("__dlpack_device__");
  Ref device(PyObject_CallMethodObjArgs(array, deviceMethod, nullptr));
  Ref kind(device ? PySequence_GetItem(device.get(), 0) : nullptr);
  const long number = kind ? PyLong_AsLong(kind.get()) : -1;
  if (PyErr_Occurred()) return Ref();
  if (number != cudaDevice) return Ref(PyObject_CallMethodObjArgs(array, method, nullptr));
  Ref bound(PyObject_GetAttr(array, method));
  Ref none(PyTuple_New(0));
  Ref keywords(Py_BuildValue("{s:L}", "stream", static_cast<long long>(consumer)));
  return bound && none && keywords ? Ref(PyObject_Call(bound.get(), none.get(), keywords.get())) : Ref();
}

bool viewCapsule(PyObject* array, const ArrayType& type, ArrayView& out, ConsumerStream consumer) {
  Ref capsule = capsuleOf(array, type, consumer);
  if (!capsule) return false;
  const dlpack::Tensor* tensor = nullptr;
  if (PyCapsule_IsValid(capsule.get(), "dltensor")) {
    tensor = static_cast<dlpack::Tensor*>(PyCapsule_GetPointer(capsule.get(), "dltensor"));
  } else if (PyCapsule_IsValid(capsule.get(), "dltensor_versioned")) {
    auto* versioned =
        static_cast<dlpack::VersionedTensor*>(PyCapsule_GetPointer(capsule.get(), "dltensor_versioned"));
    if (versioned->version.major == 1) tensor = &versioned->tensor;
    out.readOnly = tensor && (versioned->flags & dlpack::readOnlyFlag);
  }
  if (!tensor) return refuse("an array's __dlpack__() gave a capsule of a version that is not known here");
  // The capsule is not consumed: it lets go of the array when the view does.
  if (!take(*tensor, out)) return false;
  out.keeper = std::move(capsule);
  return true;
}

/// "<f4" and its like as DLPack's type.
bool takeTypestr(const char* text, ArrayView& out) {
  if (text[0] == '>')
    return raise("dtype", "an array's elements are not in this machine's byte order (convert it: "
                          "x.astype(x.dtype.newbyteorder('=')))") != nullptr;
  const std::string wrong =
      std::string("an array's elements, ") + text + ", are of a type that no kernel takes";
  if (std::strlen(text) != 3) return raise("dtype", wrong) != nullptr;
  out.bits = static_cast<uint8_t>(8 * (text[2] - '0'));
  switch (text[1]) {
  case 'i':
    out.code = 0;
    return true;
  case 'u':
    out.code = 1;
    return true;
  case 'f':
    out.code = 2;
    return true;
  case 'b':
    out.code = 6;
    return true;
  default:
    return raise("dtype", wrong) != nullptr;
  }
}

/// NumPy's interface, for arrays that may not be written (which its __dlpack__ refuses), and CUDA's, older
/// than DLPack.
bool viewInterface(PyObject* array, const char* attribute, ArrayView& out) {
  Ref interface(PyObject_GetAttrString(array, attribute));
  if (!interface || !PyDict_Check(interface.get()))
    return refuse("not an array: it has neither __dlpack__ nor an array interface");
  PyObject* data = PyDict_GetItemString(interface.get(), "data");
  PyObject* shape = PyDict_GetItemString(interface.get(), "shape");
  PyObject* type = PyDict_GetItemString(interface.get(), "typestr");
  PyObject* strides = PyDict_GetItemString(interface.get(), "strides");
  if (!data || !PyTuple_Check(data) || PyTuple_Size(data) != 2 || !shape || !PyTuple_Check(shape) || !type)
    return refuse("an array's interface lacks data, shape or typestr");
  const char* text = utf8(type, "typestr");
  if (!text || !takeTypestr(text, out)) return false;
  out.address = PyLong_AsUnsignedLongLong(PyTuple_GetItem(data, 0));
  out.readOnly = PyObject_IsTrue(PyTuple_GetItem(data, 1)) > 0;
  if (PyErr_Occurred()) return false;
  const Py_ssize_t dimensions = PyTuple_Size(shape);
  if (dimensions > maxDimensions) return refuse("an array has more than 8 dimensions");
  out.dimensions = static_cast<int>(dimensions);
  out.contiguous = true;
  int64_t dense = out.bits / 8;
  out.reach = 1;
  for (int i = out.dimensions - 1; i >= 0; --i) {
    const int64_t extent = PyLong_AsLongLong(PyTuple_GetItem(shape, i));
    const int64_t stride =
        strides && PyTuple_Check(strides) ? PyLong_AsLongLong(PyTuple_GetItem(strides, i)) : dense;
    out.shape[static_cast<size_t>(i)] = extent;
    out.reach += (extent - 1) * (stride / (out.bits / 8));
    if (extent != 1 && stride != dense) out.contiguous = false;
    dense *= extent;
  }
  return !PyErr_Occurred();
}

bool isEmpty(const ArrayView& array) {
  return std::any_of(array.shape.begin(), array.shape.begin() + array.dimensions,
                     [](int64_t extent) { return extent == 0; });
}

/// CUDA's interface, which tells no device: the driver knows whose memory an address is. An empty array has
/// none (its address is mostly 0), and is on the first device for want of another.
bool viewCudaInterface(PyObject* array, ArrayView& out) {
  if (!viewInterface(array, "__cuda_array_interface__", out)) return false;
  out.deviceType = cudaDevice;
  if (!isEmpty(out)) {
    const gputuned_status status =
        gputuned_pointer_device(reinterpret_cast<const void*>(out.address), &out.deviceIndex);
    if (status != GPUTUNED_OK) return raise(status) != nullptr;
  }
  Ref interface(PyObject_GetAttrString(array, "__cuda_array_interface__"));
  PyObject* stream = interface ? PyDict_GetItemString(interface.get(), "stream") : nullptr;
  if (stream && stream != Py_None) out.stream = PyLong_AsUnsignedLongLong(stream);
  return !PyErr_Occurred();
}

} // namespace

ConsumerStream consumerStream(const void* stream) {
  constexpr ConsumerStream legacyDefault = 1; // 0 would be ambiguous
  return stream ? static_cast<ConsumerStream>(reinterpret_cast<uintptr_t>(stream)) : legacyDefault;
}

const ArrayType* typeOf(PyObject* array) {
  // Few types, and never let go: under the GIL. The last one is looked at first.
  static std::unordered_map<PyTypeObject*, ArrayType> known;
  static PyTypeObject* lastType = nullptr;
  static const ArrayType* last = nullptr;
  PyTypeObject* type = Py_TYPE(array);
  if (type == lastType) return last;
  auto found = known.find(type);
  if (found == known.end()) {
    Py_INCREF(reinterpret_cast<PyObject*>(type));
    found = known.emplace(type, inspect(type)).first;
  }
  lastType = type;
  return last = &found->second;
}

bool isArray(const ArrayType& type) {
  return type.isArray;
}

bool view(PyObject* array, const ArrayType& type, ArrayView& out, ConsumerStream consumer) {
  if (type.masked)
    return raise("layout", "an array has a mask, which no kernel would see (pass x.filled(value))") !=
           nullptr;
  if (type.exchange) return viewExchanged(array, type, out);
  if (type.hasDlpack && viewCapsule(array, type, out, consumer)) {
    out.readOnly = out.readOnly || type.immutable;
    return true;
  }
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_BufferError)) return false;
  PyErr_Clear();
  if (PyObject_HasAttrString(array, "__cuda_array_interface__")) return viewCudaInterface(array, out);
  return viewInterface(array, "__array_interface__", out);
}

bool takesConsumer(const ArrayType& type) {
  return type.hasDlpack && !type.exchange;
}

bool needsNoStream(const ArrayType& type) {
  return type.exchange || type.hostOnly;
}

bool requiresGradient(PyObject* array, const ArrayType& type) {
  if (!type.hasGradients) return false;
  static PyObject* const name = interned("requires_grad");
  Ref value(type.gradients ? type.gradient(type.gradients, array, reinterpret_cast<PyObject*>(Py_TYPE(array)))
                           : PyObject_GetAttr(array, name));
  if (!value) PyErr_Clear();
  return value.get() == Py_True;
}

bool currentStream(const ArrayType& type, int32_t deviceIndex, void** stream) {
  return type.exchange && type.exchange->currentWorkStream &&
         type.exchange->currentWorkStream(cudaDevice, deviceIndex, stream) == 0;
}

std::string dtypeName(const ArrayView& array) {
  const std::string bits = std::to_string(array.bits);
  switch (array.code) {
  case 0:
    return "i" + bits;
  case 1:
    return "u" + bits;
  case 2:
    return "f" + bits;
  case 4:
    return "bf" + bits;
  case 5:
    return "c" + bits;
  case 6:
    return "i1";
  case 10:
    return "f8E4M3FN";
  case 12:
    return "f8E5M2";
  default:
    return "?";
  }
}

std::string deviceName(const ArrayView& array) {
  if (array.deviceType == hostDevice) return "cpu";
  return (array.deviceType == cudaDevice ? "cuda:" : "device:") + std::to_string(array.deviceIndex);
}

} // namespace tuned::python
