foreach(name IN ITEMS web_guard_test web_slack_test web_sns_test web_sns_refused_test web_sns_unverified_test web_slow_test
                      web_tls_test web_start_test)
  fx_unit_test(${name} USES base store state sns slack web LIBS ${CRYPTO})
  target_sources(${name} PRIVATE support/web_rig.c support/fault_store.c support/signer.c)
endforeach()
foreach(name IN ITEMS web_sns_test web_sns_refused_test web_sns_unverified_test)
  target_sources(${name} PRIVATE unit/web_sns_rig.c)
endforeach()
