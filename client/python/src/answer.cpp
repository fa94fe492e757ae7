// _core.Answer and _core.Binary: an answer of the daemon, and its binary loaded.
#include "client/python/src/python.h"

#include <vector>

namespace tuned::python {
namespace {

PyTypeObject* answerType = nullptr;
PyTypeObject* binaryType = nullptr;

struct AnswerObject {
  PyObject_HEAD gputuned_answer* handle;
};
struct BinaryObject {
  PyObject_HEAD gputuned_kernel* handle;
};

template <typename Object, typename Handle>
PyObject* wrap(PyTypeObject* type, Handle* handle, void (*release)(Handle*)) {
  auto* object = PyObject_New(Object, type);
  if (!object) {
    release(handle);
    return nullptr;
  }
  object->handle = handle;
  return reinterpret_cast<PyObject*>(object);
}

template <typename Object, auto release> void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  release(reinterpret_cast<Object*>(self)->handle);
  PyObject_Free(self);
  Py_DECREF(type);
}

gputuned_answer_view viewOf(PyObject* self) {
  gputuned_answer_view view = {};
  view.size = sizeof view;
  gputuned_answer_get(reinterpret_cast<AnswerObject*>(self)->handle, &view);
  return view;
}

PyObject* json(PyObject* self, PyObject*) {
  gputuned_text* text = nullptr;
  const gputuned_status status = gputuned_answer_json(reinterpret_cast<AnswerObject*>(self)->handle, &text);
  return status == GPUTUNED_OK ? toUnicode(text) : raise(status);
}

PyObject* settled(PyObject* self, void*) {
  return PyBool_FromLong(viewOf(self).settled);
}
PyObject* kernel(PyObject* self, void*) {
  return PyUnicode_FromString(viewOf(self).kernel);
}
PyObject* artefact(PyObject* self, void*) {
  return PyUnicode_FromString(viewOf(self).artefact);
}
PyObject* device(PyObject* self, void*) {
  return PyUnicode_FromString(viewOf(self).device);
}

PyObject* buffers(PyObject* self, void*) {
  return PyLong_FromSize_t(gputuned_kernel_buffers(reinterpret_cast<BinaryObject*>(self)->handle));
}

PyObject* launch(PyObject* self, PyObject* args) {
  PyObject* addresses = nullptr;
  unsigned long long stream = 0;
  if (!PyArg_ParseTuple(args, "O|K:launch", &addresses, &stream)) return nullptr;
  const Py_ssize_t count = PySequence_Size(addresses);
  if (count < 0) return nullptr;
  std::vector<const void*> buffers(static_cast<size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    Ref item(PySequence_GetItem(addresses, i));
    if (!item) return nullptr;
    buffers[static_cast<size_t>(i)] = PyLong_AsVoidPtr(item.get());
    if (PyErr_Occurred()) return nullptr;
  }
  const auto* handle = reinterpret_cast<BinaryObject*>(self)->handle;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = gputuned_launch(handle, buffers.data(), buffers.size(), reinterpret_cast<void*>(stream));
  }
  if (status != GPUTUNED_OK) return raise(status);
  Py_RETURN_NONE;
}

PyMethodDef answerMethods[] = {{"json", json, METH_NOARGS, "Everything, as JSON."},
                               {nullptr, nullptr, 0, nullptr}};
PyGetSetDef answerMembers[] = {
    {"settled", settled, nullptr, "A winner that no tuning under way will replace.", nullptr},
    {"kernel", kernel, nullptr, "The kernel's id.", nullptr},
    {"artefact", artefact, nullptr, "SHA-256 of the binary.", nullptr},
    {"device", device, nullptr, "Where the binary runs.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot answerSlots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy<AnswerObject, gputuned_answer_free>)},
    {Py_tp_methods, answerMethods},
    {Py_tp_getset, answerMembers},
    {Py_tp_doc, const_cast<char*>("An answer of the daemon.")},
    {0, nullptr}};
PyType_Spec answerSpec = {"gpu_tuned._core.Answer", sizeof(AnswerObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, answerSlots};

PyMethodDef binaryMethods[] = {
    {"launch", launch, METH_VARARGS,
     "launch(addresses, stream=0): starts one launch on buffers in argument order."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef binaryMembers[] = {{"buffers", buffers, nullptr, "Buffers that a launch takes.", nullptr},
                               {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot binarySlots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy<BinaryObject, gputuned_kernel_free>)},
    {Py_tp_methods, binaryMethods},
    {Py_tp_getset, binaryMembers},
    {Py_tp_doc, const_cast<char*>("A winner's binary, loaded.")},
    {0, nullptr}};
PyType_Spec binarySpec = {"gpu_tuned._core.Binary", sizeof(BinaryObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, binarySlots};

} // namespace

bool addAnswer(PyObject* module) {
  answerType = reinterpret_cast<PyTypeObject*>(addType(module, &answerSpec));
  binaryType = reinterpret_cast<PyTypeObject*>(addType(module, &binarySpec));
  return answerType && binaryType;
}

gputuned_answer* answerOf(PyObject* object) {
  if (PyObject_TypeCheck(object, answerType)) return reinterpret_cast<AnswerObject*>(object)->handle;
  PyErr_SetString(PyExc_TypeError, "an Answer is expected");
  return nullptr;
}
PyObject* wrapAnswer(gputuned_answer* answer) {
  return wrap<AnswerObject>(answerType, answer, gputuned_answer_free);
}
gputuned_kernel* binaryOf(PyObject* object) {
  if (PyObject_TypeCheck(object, binaryType)) return reinterpret_cast<BinaryObject*>(object)->handle;
  PyErr_SetString(PyExc_TypeError, "a Binary is expected");
  return nullptr;
}
PyObject* wrapBinary(gputuned_kernel* kernel) {
  return wrap<BinaryObject>(binaryType, kernel, gputuned_kernel_free);
}

} // namespace tuned::python
