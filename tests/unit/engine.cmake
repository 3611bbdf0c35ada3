foreach(test IN ITEMS engine_decide_test engine_recall_test engine_page_test engine_sparklines_test engine_follow_ups_test
                      engine_freeze_test engine_promises_test engine_promises_together_test engine_host_test
                      engine_told_test engine_left_test engine_storm_test engine_steps_test engine_asks_test
                      engine_incidents_test engine_together_test engine_files_test engine_incident_watch_test)
  fx_unit_test(${test} USES base store state engine LIBS ${SQLITE})
  target_include_directories(${test} PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
  target_sources(${test} PRIVATE unit/engine_rig.c support/scripted_http.c)
endforeach()
target_sources(engine_steps_test PRIVATE unit/engine_scripted_step.c)
target_sources(engine_asks_test PRIVATE unit/engine_scripted_step.c support/fault_store.c)

foreach(test IN ITEMS engine_change_test engine_gate_test engine_between_test engine_freeze_command_test engine_click_test
                      engine_remind_test)
  fx_unit_test(${test} USES base http policy slack slackapi store state engine LIBS ${SQLITE})
  target_include_directories(${test} PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
  target_sources(${test} PRIVATE unit/change_world.c unit/engine_rig.c support/fault_store.c support/scripted_http.c)
endforeach()

fx_unit_test(engine_matrix_test USES base http policy runbook slack slackapi store state engine LIBS ${SQLITE})
target_include_directories(engine_matrix_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_matrix_test PRIVATE unit/engine_rig.c support/scripted_http.c)

fx_unit_test(engine_terminal_test USES base anchor policy store state engine LIBS ${SQLITE})
target_include_directories(engine_terminal_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_terminal_test PRIVATE unit/engine_rig.c support/scripted_http.c)

# The wait is the shipped one, and the table of kinds holds all of them.
fx_unit_test(engine_watch_test USES base http sql aws expr step steps store state engine LIBS ${SQLITE})
target_include_directories(engine_watch_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_watch_test PRIVATE unit/engine_rig.c support/scripted_http.c)

foreach(test IN ITEMS engine_schedule_test engine_schedule_told_test)
  fx_unit_test(${test} USES base store state engine LIBS ${SQLITE})
  target_include_directories(${test} PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
  target_sources(${test} PRIVATE unit/engine_schedule_rig.c support/scripted_http.c)
endforeach()

fx_unit_test(engine_who_test USES base http slack slackapi policy state engine)
target_include_directories(engine_who_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_who_test PRIVATE support/scripted_http.c)

# They bring their own fx_aws_call, so the real one is not linked in.
foreach(test IN ITEMS engine_reconcile_test engine_poison_test engine_threads_test engine_crashes_test)
  fx_unit_test(${test} USES base store state engine LIBS ${SQLITE})
  target_include_directories(${test} PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
  target_sources(${test} PRIVATE support/scripted_http.c)
endforeach()

foreach(test IN ITEMS engine_threads_test engine_crashes_test)
  target_sources(${test} PRIVATE unit/threads_rig.c)
endforeach()

fx_unit_test(engine_deliver_test USES base http slack slackapi pagerdutyapi store state engine LIBS ${SQLITE})
target_include_directories(engine_deliver_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_deliver_test PRIVATE support/scripted_http.c)

fx_unit_test(engine_damage_test USES base store state engine LIBS ${SQLITE})
target_include_directories(engine_damage_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_damage_test PRIVATE support/scripted_http.c)
