// Grids of launches: numbers, or functions of a launch's arguments and constants.
#pragma once

#include "client/python/src/call.h"

namespace tuned::python {

using Programs = std::array<long, 3>;

/// What the result of a grid function follows from besides the call's own values, where that is known
/// (gpu_tuned/triton/_grid.py says when): its code, the values in its closure, and the globals that it reads.
/// A function that agrees in all of them need not be called.
class GridFacts {
public:
  GridFacts() = default;
  /// From (function, cells, watched): the grid function, a tuple, and a dict of names to values (None: no
  /// global has that name); or None, of which nothing is known. False with an exception.
  bool take(PyObject* facts);
  bool agree(PyObject* grid) const;
  int traverse(visitproc visit, void* arg) const;

private:
  PyTypeObject* type_ = nullptr; ///< Python's functions'
  Ref code_, globals_, cells_;
  std::vector<std::pair<Ref, Ref>> watched_;
};

/// What a function of a call is given: the call's values by name, and `constants`. Null with an exception.
Ref metaOf(const Call& call, PyObject* constants);

/// The grid that the call has now; a function gets the call's values by name and `constants`. False with or
/// without an exception when it is none.
bool evaluateGrid(const Call& call, PyObject* constants, Programs& out);

} // namespace tuned::python
