# Redrives under fire, and the proof that the proof can fail. Where a kill strikes differs with what runs beside them; what
# must be true does not.
set(proof_environment FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
add_test(NAME proof.redrive COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/redrive --count 12 --seed 7)
add_test(NAME proof.redrive_twin COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/redrive-twin --seed 1)
set_tests_properties(proof.redrive PROPERTIES ENVIRONMENT "${proof_environment}" TIMEOUT 600)
set_tests_properties(proof.redrive_twin PROPERTIES ENVIRONMENT "${proof_environment}" TIMEOUT 600)
add_test(NAME proof.judge COMMAND node --test ${PROJECT_SOURCE_DIR}/tests/proof/judge.test.mjs)
set_tests_properties(proof.judge PROPERTIES TIMEOUT 600)

# What no run can show: every order of events in small models. Two searches at a time.
add_test(NAME proof.model COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/model)
set_tests_properties(proof.model PROPERTIES TIMEOUT 600 PROCESSORS 2)
add_test(NAME proof.model_judge COMMAND node --test ${PROJECT_SOURCE_DIR}/tests/proof/model.test.mjs)
set_tests_properties(proof.model_judge PROPERTIES TIMEOUT 600)

# Messages through a Slack that fails a third of the time: marked, by two bots that share a pace; and looked up. Mostly
# waiting.
add_test(NAME proof.outbox COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/outbox --count 24 --channels 3 --kills 1 --replicas 2 --seed 1)
add_test(NAME proof.outbox_look COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/outbox --count 24 --kills 1 --seed 2 --look)
add_test(NAME proof.outbox_judge COMMAND node --test ${PROJECT_SOURCE_DIR}/tests/proof/outbox_judge.test.mjs)
set_tests_properties(proof.outbox proof.outbox_look proof.outbox_judge PROPERTIES ENVIRONMENT "${proof_environment}" TIMEOUT 600)
