// CPython through its limited API (3.10), so that one build serves every later version.
#pragma once

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <structmember.h>

#include "client/capi/gputuned.h"

#include <string>
#include <unistd.h>
#include <utility>

namespace tuned::python {

/// A reference that is given back with the object.
class Ref {
public:
  Ref() = default;
  /// Takes over a new reference; null stands for an error that Python knows.
  explicit Ref(PyObject* owned) : object_(owned) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }
  static Ref borrowed(PyObject* object) {
    Py_XINCREF(object);
    return Ref(object);
  }
  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

private:
  PyObject* object_ = nullptr;
};

/// Takes the GIL by `take`. When the interpreter ends, CPython ends the threads that ask for the GIL, and
/// does it by unwinding their stacks, which destructors here must not take part in (they have no GIL). Such a
/// thread waits for the end of the process instead, as CPython itself has it from 3.14 on.
template <typename Take> auto withGilTaken(Take take) {
  try {
    return take();
  } catch (...) {
    for (;;)
      pause();
  }
}

// Calls without a tuple and a dict of arguments, which CPython has had since 3.9 and its limited API names
// since 3.12. A type with the flag has a member at vectorcallPlace() and a tp_call besides.
using Vectorcall = PyObject* (*)(PyObject* self, PyObject* const* values, size_t flagged, PyObject* names);
constexpr unsigned haveVectorcall = 1U << 11;
inline size_t vectorcallCount(size_t flagged) {
  return flagged & ~(size_t{1} << (8 * sizeof(size_t) - 1));
}
inline PyMemberDef vectorcallPlace(size_t offset) {
  return {"__vectorcalloffset__", T_PYSSIZET, static_cast<Py_ssize_t>(offset), READONLY, nullptr};
}

/// Others may run Python while the scope lives.
class WithoutGil {
public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() {
    withGilTaken([this] { PyEval_RestoreThread(state_); });
  }
  WithoutGil(const WithoutGil&) = delete;

private:
  PyThreadState* state_;
};

/// Sets the exception for a failure of the C library: the class that gpu_tuned.errors has for the status.
/// Returns null.
PyObject* raise(gputuned_status status);
/// The same with a message of our own.
PyObject* raise(gputuned_status status, const std::string& message);
/// Of a kind that is only Python's: "dtype", "layout", "array_device".
PyObject* raise(const char* kind, const std::string& message);

/// A text handle as str; frees it.
PyObject* toUnicode(gputuned_text* text);

/// UTF-8 of a str, or null with a TypeError that names `what`. Lives as long as the object. None: "" if
/// allowed.
const char* utf8(PyObject* object, const char* what, bool noneAllowed = false);

/// What Python's garbage collector visits of a reference; to be returned when it is not 0.
inline int visitRef(const Ref& ref, visitproc visit, void* arg) {
  return ref ? visit(ref.get(), arg) : 0;
}

/// Makes a heap type, adds it to the module, returns a new reference or null.
PyObject* addType(PyObject* module, PyType_Spec* spec);

bool addClient(PyObject* module);
bool addAnswer(PyObject* module);
bool addDispatcher(PyObject* module);
bool addCalls(PyObject* module);

/// The handle of an _core.Answer, or null with a TypeError.
gputuned_answer* answerOf(PyObject* object);
PyObject* wrapAnswer(gputuned_answer* answer);
/// The handle of an _core.Binary, or null with a TypeError.
gputuned_kernel* binaryOf(PyObject* object);
PyObject* wrapBinary(gputuned_kernel* kernel);

} // namespace tuned::python
