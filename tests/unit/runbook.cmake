foreach(name IN ITEMS runbook_open_test runbook_findings_test runbook_match_test runbook_arguments_test
                      runbook_route_test runbook_ticks_test)
  fx_unit_test(${name} USES base yaml expr step runbook)
  target_sources(${name} PRIVATE support/runbook_kinds.c)
endforeach()
