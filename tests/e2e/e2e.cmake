# End-to-end tests: each starts a sandbox of its own on free ports, so they may run side by side.
find_program(NODE node REQUIRED)

function(fx_e2e_test name timeout)
  add_test(NAME e2e.${name} COMMAND ${NODE} --test --test-reporter=spec ${PROJECT_SOURCE_DIR}/tests/e2e/${name}.test.mjs)
  set_tests_properties(e2e.${name} PROPERTIES TIMEOUT ${timeout} ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
endfunction()

fx_e2e_test(move_task 120)
fx_e2e_test(approvers 120)
fx_e2e_test(readme 60)
fx_e2e_test(follow_up 120)
fx_e2e_test(main_job 60)
fx_e2e_test(schedule 400) # the shortest interval is ten seconds
fx_e2e_test(redis 120)
fx_e2e_test(postgres 180)
fx_e2e_test(reconcile 300)
fx_e2e_test(life 180)

# The same once more with the programs of this tree, which carry its sanitizers.
if(FLUXABOT_SANITIZE)
  add_test(NAME e2e.main_job_sanitized COMMAND ${NODE} --test --test-reporter=spec ${PROJECT_SOURCE_DIR}/tests/e2e/main_job.test.mjs)
  set_tests_properties(e2e.main_job_sanitized PROPERTIES TIMEOUT 120 ENVIRONMENT FLUXABOT_BUILD=${CMAKE_BINARY_DIR})
endif()
