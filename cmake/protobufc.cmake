# protobufc.cmake - protobuf-c code from .proto files, warnings off for what is generated.
# tipring_proto(<library> <dir> <file.proto> ...): paths relative to <dir>, the import root.
# The library also carries tipring_schema_hash(): the first 64 bits of SHA-256 over all files.
function(tipring_proto lib root)
  set(out ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${out})
  set(all "")
  set(sources "")
  foreach(f IN LISTS ARGN)
    file(READ ${root}/${f} text)
    string(APPEND all "${text}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${root}/${f})
    string(REGEX REPLACE "\\.proto$" "" base ${f})
    add_custom_command(OUTPUT ${out}/${base}.pb-c.c ${out}/${base}.pb-c.h
      COMMAND ${PROTOC_C} --proto_path=${root} --c_out=${out} ${f}
      DEPENDS ${root}/${f} VERBATIM)
    list(APPEND sources ${out}/${base}.pb-c.c)
  endforeach()
  string(SHA256 hash "${all}")
  string(SUBSTRING ${hash} 0 16 hash)
  file(CONFIGURE OUTPUT ${out}/tipring/v1/schema_hash.h @ONLY CONTENT
"/* generated: the first 64 bits of SHA-256 over every .proto file, compared at HELLO */
#pragma once
#define TIPRING_SCHEMA_HASH 0x${hash}ull
")
  add_library(${lib} STATIC ${sources})
  target_include_directories(${lib} SYSTEM PUBLIC ${out})
  target_link_libraries(${lib} PUBLIC PkgConfig::PROTOBUFC)
endfunction()
