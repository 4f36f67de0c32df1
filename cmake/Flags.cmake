# Flags that hold for every translation unit of the project.
#
# -ffp-contract=off: the arithmetic contract (docs/arithmetic.md) rounds once per operation; a fused
# multiply-add would change bits.

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -ffp-contract=off)
if(CHURON_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12: its AVX-512 headers read undefined vectors on purpose, and std::string + literal is taken
  # for overlapping memory (GCC bug 105329).
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-psabi)
endif()

if(CHURON_SANITIZE)
  add_compile_options(-fsanitize=${CHURON_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CHURON_SANITIZE})
  # Test sources are many macros and run briefly: with the sanitizers most of their cost is their compilation.
  set(CHURON_TEST_OPTIONS -O0)
endif()
if(CHURON_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
