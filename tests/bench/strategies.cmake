# Strategies on recorded search spaces: bench_strategies --spaces DIR.
find_package(ZLIB)
if(ZLIB_FOUND)
  add_executable(bench_strategies strategies.cpp)
  target_link_libraries(bench_strategies PRIVATE tuned_tuner CLI11::CLI11 ZLIB::ZLIB)
endif()
