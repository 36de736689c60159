# add_module(NAME LAYER n [USES module...] [PACKAGES target...])
#
# Makes the static library warder_NAME from the .cpp and .h files of the current folder and keeps
# the layer rule of src/README.md, at configure time:
#   - a module may use only modules of a lower layer;
#   - a file may include "other/..." only if `other` stands in USES.
# check_includes() does the same for the program and for tools, which are no module.

find_package(PkgConfig REQUIRED)

function(check_includes NAME LAYER FILES USES)
  get_property(known GLOBAL PROPERTY warder_modules)
  foreach(used IN LISTS USES)
    get_property(used_layer GLOBAL PROPERTY warder_layer_${used})
    if("${used_layer}" STREQUAL "")
      message(FATAL_ERROR "layer rule: ${NAME} uses ${used}, which is no module declared before it")
    endif()
    if(NOT used_layer LESS LAYER)
      message(FATAL_ERROR "layer rule: ${NAME} (layer ${LAYER}) uses ${used} (layer ${used_layer}); "
                          "a module may use only lower layers")
    endif()
  endforeach()
  set(allowed ${NAME} ${USES})
  file(GLOB folders RELATIVE ${CMAKE_SOURCE_DIR}/src LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/src/*)
  foreach(file IN LISTS FILES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(STRINGS ${file} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[\"<][a-z_0-9]+/")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^[ \t]*#[ \t]*include[ \t]*[\"<]([a-z_0-9]+)/.*" "\\1" folder "${line}")
      if(folder IN_LIST folders AND line MATCHES "\"" AND NOT folder IN_LIST allowed)
        message(FATAL_ERROR "layer rule: ${file} includes \"${folder}/...\", "
                            "but ${NAME} does not name ${folder} in USES")
      endif()
    endforeach()
  endforeach()
endfunction()

function(add_module NAME)
  cmake_parse_arguments(ARG "" "LAYER" "USES;PACKAGES" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_module(${NAME}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  set(files ${sources} ${headers})
  check_includes(${NAME} ${ARG_LAYER} "${files}" "${ARG_USES}")
  set_property(GLOBAL PROPERTY warder_layer_${NAME} ${ARG_LAYER})
  set_property(GLOBAL APPEND PROPERTY warder_modules ${NAME})

  if(sources)
    add_library(warder_${NAME} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(warder_${NAME} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_sources(warder_${NAME} ${scope} FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src
                 FILES ${headers})
  set(libraries ${ARG_USES})
  list(TRANSFORM libraries PREPEND warder_)
  target_link_libraries(warder_${NAME} ${scope} warder_settings ${libraries} ${ARG_PACKAGES})
endfunction()
