# Whole programs under attack: one sandbox per file, driven through its doors.
foreach(name commands redrive people faults files intake config)
  add_test(NAME e2e.${name}
           COMMAND node --test --test-reporter spec ${CMAKE_CURRENT_SOURCE_DIR}/e2e/${name}.test.mjs)
  set_tests_properties(e2e.${name} PROPERTIES TIMEOUT 600
                       ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
endforeach()
