# Strategies on recorded search spaces: bench_replay --spaces DIR.
find_package(ZLIB)
if(ZLIB_FOUND)
  add_executable(bench_replay replay/replay.cpp replay/replay_plot.cpp replay/replay_space.cpp)
  target_link_libraries(bench_replay PRIVATE tuned_tuner CLI11::CLI11 ZLIB::ZLIB nlohmann_json::nlohmann_json)
endif()
