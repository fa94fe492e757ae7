// _core.BoundCall: what kernel[grid] is: it launches from the table, and asks the kernel's run() for the
// rest.
#include "client/python/src/launches.h"

namespace tuned::python {
namespace {

bool enabled = false;        ///< whether bound calls look into tables; under the GIL
PyObject* leftRun = nullptr; ///< run(owner, …) for calls that are left to Triton; null: the owner's

struct BoundObject {
  PyObject_HEAD PyObject *calls, *owner, *grid;
  Vectorcall vectorcall;
};

PyTypeObject* boundType = nullptr;

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

/// A call's positional values, the owner before them if it is none's method, as a tuple. Null with an
/// exception.
Ref positionalOf(PyObject* owner, PyObject* const* values, size_t count) {
  const Py_ssize_t before = owner ? 1 : 0;
  Ref tuple(PyTuple_New(before + static_cast<Py_ssize_t>(count)));
  if (tuple && owner) PyTuple_SetItem(tuple.get(), 0, Ref::borrowed(owner).release());
  for (size_t i = 0; tuple && i < count; ++i)
    PyTuple_SetItem(tuple.get(), before + static_cast<Py_ssize_t>(i), Ref::borrowed(values[i]).release());
  return tuple;
}

/// Keywords with grid and warmup=False. Null with an exception.
Ref keywordsOf(PyObject* grid, PyObject* const* values, PyObject* names) {
  static PyObject* const gridName = PyUnicode_InternFromString("grid");
  static PyObject* const warmupName = PyUnicode_InternFromString("warmup");
  Ref all(PyDict_New());
  if (!all || PyDict_SetItem(all.get(), gridName, grid) < 0 ||
      PyDict_SetItem(all.get(), warmupName, Py_False) < 0)
    return Ref();
  const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GetItem(names, i);
    const int given = PyDict_Contains(all.get(), name);
    if (given > 0) PyErr_Format(PyExc_TypeError, "a launch got two values for '%U'", name);
    if (given != 0 || PyDict_SetItem(all.get(), name, values[i]) < 0) return Ref();
  }
  return all;
}

/// owner.run(*args, grid=grid, warmup=False, **keywords), or what calls that are left to Triton get instead.
PyObject* runOwner(const BoundObject& bound, PyObject* const* values, size_t positional, PyObject* names,
                   Outcome outcome) {
  static PyObject* const runName = PyUnicode_InternFromString("run");
  const bool left = outcome == Outcome::Left && leftRun;
  const Ref run = left ? Ref::borrowed(leftRun) : Ref(PyObject_GetAttr(bound.owner, runName));
  const Ref args = run ? positionalOf(left ? bound.owner : nullptr, values, positional) : Ref();
  const Ref keywords = args ? keywordsOf(bound.grid, values + positional, names) : Ref();
  if (!keywords) return nullptr;
  Function* function = functionOf(bound.calls);
  if (left || !function || outcome == Outcome::Failed)
    return PyObject_Call(run.get(), args.get(), keywords.get());
  const Ref held = Ref::borrowed(bound.calls);
  const Missed missed = {args.get(), keywords.get(), outcome};
  function->missed = &missed;
  PyObject* result = PyObject_Call(run.get(), args.get(), keywords.get());
  if (function->missed == &missed) function->missed = nullptr; // another thread's may stand there
  return result;
}

PyObject* callVector(PyObject* self, PyObject* const* values, size_t flagged, PyObject* names) {
  const auto& bound = *reinterpret_cast<BoundObject*>(self);
  if (!bound.calls) {
    PyErr_SetString(PyExc_RuntimeError, "this kernel[grid] is garbage");
    return nullptr;
  }
  const Ref alive = Ref::borrowed(self);
  const size_t positional = vectorcallCount(flagged);
  Function* function = functionOf(bound.calls);
  // Failed: it was not looked up.
  if (!enabled || !function || !quiet(*function))
    return runOwner(bound, values, positional, names, Outcome::Failed);
  Call call;
  call.grid = bound.grid;
  const bool collected = collect(function->names, values, positional, names, call);
  const Outcome outcome = launchFrom(*function, call, collected);
  if (outcome == Outcome::Failed) return nullptr;
  if (outcome == Outcome::Launched) Py_RETURN_NONE; // Triton would give its compiled kernel; there is none
  return runOwner(bound, values, positional, names, outcome);
}

/// The same for who calls with a tuple and a dict.
PyObject* callTuple(PyObject* self, PyObject* args, PyObject* keywords) {
  std::vector<PyObject*> values;
  for (Py_ssize_t i = 0; i < PyTuple_Size(args); ++i)
    values.push_back(PyTuple_GetItem(args, i));
  const Ref names(keywords ? PySequence_Tuple(keywords) : nullptr);
  if (keywords && !names) return nullptr;
  for (Py_ssize_t i = 0; names && i < PyTuple_Size(names.get()); ++i)
    values.push_back(PyDict_GetItemWithError(keywords, PyTuple_GetItem(names.get(), i)));
  return callVector(self, values.data(), static_cast<size_t>(PyTuple_Size(args)), names.get());
}

PyObject* enableCalls(PyObject*, PyObject* args) {
  int wanted = 0;
  PyObject *descriptor = Py_None, *left = Py_None;
  if (!PyArg_ParseTuple(args, "p|OO:enable_calls", &wanted, &descriptor, &left)) return nullptr;
  enabled = wanted != 0;
  takeDescriptorType(descriptor);
  const Ref former(std::exchange(leftRun, left == Py_None ? nullptr : Ref::borrowed(left).release()));
  Py_RETURN_NONE;
}

// --- owner[grid] ---

/// What bound_item() was told last, for the life of the process.
struct Item {
  PyObject *attribute, *run, *plain;
};
Item item = {};

/// owner[grid]: where builds of ours are known, what launches them without Python code. An owner whose class
/// has another run() is left alone.
PyObject* getItem(PyObject* owner, PyObject* grid) {
  static PyObject* const runName = PyUnicode_InternFromString("run");
  static PyObject* const callsName = PyUnicode_InternFromString("calls");
  const Ref known(PyObject_GenericGetDict(owner, nullptr));
  PyObject* builds = known ? PyDict_GetItemWithError(known.get(), item.attribute) : nullptr;
  const Ref run(builds ? PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(owner)), runName) : nullptr);
  const Ref calls(run && run.get() == item.run ? PyObject_GetAttr(builds, callsName) : nullptr);
  if (calls) return bindCall(calls.get(), owner, grid);
  if (PyErr_Occurred()) PyErr_Clear();
  return PyObject_CallFunctionObjArgs(item.plain, owner, grid, nullptr);
}

PyObject* makeItem(PyObject*, PyObject* args) {
  PyObject *type, *attribute, *run, *plain;
  if (!PyArg_ParseTuple(args, "O!OOO:bound_item", &PyType_Type, &type, &attribute, &run, &plain))
    return nullptr;
  static PyMethodDef method = {"__getitem__", getItem, METH_O, "kernel[grid]: call it to launch."};
  for (PyObject* kept : {attribute, run, plain})
    Py_INCREF(kept);
  item = {attribute, run, plain};
  return PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type), &method);
}

PyMemberDef boundPlaces[] = {vectorcallPlace(offsetof(BoundObject, vectorcall)), {nullptr, 0, 0, 0, nullptr}};
PyType_Slot boundSlots[] = {{Py_tp_call, reinterpret_cast<void*>(callTuple)},
                            {Py_tp_members, boundPlaces},
                            {Py_tp_dealloc, reinterpret_cast<void*>(unbind)},
                            {Py_tp_traverse, reinterpret_cast<void*>(traverseBound)},
                            {Py_tp_clear, reinterpret_cast<void*>(clearBound)},
                            {Py_tp_doc, const_cast<char*>("kernel[grid]: call it to launch.")},
                            {0, nullptr}};
PyType_Spec boundSpec = {
    "gpu_tuned._core.BoundCall", sizeof(BoundObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | haveVectorcall, boundSlots};
PyMethodDef moduleFunctions[] = {
    {"enable_calls", enableCalls, METH_VARARGS,
     "enable_calls(on, descriptor=None, left=None): whether bound calls launch from their "
     "tables; descriptor is the class of tensor descriptors; left(owner, …) takes "
     "calls that are known to be none of ours, in place of owner.run(…)."},
    {"bound_item", makeItem, METH_VARARGS,
     "bound_item(type, attribute, run, plain): a __getitem__ for the type, which "
     "binds what owner.__dict__[attribute].calls has; plain(owner, grid) where there "
     "is none, and where type(owner).run is another one than run."},
    {nullptr, nullptr, 0, nullptr}};

} // namespace

bool addBound(PyObject* module) {
  boundType = reinterpret_cast<PyTypeObject*>(addType(module, &boundSpec));
  return boundType && PyModule_AddFunctions(module, moduleFunctions) == 0;
}

PyObject* bindCall(PyObject* calls, PyObject* owner, PyObject* grid) {
  auto* bound = PyObject_GC_New(BoundObject, boundType);
  if (!bound) return nullptr;
  bound->calls = Ref::borrowed(calls).release();
  bound->owner = Ref::borrowed(owner).release();
  bound->grid = Ref::borrowed(grid).release();
  bound->vectorcall = callVector;
  PyObject_GC_Track(bound);
  return reinterpret_cast<PyObject*>(bound);
}

} // namespace tuned::python
