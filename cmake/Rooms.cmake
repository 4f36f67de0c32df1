# A room is one folder under src/ and one static library. Its IMPORTS line in src/CMakeLists.txt names
# the rooms it may include:
#
#   churon_room(chip IMPORTS base numeric)
#
# - A room sees the headers of its imports and of no other room, so an undeclared include does not compile.
# - An import must be declared above, so a cycle does not configure.
# - `*_test.cpp` beside the sources become the unit test of the room.
# - The room's own CMakeLists.txt holds only what is special about it (libraries, flags of single files).
#
# tests/structure compares the includes in the sources with these lines.

include(GoogleTest)

function(churon_room name)
  cmake_parse_arguments(PARSE_ARGV 1 ROOM "" "" "IMPORTS")
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${folder}/*_test.cpp)
  list(REMOVE_ITEM sources ${tests} ${folder}/main.cpp)

  # The view of a room: a folder that holds nothing but a link to its sources, so that
  # `#include "chip/chip.h"` is found only by those who import `chip`.
  set(view ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${folder} ${view}/${name} SYMBOLIC)
  set(views ${view})
  set(libraries "")
  foreach(import IN LISTS ROOM_IMPORTS)
    if(NOT TARGET churon_${import})
      message(FATAL_ERROR "room ${name} imports ${import}, which is not declared above it: rooms form no cycle")
    endif()
    list(APPEND views ${CMAKE_BINARY_DIR}/rooms/${import})
    list(APPEND libraries $<LINK_ONLY:churon_${import}>)
  endforeach()

  add_library(churon_${name} STATIC ${sources})
  set_target_properties(churon_${name} PROPERTIES LINKER_LANGUAGE CXX CHURON_VIEWS "${views}")
  target_include_directories(churon_${name} PRIVATE ${views})
  target_link_libraries(churon_${name} PUBLIC ${libraries} fmt::fmt Threads::Threads)
  set_property(GLOBAL APPEND PROPERTY CHURON_ROOMS ${name})

  if(tests)
    add_executable(${name}_test ${tests})
    target_include_directories(${name}_test PRIVATE ${views} ${CMAKE_SOURCE_DIR}/tests/support)
    target_link_libraries(${name}_test PRIVATE churon_${name} GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE CHURON_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_compile_options(${name}_test PRIVATE ${CHURON_TEST_OPTIONS})
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                         PROPERTIES LABELS unit TIMEOUT 120)
  endif()
  add_subdirectory(${name})
endfunction()

# What lives outside src/ (tests, bench, validate) may see every room.
function(churon_see_all_rooms target)
  get_property(rooms GLOBAL PROPERTY CHURON_ROOMS)
  foreach(room IN LISTS rooms)
    target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/rooms/${room})
    target_link_libraries(${target} PRIVATE churon_${room})
  endforeach()
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
  target_compile_definitions(${target} PRIVATE CHURON_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endfunction()

# The link graph as CMake has it, one line a room: `name import import …`. tests/structure reads it.
function(churon_write_link_graph file)
  get_property(rooms GLOBAL PROPERTY CHURON_ROOMS)
  set(text "")
  foreach(room IN LISTS rooms)
    get_target_property(libraries churon_${room} LINK_LIBRARIES)
    set(line ${room})
    foreach(library IN LISTS libraries)
      if(library MATCHES "churon_([a-z]+)")
        string(APPEND line " ${CMAKE_MATCH_1}")
      endif()
    endforeach()
    string(APPEND text "${line}\n")
  endforeach()
  file(WRITE ${file} "${text}")
endfunction()
