#include "client/python/src/grid.h"

namespace tuned::python {
namespace {

/// The same object, or equal numbers of one exact type.
bool same(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (Py_TYPE(a) != Py_TYPE(b)) return false;
  if (!PyLong_CheckExact(a) && !PyFloat_CheckExact(a) && !PyUnicode_CheckExact(a)) return false;
  return PyObject_RichCompareBool(a, b, Py_EQ) == 1;
}

Ref attribute(PyObject* object, PyObject* name) {
  Ref found(PyObject_GetAttr(object, name));
  if (!found) PyErr_Clear();
  return found;
}

struct Words {
  PyObject* code = PyUnicode_InternFromString("__code__");
  PyObject* globals = PyUnicode_InternFromString("__globals__");
  PyObject* closure = PyUnicode_InternFromString("__closure__");
  PyObject* contents = PyUnicode_InternFromString("cell_contents");
};
const Words& words() {
  static const Words known;
  return known;
}

} // namespace

bool GridFacts::take(PyObject* facts) {
  if (facts == Py_None) return true;
  PyObject *function, *cells, *watched;
  if (!PyArg_ParseTuple(facts, "OO!O!:facts of a grid", &function, &PyTuple_Type, &cells, &PyDict_Type,
                        &watched))
    return false;
  type_ = Py_TYPE(function);
  code_ = Ref(PyObject_GetAttr(function, words().code));
  globals_ = Ref(PyObject_GetAttr(function, words().globals));
  if (!code_ || !globals_) return false;
  cells_ = Ref::borrowed(cells);
  PyObject *name = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(watched, &at, &name, &value);)
    watched_.emplace_back(Ref::borrowed(name), Ref::borrowed(value));
  return true;
}

bool GridFacts::agree(PyObject* grid) const {
  if (!code_ || Py_TYPE(grid) != type_ || attribute(grid, words().code).get() != code_.get() ||
      attribute(grid, words().globals).get() != globals_.get())
    return false;
  const Py_ssize_t count = PyTuple_Size(cells_.get());
  const Ref closure = attribute(grid, words().closure);
  if (!closure || (closure.get() == Py_None ? 0 : PyTuple_Size(closure.get())) != count) return false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Ref value = attribute(PyTuple_GetItem(closure.get(), i), words().contents);
    if (!value || !same(value.get(), PyTuple_GetItem(cells_.get(), i))) return false;
  }
  for (const auto& [name, value] : watched_) {
    PyObject* now = PyDict_GetItemWithError(globals_.get(), name.get());
    if (!same(now ? now : Py_None, value.get())) return false; // None: it is no global, but a built-in
  }
  return true;
}

int GridFacts::traverse(visitproc visit, void* arg) const {
  for (const Ref* ref : {&code_, &globals_, &cells_})
    if (const int told = visitRef(*ref, visit, arg)) return told;
  for (const auto& [name, value] : watched_)
    if (const int told = visitRef(value, visit, arg)) return told;
  return 0;
}

Ref metaOf(const Call& call, PyObject* constants) {
  Ref meta(PyDict_Copy(constants));
  for (size_t i = 0; meta && i < call.count; ++i)
    if (PyDict_SetItem(meta.get(), call.names[i], call.values[i]) < 0) return Ref();
  return meta;
}

bool evaluateGrid(const Call& call, PyObject* constants, Programs& out) {
  Ref made;
  PyObject* grid = call.grid;
  if (!PyTuple_Check(grid) && !PyList_Check(grid)) {
    const Ref meta = metaOf(call, constants);
    made = meta ? Ref(PyObject_CallFunctionObjArgs(grid, meta.get(), nullptr)) : Ref();
    if (!made) return false;
    grid = made.get();
  }
  const Py_ssize_t axes = PySequence_Size(grid);
  if (axes < 1 || axes > 3) return false;
  out = {1, 1, 1};
  for (Py_ssize_t axis = 0; axis < axes; ++axis) {
    Ref extent(PySequence_GetItem(grid, axis));
    if (!extent) return false;
    out[static_cast<size_t>(axis)] = PyLong_AsLong(extent.get());
    if (PyErr_Occurred()) return false;
  }
  return true;
}

} // namespace tuned::python
