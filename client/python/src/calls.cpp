// _core.Calls: launches of a function whose compiler sees scalars, other values and addresses, as Triton's
// kernels do. A call is found by all that its build may depend on (call.h). A grid that is a function is
// asked each time, unless it is known what it follows from (grid.h), and the build is launched only on the
// grid it was found for. What is not in the table, or is of no kind known here, is not launched, and nothing
// is said: the caller has another way.
#include "client/python/src/launches.h"

#include <memory>

namespace tuned::python {
namespace {

/// Whether a call is the one that was looked up before: of the same objects.
bool isMissed(const Missed& missed, PyObject* args, PyObject* keywords) {
  const Py_ssize_t count = PyTuple_Size(args);
  if (count != PyTuple_Size(missed.args) || PyDict_Size(keywords) != PyDict_Size(missed.keywords))
    return false;
  for (Py_ssize_t i = 0; i < count; ++i)
    if (PyTuple_GetItem(args, i) != PyTuple_GetItem(missed.args, i)) return false;
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(missed.keywords, &at, &name, &value);)
    if (PyDict_GetItemWithError(keywords, name) != value) return false;
  return true;
}

/// True: launched; False: not for us; None: nothing is known of such a call; null: a launch that failed.
PyObject* told(Outcome outcome) {
  if (outcome == Outcome::Failed) return nullptr;
  if (outcome == Outcome::Unknown) Py_RETURN_NONE;
  return PyBool_FromLong(outcome == Outcome::Launched);
}

PyObject* launch(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  Function* function = functionOf(self);
  if (count != 2 || !function || !PyTuple_Check(values[0]) || !PyDict_Check(values[1])) {
    PyErr_SetString(PyExc_TypeError, "launch(args, kwargs)");
    return nullptr;
  }
  if (const Missed* missed = std::exchange(function->missed, nullptr);
      missed && isMissed(*missed, values[0], values[1]))
    return told(missed->outcome);
  Call call;
  const bool collected = collect(function->names, values[0], values[1], call);
  return told(launchFrom(*function, call, collected));
}

PyObject* isQuiet(PyObject* self, PyObject*) {
  Function* function = functionOf(self);
  return PyBool_FromLong(function && quiet(*function));
}

PyObject* watch(PyObject* self, PyObject* args) {
  PyObject *runtime, *kernel;
  Function* function = functionOf(self);
  if (!function || !PyArg_ParseTuple(args, "OO:watch", &runtime, &kernel)) return nullptr;
  function->runtime = runtime == Py_None ? Ref() : Ref::borrowed(runtime);
  function->kernel = kernel == Py_None ? Ref() : Ref::borrowed(kernel);
  Py_RETURN_NONE;
}

bool readNumbers(PyObject* tuple, std::vector<size_t>& out, size_t below) {
  if (PyTuple_Size(tuple) > static_cast<Py_ssize_t>(maxValues)) {
    PyErr_Format(PyExc_ValueError, "order: a launch has at most %zu buffers", maxValues);
    return false;
  }
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
  function.missed = nullptr; // it may be known now
  for (size_t i = 0; i < call.count; ++i)
    if (!call.addresses[i]) entry.kept.push_back(Ref::borrowed(call.values[i]));
  function.table.put(hashWords(call.words.data(), call.wordCount), call.words.data(), call.wordCount,
                     std::move(entry));
  Py_RETURN_TRUE;
}

PyObject* put(PyObject* self, PyObject* args) {
  Function* function = functionOf(self);
  PyObject *positional, *keywords, *binary, *order, *written, *meta, *facts = Py_None, *hook = Py_None;
  Launchable entry;
  if (!function ||
      !PyArg_ParseTuple(args, "O!O!OO!O!(lll)O!|OO:put", &PyTuple_Type, &positional, &PyDict_Type, &keywords,
                        &binary, &PyTuple_Type, &order, &PyTuple_Type, &written, &entry.grid[0],
                        &entry.grid[1], &entry.grid[2], &PyDict_Type, &meta, &facts, &hook))
    return nullptr;
  Call call;
  if (!collect(function->names, positional, keywords, call) || !describe(call)) {
    if (PyErr_Occurred()) PyErr_Clear();
    Py_RETURN_FALSE;
  }
  entry.later = binary == Py_False;
  if (binary == Py_None || entry.later) return keep(*function, call, std::move(entry));
  std::vector<size_t> writes;
  if (!binaryOf(binary) || !readNumbers(order, entry.order, call.count) ||
      !readNumbers(written, writes, entry.order.size()) || !entry.facts.take(facts))
    return nullptr;
  for (size_t buffer : writes)
    entry.written |= uint64_t{1} << buffer;
  entry.binary = Ref::borrowed(binary);
  entry.meta = Ref::borrowed(meta);
  if (hook != Py_None) entry.hook = Ref::borrowed(hook);
  return keep(*function, call, std::move(entry));
}

PyObject* clear(PyObject* self, PyObject*) {
  if (Function* function = functionOf(self)) function->table.clear();
  Py_RETURN_NONE;
}

Py_ssize_t length(PyObject* self) {
  Function* function = functionOf(self);
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

/// A kernel's globals are known to its table (grid.h), and have the kernel, which has the table.
int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const Function* function = functionOf(self);
  if (!function) return 0;
  for (const Ref* ref : {&function->runtime, &function->kernel})
    if (const int told = visitRef(*ref, visit, arg)) return told;
  return function->table.each([&](const Launchable& entry) { return entry.traverse(visit, arg); });
}

int clearReferences(PyObject* self) {
  if (Function* function = functionOf(self)) {
    function->table.clear();
    const Ref runtime = std::move(function->runtime), kernel = std::move(function->kernel);
  }
  return 0;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  delete std::exchange(reinterpret_cast<CallsObject*>(self)->function, nullptr);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyObject* bind(PyObject* self, PyObject* args) {
  PyObject *owner, *grid;
  return PyArg_ParseTuple(args, "OO:bind", &owner, &grid) ? bindCall(self, owner, grid) : nullptr;
}

PyMethodDef methods[] = {
    {"launch", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(launch)), METH_FASTCALL,
     "launch(args, kwargs): True: launched; False: not for us; None: nothing is known of such a call."},
    {"put", put, METH_VARARGS,
     "put(args, kwargs, binary, order, written, grid, meta, facts=None, hook=None): what such a call "
     "launches (None: "
     "nothing of ours; False: nothing of ours yet); order has of each buffer the argument it is, written "
     "which "
     "buffers are, meta what a grid's function sees besides, facts what its result follows from, hook what "
     "is called "
     "before each launch. "
     "False: such calls cannot be told apart."},
    {"watch", watch, METH_VARARGS, "watch(runtime, kernel): Triton's knobs and function, for quiet()."},
    {"quiet", isQuiet, METH_NOARGS,
     "Nobody listens to launches, and the kernel's globals are as they were: Triton would only launch."},
    {"bind", bind, METH_VARARGS,
     "bind(owner, grid): a callable that launches from the table, or calls owner.run(…, grid=grid, "
     "warmup=False)."},
    {"clear", clear, METH_NOARGS, "Forgets all."},
    {nullptr, nullptr, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_init, reinterpret_cast<void*>(init)},
                       {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
                       {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clearReferences)},
                       {Py_tp_methods, methods},
                       {Py_sq_length, reinterpret_cast<void*>(length)},
                       {Py_tp_doc, const_cast<char*>("Calls(names): launches by all that a call's build may "
                                                     "depend on; names are the positional arguments'.")},
                       {0, nullptr}};
PyType_Spec spec = {"gpu_tuned._core.Calls", sizeof(CallsObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                    slots};

} // namespace

bool addCalls(PyObject* module) {
  return Ref(addType(module, &spec)) && addBound(module);
}

} // namespace tuned::python
