#include "client/python/src/array_call.h"

namespace tuned::python {
namespace {

/// Asks the library of an array for its current stream, in Python. False with an exception.
bool askStream(PyObject* self, PyObject* array, const ArrayType& type, ArrayCall& call) {
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
bool agreeOnStream(const std::vector<Ref>& names, size_t at, ArrayCall& call) {
  const auto& wanted = call.views[at].stream;
  if (call.streamGiven || !wanted) return true;
  if (!call.streamSettled) {
    call.stream = *wanted == 1 ? nullptr : reinterpret_cast<void*>(*wanted);
    call.streamSettled = true;
    return true;
  }
  if (consumerStream(call.stream) == static_cast<ConsumerStream>(*wanted)) return true;
  const char* name = utf8(names[at].get(), "name");
  return name && raise(GPUTUNED_INVALID_INPUT,
                       std::string("the array '") + name +
                           "' is made on a stream of its own, and others on another; synchronise, and "
                           "pass stream=") != nullptr;
}

/// Views what needs no stream, and finds the one to launch on: that of the first array on a CUDA device whose
/// library has a current one. `later`: some arrays are to be viewed yet.
bool findStream(PyObject* self, const std::vector<Ref>& names, ArrayCall& call, bool& later) {
  const size_t count = names.size();
  const auto sought = [&] { return !call.streamGiven && !call.streamOwner; };
  for (size_t i = 0; i < count; ++i) {
    const ArrayType& type = *call.types[i];
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
    if (const ArrayType& type = *call.types[i]; !needsNoStream(type))
      if (!askStream(self, call.arrays[i], type, call)) return false;
  call.streamSettled = !sought();
  return true;
}

} // namespace

bool viewAll(PyObject* self, const std::vector<Ref>& names, ArrayCall& call) {
  bool later = false;
  if (!findStream(self, names, call, later)) return false;
  if (!later) return true;
  const size_t count = names.size();
  for (size_t i = 0; i < count; ++i) {
    const ArrayType& type = *call.types[i];
    if (needsNoStream(type) || takesConsumer(type)) continue;
    if (!view(call.arrays[i], type, call.views[i]) || !agreeOnStream(names, i, call)) return false;
  }
  for (size_t i = 0; i < count; ++i) {
    const ArrayType& type = *call.types[i];
    if (needsNoStream(type) || !takesConsumer(type)) continue;
    const ConsumerStream consumer = &type == call.streamOwner ? nobodyWaits : consumerStream(call.stream);
    ArrayView& array = call.views[i];
    if (!view(call.arrays[i], type, array, consumer)) return false;
    // One that refuses DLPack may name a stream in its interface, where no library was told of another yet.
    if (!agreeOnStream(names, i, call)) return false;
    call.streamSettled = call.streamSettled || (array.keeper && array.deviceType == cudaDevice);
  }
  return true;
}

} // namespace tuned::python
