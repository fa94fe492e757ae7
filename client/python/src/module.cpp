// gpu_tuned._core: the C library for Python. The package's Python files give it its face; errors are theirs,
// too.
#include "client/python/src/array.h"
#include "client/python/src/prefault.h"

namespace tuned::python {
namespace {

PyObject* errorClasses = nullptr; ///< a dict of status names to classes; kept for the life of the process

PyObject* setErrors(PyObject*, PyObject* classes) {
  if (!PyDict_Check(classes)) {
    PyErr_SetString(PyExc_TypeError, "set_errors takes a dict of status names to exception classes");
    return nullptr;
  }
  Py_INCREF(classes);
  Py_XDECREF(std::exchange(errorClasses, classes));
  Py_RETURN_NONE;
}

PyObject* document(PyObject*, PyObject* kernel) {
  const char* name = utf8(kernel, "kernel");
  if (!name) return nullptr;
  gputuned_text* text = nullptr;
  const gputuned_status status = gputuned_document(name, &text);
  return status == GPUTUNED_OK ? toUnicode(text) : raise(status);
}

PyObject* describe(PyObject*, PyObject* array) {
  ArrayView seen;
  if (!view(array, *typeOf(array), seen)) return nullptr;
  return Py_BuildValue("(ssKL)", dtypeName(seen).c_str(), deviceName(seen).c_str(),
                       static_cast<unsigned long long>(seen.address), static_cast<long long>(seen.reach));
}

PyObject* noticeListener = nullptr; ///< called with a text; null: nobody

/// What goes wrong in the listener takes nothing from the launch that it tells of.
void tellNotice(const char* text, void*) {
  const PyGILState_STATE state = withGilTaken([] { return PyGILState_Ensure(); });
  if (const Ref listener = Ref::borrowed(noticeListener)) {
    const Ref said(PyUnicode_FromString(text));
    const Ref done(said ? PyObject_CallFunctionObjArgs(listener.get(), said.get(), nullptr) : nullptr);
    if (!done) PyErr_WriteUnraisable(listener.get());
  }
  PyGILState_Release(state);
}

/// Whether a call that waits for the daemon goes on: not where a signal's handler raised, Ctrl-C's for one.
/// Handlers run on the main thread; others are not held up by its lock.
int goOn(void*) {
  if (gettid() != getpid()) return 1;
  const PyGILState_STATE state = withGilTaken([] { return PyGILState_Ensure(); });
  const int waits = !PyErr_Occurred() && PyErr_CheckSignals() == 0;
  // The exception waits in this thread's state until the call returns to Python.
  PyGILState_Release(state);
  return waits;
}

PyObject* onNotice(PyObject*, PyObject* listener) {
  Ref former(std::exchange(noticeListener, Ref::borrowed(listener).release()));
  gputuned_on_notice(tellNotice, nullptr);
  Py_RETURN_NONE;
}

PyObject* version(PyObject*, PyObject*) {
  return PyLong_FromUnsignedLong(gputuned_version());
}

PyMethodDef functions[] = {
    {"set_errors", setErrors, METH_O, "Says which exception stands for which status."},
    {"document", document, METH_O,
     "A kernel document with its source in it, as JSON; by path or library name."},
    {"describe", describe, METH_O,
     "An array's dtype, device, address, and elements from there to the last one's end."},
    {"on_notice", onNotice, METH_O,
     "Who is called with a line of text that a program should know although it did not ask."},
    {"version", version, METH_NOARGS, "The C library's version as one number."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "gpu_tuned._core",
                          "The C library of tuned.",
                          -1,
                          functions,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

} // namespace

PyObject* raise(const char* kind, const std::string& message) {
  PyObject* type = errorClasses ? PyDict_GetItemString(errorClasses, kind) : nullptr; // borrowed
  PyErr_SetString(type ? type : PyExc_RuntimeError, message.c_str());
  return nullptr;
}

PyObject* raise(gputuned_status status, const std::string& message) {
  return raise(gputuned_status_name(status), message);
}

PyObject* raise(gputuned_status status) {
  if (PyErr_Occurred()) return nullptr; // what ended the call
  return raise(status, gputuned_error_message());
}

PyObject* toUnicode(gputuned_text* text) {
  PyObject* out = PyUnicode_DecodeUTF8(gputuned_text_data(text),
                                       static_cast<Py_ssize_t>(gputuned_text_size(text)), "replace");
  gputuned_text_free(text);
  return out;
}

const char* utf8(PyObject* object, const char* what, bool noneAllowed) {
  if (noneAllowed && object == Py_None) return "";
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "%s must be a str", what);
    return nullptr;
  }
  return PyUnicode_AsUTF8AndSize(object, nullptr);
}

PyObject* addType(PyObject* module, PyType_Spec* spec) {
  PyObject* type = PyType_FromModuleAndSpec(module, spec, nullptr);
  if (!type) return nullptr;
  const char* dot = spec->name;
  for (const char* c = spec->name; *c; ++c)
    if (*c == '.') dot = c + 1;
  if (PyModule_AddObjectRef(module, dot, type) < 0) {
    Py_DECREF(type);
    return nullptr;
  }
  return type;
}

namespace {
/// False, with the exception: the C library that was loaded is not of the version that this was built for.
bool fits() {
  constexpr uint32_t built =
      GPUTUNED_VERSION_MAJOR * 1000000 + GPUTUNED_VERSION_MINOR * 1000 + GPUTUNED_VERSION_PATCH;
  const uint32_t loaded = gputuned_version();
  if (loaded == built) return true;
  PyErr_Format(PyExc_ImportError,
               "the C library libgputuned that was loaded is %u.%u.%u, and gpu_tuned is of %u.%u.%u; two "
               "installations are mixed: install gpu-tuned anew, and look at LD_LIBRARY_PATH",
               loaded / 1000000, loaded / 1000 % 1000, loaded % 1000, built / 1000000, built / 1000 % 1000,
               built % 1000);
  return false;
}
} // namespace

} // namespace tuned::python

PyMODINIT_FUNC PyInit__core() {
  using namespace tuned::python;
  if (!fits()) return nullptr;
  prefault();
  Ref module(PyModule_Create(&definition));
  if (!module || !addAnswer(module.get()) || !addClient(module.get()) || !addDispatcher(module.get()) ||
      !addCalls(module.get()))
    return nullptr;
  gputuned_on_wait(goOn, nullptr);
  return module.release();
}
