# find_package(headcount) defines these targets, for C and C++:
#
#   headcount::headcount  the shared library, or the static one if headcount_USE_STATIC_LIBS is true when find_package is called, or there is no shared one
#   headcount::shared     always the shared library
#   headcount::static     always the static library
#
# The components `shared` and `static` can be required: find_package(headcount 0.1 REQUIRED COMPONENTS static). All paths are relative to this file, so that
# the folder can be moved. A target exists if its library does: packages of a system may leave one of them out.

# The real path: where /lib is a link to /usr/lib, this file can be found as /lib/.../headcountConfig.cmake, whose prefix would be /.
get_filename_component(_headcount_prefix "${CMAKE_CURRENT_LIST_DIR}" REALPATH)
get_filename_component(_headcount_prefix "${_headcount_prefix}/@UP@" ABSOLUTE)
set(_headcount_shared "${_headcount_prefix}/@LIBDIR@/@SHARED@")
set(_headcount_static "${_headcount_prefix}/@LIBDIR@/libheadcount.a")

if(EXISTS "${_headcount_static}")
  include(CMakeFindDependencyMacro)
  find_dependency(Threads)
endif()

# Defines a target of this name for a library, unless another find_package has defined it.
macro(_headcount_add name type)
  if(NOT TARGET headcount::${name})
    add_library(headcount::${name} ${type} IMPORTED)
    set_target_properties(headcount::${name} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_headcount_prefix}/include")
    if("${type}" STREQUAL "SHARED")
      set_target_properties(headcount::${name} PROPERTIES IMPORTED_LOCATION "${_headcount_shared}" IMPORTED_SONAME "@SONAME@")
    else()
      set_target_properties(headcount::${name} PROPERTIES
        IMPORTED_LOCATION "${_headcount_static}" INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
    endif()
  endif()
endmacro()

foreach(_headcount_kind shared static)
  if(EXISTS "${_headcount_${_headcount_kind}}")
    string(TOUPPER "${_headcount_kind}" _headcount_type)
    _headcount_add(${_headcount_kind} ${_headcount_type})
    set(headcount_${_headcount_kind}_FOUND TRUE)
  else()
    set(headcount_${_headcount_kind}_FOUND FALSE)
  endif()
endforeach()

if(headcount_USE_STATIC_LIBS)
  set(_headcount_kind static)
elseif(headcount_shared_FOUND)
  set(_headcount_kind shared)
else()
  set(_headcount_kind static)
endif()
if(headcount_${_headcount_kind}_FOUND)
  string(TOUPPER "${_headcount_kind}" _headcount_type)
  _headcount_add(headcount ${_headcount_type})
else()
  set(headcount_FOUND FALSE)
  set(headcount_NOT_FOUND_MESSAGE "headcount: expected the ${_headcount_kind} library ${_headcount_${_headcount_kind}}: install it")
endif()

foreach(_headcount_component IN LISTS headcount_FIND_COMPONENTS)
  if(headcount_FIND_REQUIRED_${_headcount_component} AND NOT headcount_${_headcount_component}_FOUND)
    set(headcount_FOUND FALSE)
    if(_headcount_component MATCHES "^(shared|static)$")
      set(headcount_NOT_FOUND_MESSAGE "headcount: expected the library ${_headcount_${_headcount_component}} for the component ${_headcount_component}: install it")
    else()
      set(headcount_NOT_FOUND_MESSAGE "headcount: expected one of the components shared and static, got ${_headcount_component}")
    endif()
  endif()
endforeach()

unset(_headcount_component)
unset(_headcount_kind)
unset(_headcount_type)
unset(_headcount_prefix)
unset(_headcount_shared)
unset(_headcount_static)
