// _core.Calls: launches of a function whose compiler sees scalars, other values and addresses, as Triton's
// kernels do. A call is found by all that its build may depend on (call.h). A grid that is a function is
// asked each time, unless it is known what it follows from (grid.h), and the build is launched only on the
// grid it was found for. What is not in the table, or is of no kind known here, is not launched, and nothing
// is said: the caller has another way.
//
// _core.BoundCall: what kernel[grid] is: it launches from the table, and asks the kernel's run() for the
// rest.
#include "client/python/src/grid.h"
#include "client/python/src/table.h"

#include <memory>

namespace tuned::python {
namespace {

bool enabled = false; ///< whether bound calls look into tables; under the GIL

struct Launchable {
  Ref binary;                ///< empty: not for us
  std::vector<size_t> order; ///< of each buffer, the value it is
  uint64_t written = 0;      ///< bit i: buffer i is
  Programs grid = {1, 1, 1};
  GridFacts facts;       ///< of the grid function that gave it
  Ref meta;              ///< a dict: what a grid's function sees besides the arguments
  Ref hook;              ///< called with the arguments before each launch; empty: none
  std::vector<Ref> kept; ///< objects that the key names by their address

  int traverse(visitproc visit, void* arg) const {
    for (const Ref* ref : {&binary, &meta, &hook})
      if (const int told = visitRef(*ref, visit, arg)) return told;
    for (const Ref& ref : kept)
      if (const int told = visitRef(ref, visit, arg)) return told;
    return facts.traverse(visit, arg);
  }
};

/// A call that was looked up and is now handed to the kernel's owner, who would look it up again. It lives on
/// the stack of whoever hands it over.
struct Missed {
  PyObject *args, *keywords; ///< keywords may be null
  PyObject* answer;          ///< False or None, as launchFrom() gave it
};

struct Function {
  std::vector<Ref> names; ///< of positional arguments, interned
  Table<Launchable> table;
  Ref runtime, kernel; ///< Triton's knobs.runtime and JITFunction: who listens to launches; may be empty
  const Missed* missed = nullptr;
};

struct CallsObject {
  PyObject_HEAD Function* function;
};

struct BoundObject {
  PyObject_HEAD PyObject *calls, *owner, *grid;
};

PyTypeObject* boundType = nullptr;

Function* functionOf(PyObject* calls) {
  return reinterpret_cast<CallsObject*>(calls)->function;
}

// --- whether Triton would do nothing but launch ---

/// A hook of launches that is not set, or a chain without members.
bool silent(PyObject* runtime, PyObject* name) {
  static PyObject* const callsName = PyUnicode_InternFromString("calls");
  const Ref hook(PyObject_GetAttr(runtime, name));
  if (!hook || hook.get() == Py_None) return hook.get() != nullptr;
  const Ref chain(PyObject_GetAttr(hook.get(), callsName));
  return chain && PyList_Check(chain.get()) && PyList_Size(chain.get()) == 0;
}

/// The globals that the kernel's source reads are as they were when it was compiled.
bool sameGlobals(PyObject* kernel) {
  static PyObject* const name = PyUnicode_InternFromString("used_global_vals");
  const Ref used(PyObject_GetAttr(kernel, name));
  if (!used || !PyDict_Check(used.get())) return false;
  PyObject *key = nullptr, *entry = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(used.get(), &at, &key, &entry);) {
    if (!PyTuple_Check(key) || PyTuple_Size(key) < 1 || !PyTuple_Check(entry) || PyTuple_Size(entry) != 2)
      return false;
    PyObject* scope = PyTuple_GetItem(entry, 1);
    PyObject* now = PyDict_Check(scope) ? PyDict_GetItemWithError(scope, PyTuple_GetItem(key, 0)) : nullptr;
    if (!now || PyObject_RichCompareBool(now, PyTuple_GetItem(entry, 0), Py_EQ) != 1) return false;
  }
  return true;
}

bool quiet(const Function& function) {
  static PyObject* const enter = PyUnicode_InternFromString("launch_enter_hook");
  static PyObject* const exit = PyUnicode_InternFromString("launch_exit_hook");
  static PyObject* const before = PyUnicode_InternFromString("pre_run_hooks");
  bool none =
      !function.runtime || (silent(function.runtime.get(), enter) && silent(function.runtime.get(), exit));
  if (none && function.kernel) {
    const Ref hooks(PyObject_GetAttr(function.kernel.get(), before));
    none = hooks && PyObject_Size(hooks.get()) == 0 && sameGlobals(function.kernel.get());
  }
  if (PyErr_Occurred()) PyErr_Clear(); // of no kind known here
  return none;
}

// --- launching ---

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

/// Launches what was found. A hook is called before, and may change the table.
PyObject* launchFound(Function& function, const Call& call, const Launchable* found) {
  if (!found->hook) return start(call, *found);
  const Ref hook = Ref::borrowed(found->hook.get()), meta = metaOf(call, found->meta.get());
  if (!meta || !Ref(PyObject_CallFunctionObjArgs(hook.get(), meta.get(), nullptr))) return nullptr;
  found = seek(function, call);
  if (!found || !found->binary) Py_RETURN_FALSE;
  return start(call, *found);
}

/// True: launched; False: not for us; None: nothing is known of such a call; null: a launch that failed.
PyObject* launchFrom(Function& function, PyObject* args, PyObject* keywords, PyObject* grid) {
  Call call;
  call.grid = grid;
  if (!collect(function.names, args, keywords, call) || !describe(call)) {
    if (PyErr_Occurred()) PyErr_Clear();
    Py_RETURN_FALSE;
  }
  const Launchable* found = seek(function, call);
  if (!found) Py_RETURN_NONE;
  if (!found->binary) Py_RETURN_FALSE;
  if (found->facts.agree(call.grid)) return launchFound(function, call, found);
  Programs programs;
  const Ref meta = Ref::borrowed(found->meta.get());
  const bool told = evaluateGrid(call, meta.get(), programs);
  if (!told && PyErr_Occurred()) PyErr_Clear(); // the other way meets it again, and says it as it always does
  found = told ? seek(function, call) : nullptr; // the grid's function may have changed the table
  if (!found || !found->binary || programs != found->grid) Py_RETURN_FALSE;
  return launchFound(function, call, found);
}

/// Whether a call is the one that was looked up before: of the same objects, and with a grid besides.
bool isMissed(const Missed& missed, PyObject* args, PyObject* keywords) {
  const Py_ssize_t count = PyTuple_Size(args);
  if (count != PyTuple_Size(missed.args)) return false;
  for (Py_ssize_t i = 0; i < count; ++i)
    if (PyTuple_GetItem(args, i) != PyTuple_GetItem(missed.args, i)) return false;
  constexpr Py_ssize_t ownersWords = 2; // grid and warmup
  if (PyDict_Size(keywords) != (missed.keywords ? PyDict_Size(missed.keywords) : 0) + ownersWords)
    return false;
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; missed.keywords && PyDict_Next(missed.keywords, &at, &name, &value);)
    if (PyDict_GetItemWithError(keywords, name) != value) return false;
  return true;
}

PyObject* launch(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  Function* function = functionOf(self);
  if (count != 2 || !function || !PyTuple_Check(values[0]) || !PyDict_Check(values[1])) {
    PyErr_SetString(PyExc_TypeError, "launch(args, kwargs)");
    return nullptr;
  }
  if (const Missed* missed = std::exchange(function->missed, nullptr);
      missed && isMissed(*missed, values[0], values[1]))
    return Ref::borrowed(missed->answer).release();
  return launchFrom(*function, values[0], values[1], nullptr);
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
  if (binary == Py_None) return keep(*function, call, std::move(entry));
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

// --- kernel[grid] ---

PyObject* bind(PyObject* self, PyObject* args) {
  PyObject *owner, *grid;
  if (!PyArg_ParseTuple(args, "OO:bind", &owner, &grid)) return nullptr;
  auto* bound = PyObject_GC_New(BoundObject, boundType);
  if (!bound) return nullptr;
  bound->calls = Ref::borrowed(self).release();
  bound->owner = Ref::borrowed(owner).release();
  bound->grid = Ref::borrowed(grid).release();
  PyObject_GC_Track(bound);
  return reinterpret_cast<PyObject*>(bound);
}

int traverseBound(PyObject* self, visitproc visit, void* arg) {
  const auto& bound = *reinterpret_cast<BoundObject*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(bound.calls);
  Py_VISIT(bound.owner);
  Py_VISIT(bound.grid);
  return 0;
}

int clearBound(PyObject* self) {
  auto& bound = *reinterpret_cast<BoundObject*>(self);
  Py_CLEAR(bound.calls);
  Py_CLEAR(bound.owner);
  Py_CLEAR(bound.grid);
  return 0;
}

void unbind(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clearBound(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

/// owner.run(*args, grid=grid, warmup=False, **keywords)
PyObject* runOwner(const BoundObject& bound, PyObject* args, PyObject* keywords) {
  static PyObject* const runName = PyUnicode_InternFromString("run");
  const Ref run(PyObject_GetAttr(bound.owner, runName));
  const Ref all(keywords ? PyDict_Copy(keywords) : PyDict_New());
  if (!run || !all) return nullptr;
  for (const auto& [name, value] : {std::pair{"grid", bound.grid}, std::pair{"warmup", Py_False}}) {
    const Ref key(PyUnicode_InternFromString(name));
    if (!key) return nullptr;
    const int given = PyDict_Contains(all.get(), key.get());
    if (given > 0) PyErr_Format(PyExc_TypeError, "a launch got two values for '%s'", name);
    if (given != 0 || PyDict_SetItem(all.get(), key.get(), value) < 0) return nullptr;
  }
  return PyObject_Call(run.get(), args, all.get());
}

PyObject* callBound(PyObject* self, PyObject* args, PyObject* keywords) {
  const auto& bound = *reinterpret_cast<BoundObject*>(self);
  if (!bound.calls) {
    PyErr_SetString(PyExc_RuntimeError, "this kernel[grid] is garbage");
    return nullptr;
  }
  Function* function = functionOf(bound.calls);
  if (!enabled || !function || !quiet(*function)) return runOwner(bound, args, keywords);
  const Ref done(launchFrom(*function, args, keywords, bound.grid));
  if (!done) return nullptr;
  if (done.get() == Py_True) Py_RETURN_NONE; // Triton would give its compiled kernel; there is none
  const Ref held = Ref::borrowed(bound.calls);
  const Missed missed = {args, keywords, done.get()};
  function->missed = &missed;
  PyObject* result = runOwner(bound, args, keywords);
  if (function->missed == &missed) function->missed = nullptr; // another thread's may stand there
  return result;
}

PyObject* enableCalls(PyObject*, PyObject* args) {
  int wanted = 0;
  PyObject* descriptor = Py_None;
  if (!PyArg_ParseTuple(args, "p|O:enable_calls", &wanted, &descriptor)) return nullptr;
  enabled = wanted != 0;
  takeDescriptorType(descriptor);
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"launch", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(launch)), METH_FASTCALL,
     "launch(args, kwargs): True: launched; False: not for us; None: nothing is known of such a call."},
    {"put", put, METH_VARARGS,
     "put(args, kwargs, binary, order, written, grid, meta, facts=None, hook=None): what such a call "
     "launches (None: "
     "nothing of ours); order has of each buffer the argument it is, written which buffers are, meta what a "
     "grid's function sees besides, facts what its result follows from, hook what is called before each "
     "launch. "
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

PyType_Slot boundSlots[] = {{Py_tp_call, reinterpret_cast<void*>(callBound)},
                            {Py_tp_dealloc, reinterpret_cast<void*>(unbind)},
                            {Py_tp_traverse, reinterpret_cast<void*>(traverseBound)},
                            {Py_tp_clear, reinterpret_cast<void*>(clearBound)},
                            {Py_tp_doc, const_cast<char*>("kernel[grid]: call it to launch.")},
                            {0, nullptr}};
PyType_Spec boundSpec = {"gpu_tuned._core.BoundCall", sizeof(BoundObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                         boundSlots};
PyMethodDef moduleFunctions[] = {{"enable_calls", enableCalls, METH_VARARGS,
                                  "enable_calls(on, descriptor=None): whether bound calls launch from their "
                                  "tables; descriptor is the class of "
                                  "tensor descriptors."},
                                 {nullptr, nullptr, 0, nullptr}};

} // namespace

bool addCalls(PyObject* module) {
  boundType = reinterpret_cast<PyTypeObject*>(addType(module, &boundSpec));
  return boundType && Ref(addType(module, &spec)) && PyModule_AddFunctions(module, moduleFunctions) == 0;
}

} // namespace tuned::python
