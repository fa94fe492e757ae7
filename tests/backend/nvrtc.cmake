# A library that is too old to be used.
add_library(old_nvrtc SHARED ${CMAKE_CURRENT_LIST_DIR}/old_nvrtc.cpp)
tuned_test(test_nvrtc SOURCES nvrtc_test.cpp LINK tuned_nvrtc)
target_compile_definitions(test_nvrtc PRIVATE TUNED_OLD_NVRTC="$<TARGET_FILE:old_nvrtc>")
add_dependencies(test_nvrtc old_nvrtc)
