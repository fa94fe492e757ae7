# Bundles of many builds, there and back.
add_executable(bundle_bench bundle_bench.cpp)
target_link_libraries(bundle_bench PRIVATE tuned_bundle)
