# CHURON_HIGHS: where the HiGHS solver is, as scripts/setup unpacks it from the wheel that
# cmake/highsbox.txt pins. The wheel's own CMake package points to a wrong folder, and its C++ interface has another ABI.
file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/highsbox.txt requirement REGEX "^highsbox==")
string(REGEX MATCH "==([0-9.]+)" _ "${requirement}")
if(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(cache "$ENV{XDG_CACHE_HOME}")
else()
  set(cache "$ENV{HOME}/.cache")
endif()
set(CHURON_HIGHS "${cache}/churon/highs-${CMAKE_MATCH_1}" CACHE PATH "HiGHS: lib/libhighs.so and include/highs")
if(NOT EXISTS ${CHURON_HIGHS}/lib/libhighs.so)
  message(FATAL_ERROR "HiGHS is not in ${CHURON_HIGHS}: run `scripts/setup build`")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/highsbox.txt)
