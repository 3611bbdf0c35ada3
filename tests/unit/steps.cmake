fx_unit_test(steps_evidence_test USES base steps)
target_include_directories(steps_evidence_test PRIVATE ${PROJECT_SOURCE_DIR}/src/steps)
# These bring AWS and a database of their own: steps_rig.c stands in the place of the module sql.
foreach(test IN ITEMS steps_returns_test steps_redrive_test steps_move_task_test
                      steps_selective_test steps_sql_test steps_aws_test steps_change_test steps_s3_digest_test
        steps_net_path_test steps_logs_test steps_metric_test steps_quarantine_test steps_override_test
        steps_revert_test steps_revert_mishaps_test steps_revert_plan_test)
  fx_unit_test(${test} USES base aws step steps)
  target_sources(${test} PRIVATE unit/steps_rig.c support/aws_world.c support/scripted_http.c)
  target_include_directories(${test} PRIVATE ${PROJECT_SOURCE_DIR}/src/steps)
endforeach()
foreach(test IN ITEMS steps_revert_test steps_revert_mishaps_test steps_revert_plan_test)
  target_sources(${test} PRIVATE unit/revert_rig.c)
endforeach()
# Real servers, and a resolver of its own.
fx_unit_test(steps_probe_test USES base http aws step steps)
target_sources(steps_probe_test PRIVATE support/loopback.c support/tls_server.c)
target_include_directories(steps_probe_test PRIVATE ${PROJECT_SOURCE_DIR}/src/steps)
fx_unit_test(steps_redis_test USES base redis step steps)
target_sources(steps_redis_test PRIVATE support/redis_server.c support/loopback.c)
target_include_directories(steps_redis_test PRIVATE ${PROJECT_SOURCE_DIR}/src/steps)
