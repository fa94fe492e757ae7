// _core.Client: a connection to the daemon. Messages go through as JSON; whatever waits lets other threads
// run.
#include "client/python/src/python.h"

#include <vector>

namespace tuned::python {
namespace {

struct ClientObject {
  PyObject_HEAD gputuned_client* handle;
};

gputuned_client* handleOf(PyObject* self) {
  auto* handle = reinterpret_cast<ClientObject*>(self)->handle;
  if (!handle) PyErr_SetString(PyExc_RuntimeError, "this client was not connected");
  return handle;
}

int init(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* names[] = {"socket", "timeout", nullptr};
  PyObject* socket = Py_None;
  gputuned_connect_options options = {sizeof options, nullptr, 0};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|Od:Client", const_cast<char**>(names), &socket,
                                   &options.timeout))
    return -1;
  const char* path = utf8(socket, "socket", true);
  if (!path) return -1;
  if (*path) options.socket = path;
  gputuned_client* handle = nullptr;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = gputuned_connect(&options, &handle);
  }
  if (status != GPUTUNED_OK) {
    raise(status);
    return -1;
  }
  gputuned_disconnect(std::exchange(reinterpret_cast<ClientObject*>(self)->handle, handle));
  return 0;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* handle = reinterpret_cast<ClientObject*>(self)->handle;
  if (handle) {
    const WithoutGil unlocked; // its thread may be in the middle of a question
    gputuned_disconnect(handle);
  }
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject* submit(PyObject* self, PyObject* kernel) {
  auto* client = handleOf(self);
  const char* text = client ? utf8(kernel, "kernel") : nullptr;
  if (!text) return nullptr;
  gputuned_text* info = nullptr;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = gputuned_submit(client, text, &info);
  }
  return status == GPUTUNED_OK ? toUnicode(info) : raise(status);
}

PyObject* best(PyObject* self, PyObject* args) {
  PyObject *kernel = nullptr, *sizes = nullptr, *device = Py_None;
  if (!PyArg_ParseTuple(args, "OO|O:best", &kernel, &sizes, &device)) return nullptr;
  auto* client = handleOf(self);
  const char* name = client ? utf8(kernel, "kernel") : nullptr;
  const char* where = name ? utf8(device, "device", true) : nullptr;
  if (!where) return nullptr;
  if (!PyDict_Check(sizes)) {
    PyErr_SetString(PyExc_TypeError, "sizes must be a dict of names to integers");
    return nullptr;
  }
  std::vector<gputuned_size> list;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(sizes, &at, &key, &value);) {
    const char* text = utf8(key, "a size's name");
    if (!text) return nullptr;
    const long long number = PyLong_AsLongLong(value);
    if (number == -1 && PyErr_Occurred()) return nullptr;
    list.push_back({text, number});
  }
  gputuned_answer* answer = nullptr;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = gputuned_best(client, name, list.data(), list.size(), *where ? where : nullptr, &answer);
  }
  return status == GPUTUNED_OK ? wrapAnswer(answer) : raise(status);
}

PyObject* ask(PyObject* self, PyObject* request) {
  auto* client = handleOf(self);
  const char* text = client ? utf8(request, "request") : nullptr;
  if (!text) return nullptr;
  gputuned_answer* answer = nullptr;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = gputuned_ask(client, text, &answer);
  }
  return status == GPUTUNED_OK ? wrapAnswer(answer) : raise(status);
}

/// Calls back into Python with each event; an exception there ends the following and is raised afterwards.
int progressed(const char* event, void* callback) {
  const PyGILState_STATE state = withGilTaken([] { return PyGILState_Ensure(); });
  int goOn = PyErr_CheckSignals() == 0;
  if (goOn && callback != Py_None) {
    Ref text(PyUnicode_FromString(event));
    Ref result(text ? PyObject_CallFunctionObjArgs(static_cast<PyObject*>(callback), text.get(), nullptr)
                    : nullptr);
    goOn = result ? (result.get() == Py_None ? 1 : PyObject_IsTrue(result.get()) > 0) : 0;
  }
  // The exception waits in this thread's state until the call that follows returns to Python.
  PyGILState_Release(state);
  return goOn;
}

template <auto function> PyObject* follow(PyObject* self, PyObject* args, const char* what) {
  PyObject *request = nullptr, *callback = Py_None;
  if (!PyArg_ParseTuple(args, "O|O", &request, &callback)) return nullptr;
  auto* client = handleOf(self);
  const char* text = client ? utf8(request, what) : nullptr;
  if (!text) return nullptr;
  gputuned_text* done = nullptr;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = function(client, text, progressed, callback, &done);
  }
  if (PyErr_Occurred()) {
    gputuned_text_free(done);
    return nullptr;
  }
  return status == GPUTUNED_OK ? toUnicode(done) : raise(status);
}

PyObject* tune(PyObject* self, PyObject* args) {
  return follow<gputuned_tune>(self, args, "request");
}
PyObject* watch(PyObject* self, PyObject* args) {
  return follow<gputuned_watch>(self, args, "job");
}

PyObject* request(PyObject* self, PyObject* args) {
  PyObject *method = nullptr, *path = nullptr, *body = Py_None;
  if (!PyArg_ParseTuple(args, "OO|O:request", &method, &path, &body)) return nullptr;
  auto* client = handleOf(self);
  const char* verb = client ? utf8(method, "method") : nullptr;
  const char* where = verb ? utf8(path, "path") : nullptr;
  const char* what = where ? utf8(body, "body", true) : nullptr;
  if (!what) return nullptr;
  gputuned_text* answer = nullptr;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = gputuned_request(client, verb, where, what, &answer);
  }
  return status == GPUTUNED_OK ? toUnicode(answer) : raise(status);
}

PyObject* load(PyObject* self, PyObject* answer) {
  auto* client = handleOf(self);
  auto* handle = client ? answerOf(answer) : nullptr;
  if (!handle) return nullptr;
  gputuned_kernel* kernel = nullptr;
  gputuned_status status = GPUTUNED_OK;
  {
    const WithoutGil unlocked;
    status = gputuned_load(client, handle, &kernel);
  }
  return status == GPUTUNED_OK ? wrapBinary(kernel) : raise(status);
}

PyObject* socket(PyObject* self, void*) {
  auto* client = handleOf(self);
  return client ? PyUnicode_FromString(gputuned_socket(client)) : nullptr;
}

PyMethodDef methods[] = {
    {"submit", submit, METH_O,
     "Takes a kernel up (a path, a library name or a document); its KernelInfo as JSON."},
    {"best", best, METH_VARARGS,
     "best(kernel, sizes, device=None): the best that is known, from memory when asked before."},
    {"ask", ask, METH_O, "A BestRequest as JSON, always asked of the daemon."},
    {"tune", tune, METH_VARARGS,
     "tune(request, progress=None): a TuneRequest as JSON; the JobStatus as JSON."},
    {"watch", watch, METH_VARARGS, "watch(job, progress=None)"},
    {"request", request, METH_VARARGS,
     "request(method, path, body=None): any other request; the answer's body."},
    {"load", load, METH_O, "Fetches and loads an answer's binary."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef members[] = {{"socket", socket, nullptr, "Where the daemon listens.", nullptr},
                         {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot slots[] = {
    {Py_tp_init, reinterpret_cast<void*>(init)},
    {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_tp_doc, const_cast<char*>("Client(socket=None, timeout=0): a connection to the daemon.")},
    {0, nullptr}};
PyType_Spec spec = {"gpu_tuned._core.Client", sizeof(ClientObject), 0, Py_TPFLAGS_DEFAULT, slots};

} // namespace

bool addClient(PyObject* module) {
  return Ref(addType(module, &spec)).get() != nullptr;
}

} // namespace tuned::python
