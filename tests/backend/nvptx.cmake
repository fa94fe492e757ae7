find_package(rapidcheck REQUIRED)
tuned_test(test_layout SOURCES layout_test.cpp layout_conversion_test.cpp LINK tuned_nvptx_layout rapidcheck)
