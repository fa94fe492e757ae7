// What one program of a kernel does, as counted in its IR before anything is compiled. It knows no device:
// what it costs is a model's to say.
#pragma once

#include <cstdint>
#include <vector>

namespace tuned {

/// A product of matrices, m × k by k × n.
struct DotWork {
  int64_t m = 0, n = 0, k = 0;
  int64_t bits = 16; ///< of an element of the first matrix
  double times = 0;  ///< how often a program takes it
};

/// Masks are not looked at: what is masked off counts.
struct ProgramWork {
  double bytesLoaded = 0, bytesStored = 0;
  double operations = 0; ///< elements of arithmetic on tiles, products of matrices left out
  double reduced = 0;    ///< elements that go into reductions, scans and the like, which threads do together
  std::vector<DotWork> dots;
  double steps = 0;     ///< iterations of loops that load
  double stepBytes = 0; ///< that one iteration of such a loop loads, the most of all loops
  int64_t liveBytes =
      0; ///< of tiles of values that are needed at one time; what is cheap to compute again left out
  int64_t widestTile = 0; ///< elements of the largest tile that is loaded, stored or computed
  double meanShare = 1;   ///< the average program's work as a share of this, the longest program's
  int64_t programs = 1;   ///< of the launch
};

template <typename V> void fields(V& v, DotWork& m) {
  v("m", m.m);
  v("n", m.n);
  v("k", m.k);
  v("bits", m.bits);
  v("times", m.times);
}

template <typename V> void fields(V& v, ProgramWork& m) {
  v("bytes_loaded", m.bytesLoaded);
  v("bytes_stored", m.bytesStored);
  v("operations", m.operations);
  v("reduced", m.reduced);
  v("dots", m.dots);
  v("steps", m.steps);
  v("step_bytes", m.stepBytes);
  v("live_bytes", m.liveBytes);
  v("widest_tile", m.widestTile);
  v("mean_share", m.meanShare);
  v("programs", m.programs);
}

} // namespace tuned
