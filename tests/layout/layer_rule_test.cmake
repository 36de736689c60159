# Usage: cmake -DRULES=<src/cmake> -DWORK=<folder> -P layer_rule_test.cmake
file(REMOVE_RECURSE ${WORK})

# Two modules, `low` in layer 1 and `high` in layer 2.
function(make_project NAME LOW_INCLUDE LOW_USES HIGH_USES)
  set(root ${WORK}/${NAME})
  file(WRITE ${root}/CMakeLists.txt
       "cmake_minimum_required(VERSION 3.25)\nproject(layout LANGUAGES CXX)\n"
       "add_library(warder_settings INTERFACE)\n"
       "target_include_directories(warder_settings INTERFACE \${CMAKE_SOURCE_DIR}/src)\n"
       "include(${RULES}/modules.cmake)\n"
       "add_subdirectory(src/low)\nadd_subdirectory(src/high)\n")
  file(WRITE ${root}/src/low/CMakeLists.txt "add_module(low LAYER 1 ${LOW_USES})\n")
  file(WRITE ${root}/src/low/low.h "#pragma once\n${LOW_INCLUDE}\n")
  file(WRITE ${root}/src/low/low.cpp "#include \"low/low.h\"\n")
  file(WRITE ${root}/src/high/CMakeLists.txt "add_module(high LAYER 2 ${HIGH_USES})\n")
  file(WRITE ${root}/src/high/high.h "#pragma once\n")
  file(WRITE ${root}/src/high/high.cpp "#include \"high/high.h\"\n#include \"low/low.h\"\n")
endfunction()

# expect(NAME TEXT): configuring fails with TEXT in what it says, or succeeds when TEXT is empty.
function(expect NAME TEXT)
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK}/${NAME} -B ${WORK}/${NAME}/build
                  RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  string(REGEX REPLACE "[ \n]+" " " err "${err}")
  if(TEXT STREQUAL "")
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "${NAME}: a correct project was refused:\n${err}")
    endif()
  elseif(status EQUAL 0)
    message(FATAL_ERROR "${NAME}: the build accepted what breaks the layer rule")
  elseif(NOT err MATCHES "${TEXT}")
    message(FATAL_ERROR "${NAME}: wanted '${TEXT}', got:\n${err}")
  endif()
endfunction()

make_project(correct "" "" "USES low")
expect(correct "")

make_project(undeclared "" "" "")
expect(undeclared "includes \"low/...\", but high does not name low in USES")

make_project(upward_include "#include \"high/high.h\"" "" "USES low")
expect(upward_include "includes \"high/...\", but low does not name high in USES")

make_project(upward_use "" "USES high" "USES low")
expect(upward_use "low uses high, which is no module declared before it")

make_project(same_layer "" "" "USES low")
file(WRITE ${WORK}/same_layer/src/high/CMakeLists.txt "add_module(high LAYER 1 USES low)\n")
expect(same_layer "high .layer 1. uses low .layer 1.; a module may use only lower layers")
