# The audit log as an operator and an auditor see it: anchors, an old backup, questions to it.
add_test(NAME e2e.audit
         COMMAND node --test --test-reporter spec ${CMAKE_CURRENT_SOURCE_DIR}/e2e/audit.test.mjs)
set_tests_properties(e2e.audit PROPERTIES TIMEOUT 600 ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
