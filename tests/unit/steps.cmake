fx_unit_test(steps_evidence_test USES base steps)
target_include_directories(steps_evidence_test PRIVATE ${PROJECT_SOURCE_DIR}/src/steps)
