# Races of approvals and plans that change, and the proof that the proof can fail: a twin has one file of the
# product replaced by a patched copy, whose object comes before the library that holds the true one.
function(fx_approvals_driver name)
  add_executable(${name} proof/approvals_main.c proof/approvals_rig.c proof/approvals_races.c proof/approvals_plans.c
                         support/postgres.c support/scripted_http.c ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/tests/proof
                                             ${PROJECT_SOURCE_DIR}/src/engine)
  target_compile_options(${name} PRIVATE -Wno-unused-parameter)
  target_link_libraries(${name} PRIVATE fx_engine fx_steps ${SQLITE} ${PQ} PkgConfig::cmocka)
endfunction()

fx_approvals_driver(proof_approvals)
file(GLOB twins CONFIGURE_DEPENDS proof/approvals-twins/*.patch)
foreach(patch IN LISTS twins)
  get_filename_component(name ${patch} NAME_WE)
  file(STRINGS ${patch} line REGEX "^[+][+][+] b/")
  string(REPLACE "+++ b/" "" file ${line})
  get_filename_component(folder ${PROJECT_SOURCE_DIR}/${file} DIRECTORY)
  set(twin ${CMAKE_CURRENT_BINARY_DIR}/twins/${name}.c)
  add_custom_command(OUTPUT ${twin} DEPENDS ${patch} ${PROJECT_SOURCE_DIR}/${file} VERBATIM
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/twins
                     COMMAND patch --silent --fuzz=3 -o ${twin} ${PROJECT_SOURCE_DIR}/${file} ${patch})
  fx_approvals_driver(proof_approvals_twin_${name} ${twin})
  set_source_files_properties(${twin} PROPERTIES INCLUDE_DIRECTORIES ${folder} COMPILE_OPTIONS -Wno-unused-function)
  list(APPEND twin_programs ${name})
endforeach()

add_test(NAME proof.approvals COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/approvals --count 40 --seed 5 --store postgres)
add_test(NAME proof.approvals_sqlite COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/approvals --count 40 --seed 6 --store sqlite)
add_test(NAME proof.approvals_twin COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/approvals-twin --seed 1)
foreach(test IN ITEMS approvals approvals_sqlite approvals_twin)
  set_tests_properties(proof.${test} PROPERTIES ENVIRONMENT FLUXABOT_TESTS=${CMAKE_CURRENT_BINARY_DIR} TIMEOUT 600)
endforeach()
