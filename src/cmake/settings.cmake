# Compiler settings of every target of ours, on one interface target.
add_library(warder_settings INTERFACE)
target_include_directories(warder_settings INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(warder_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor)
if(WARDER_WERROR)
  target_compile_options(warder_settings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND WARDER_SANITIZE)
  # g++ 12 reports maybe-uninitialized in library headers once a sanitizer adds its branches
  # (GCC bug 105562).
  target_compile_options(warder_settings INTERFACE -Wno-maybe-uninitialized)
endif()
if(WARDER_SANITIZE)
  target_compile_options(warder_settings INTERFACE
    -fsanitize=${WARDER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(warder_settings INTERFACE -fsanitize=${WARDER_SANITIZE})
endif()
if(WARDER_FUZZ)
  # Marks the branches of all our code, so that a search follows inputs into the modules and not only
  # through the target's own file; -fsanitize=fuzzer, with its main, is for the targets alone.
  target_compile_options(warder_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(WARDER_HARDEN)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  target_compile_options(warder_settings INTERFACE
    -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    -D_GLIBCXX_ASSERTIONS -ffunction-sections -fdata-sections)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(warder_settings INTERFACE -fcf-protection)
  endif()
  target_link_options(warder_settings INTERFACE
    -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections)
endif()

find_program(WARDER_CCACHE ccache)
if(WARDER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${WARDER_CCACHE})
endif()
