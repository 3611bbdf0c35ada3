# Tampering with the audit log of a real database, and the proof that the proof can fail.
add_test(NAME proof.audit COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/audit --count 100 --seed 3)
add_test(NAME proof.audit_twin COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/audit-twin --seed 1)
set_tests_properties(proof.audit PROPERTIES ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR} TIMEOUT 600)
set_tests_properties(proof.audit_twin PROPERTIES ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR} TIMEOUT 600)
