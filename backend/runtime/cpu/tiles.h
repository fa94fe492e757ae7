/// The matrix unit (AMX) of x86-64 processors: Linux lets a process use its registers only once it has asked.
#pragma once

namespace tuned::cpu {

/// Asks for the registers, once per process; all its threads may then use them. False: the processor or the
/// system has none, or GPU_TUNED_CPU_TILES=0 is set. Code that uses them must not run then.
bool requestTiles();

/// What an object that uses them defines, so that whoever loads it knows: the registers' shapes.
inline constexpr const char* tilesSymbol = "gpu_tuned_tiles";

} // namespace tuned::cpu
