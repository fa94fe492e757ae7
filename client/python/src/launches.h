// A function's table of launches: what is launched where all that a build may depend on is the same.
#pragma once

#include "client/python/src/grid.h"
#include "client/python/src/table.h"

namespace tuned::python {

struct Launchable {
  Ref binary;                ///< empty: not for us
  bool later = false;        ///< … but something may come for it: its owner is to be asked each time
  std::vector<size_t> order; ///< of each buffer, the value it is
  uint64_t written = 0;      ///< bit i: buffer i is
  Programs grid = {1, 1, 1};
  GridFacts facts;       ///< of the grid function that gave it
  Ref meta;              ///< a dict: what a grid's function sees besides the arguments
  Ref hook;              ///< called with the arguments before each launch; empty: none
  std::vector<Ref> kept; ///< objects that the key names by their address

  int traverse(visitproc visit, void* arg) const;
};

enum class Outcome {
  Failed, ///< with the exception of a launch
  Launched,
  Left,    ///< such calls are not for us, and never will be
  NotOurs, ///< this one is not: another grid, buffers that overlap, values of no kind known here, or not yet
  Unknown, ///< nothing is known of such calls
};

/// A call that was looked up and is now handed to the kernel's owner, who would look it up again. It lives on
/// the stack of whoever hands it over.
struct Missed {
  PyObject *args, *keywords; ///< a tuple, and a dict with grid and warmup
  Outcome outcome;
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

/// The function of a _core.Calls; null once it is garbage.
inline Function* functionOf(PyObject* calls) {
  return reinterpret_cast<CallsObject*>(calls)->function;
}

/// Whether Triton would do nothing but launch: nobody listens, and the globals that the kernel's source reads
/// are as they were.
bool quiet(const Function& function);

/// Launches from the table. `collected`: what collect() said of the call.
Outcome launchFrom(Function& function, Call& call, bool collected);

/// Makes the type _core.BoundCall, which _core.Calls.bind gives.
bool addBound(PyObject* module);
/// A new one. Null with an exception.
PyObject* bindCall(PyObject* calls, PyObject* owner, PyObject* grid);

} // namespace tuned::python
