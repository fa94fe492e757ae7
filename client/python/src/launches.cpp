#include "client/python/src/launches.h"

namespace tuned::python {
namespace {

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

Outcome start(const Call& call, const Launchable& found) {
  if (overlap(call, found)) return Outcome::NotOurs;
  void* stream = nullptr;
  if (call.deviceArray && !currentStream(*call.deviceArray, call.deviceIndex, &stream)) {
    PyErr_Clear();
    return Outcome::NotOurs;
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
  if (status == GPUTUNED_INVALID_INPUT) return Outcome::NotOurs; // an address breaks a condition of the build
  if (status != GPUTUNED_OK) {
    raise(status);
    return Outcome::Failed;
  }
  return Outcome::Launched;
}

Launchable* seek(Function& function, const Call& call) {
  return function.table.find(hashWords(call.words.data(), call.wordCount), call.words.data(), call.wordCount);
}

/// Launches what was found. A hook is called before, and may change the table.
Outcome launchFound(Function& function, const Call& call, const Launchable* found) {
  if (!found->hook) return start(call, *found);
  const Ref hook = Ref::borrowed(found->hook.get()), meta = metaOf(call, found->meta.get());
  if (!meta || !Ref(PyObject_CallFunctionObjArgs(hook.get(), meta.get(), nullptr))) return Outcome::Failed;
  found = seek(function, call);
  return found && found->binary ? start(call, *found) : Outcome::NotOurs;
}

} // namespace

int Launchable::traverse(visitproc visit, void* arg) const {
  for (const Ref* ref : {&binary, &meta, &hook})
    if (const int told = visitRef(*ref, visit, arg)) return told;
  for (const Ref& ref : kept)
    if (const int told = visitRef(ref, visit, arg)) return told;
  return facts.traverse(visit, arg);
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

Outcome launchFrom(Function& function, Call& call, bool collected) {
  if (!collected || !describe(call)) {
    if (PyErr_Occurred()) PyErr_Clear();
    return Outcome::NotOurs;
  }
  const Launchable* found = seek(function, call);
  if (!found) return Outcome::Unknown;
  if (!found->binary) return found->later ? Outcome::NotOurs : Outcome::Left;
  if (found->facts.agree(call.grid)) return launchFound(function, call, found);
  Programs programs;
  const Ref meta = Ref::borrowed(found->meta.get());
  const bool told = evaluateGrid(call, meta.get(), programs);
  if (!told && PyErr_Occurred()) PyErr_Clear(); // the other way meets it again, and says it as it always does
  found = told ? seek(function, call) : nullptr; // the grid's function may have changed the table
  if (!found || !found->binary || programs != found->grid) return Outcome::NotOurs;
  return launchFound(function, call, found);
}

} // namespace tuned::python
