# Is the architecture still true? Each lint is a script that can be run by hand; selftest shows that each
# can fail. Symbols and statics read the object files of this build and, where there is one, of the release.
foreach(lint IN ITEMS awstable modules headers paths format sizes twins)
  add_test(NAME lint.${lint} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/${lint}.sh ${PROJECT_SOURCE_DIR})
endforeach()
set(builds ${CMAKE_BINARY_DIR} ${FLUXABOT_RELEASE_DIR})
list(REMOVE_DUPLICATES builds)
foreach(lint IN ITEMS symbols statics)
  foreach(build IN LISTS builds)
    get_filename_component(which ${build} NAME)
    add_test(NAME lint.${lint}_${which} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/${lint}.sh ${build})
  endforeach()
endforeach()
add_test(NAME lint.selftest COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/selftest.sh)
