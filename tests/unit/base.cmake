foreach(test IN ITEMS base_error_test base_slice_test base_scope_test base_buf_test base_json_test
                      base_clock_test base_digest_test base_sign_test base_redact_test base_log_test base_metrics_test
                      base_effect_test base_turns_test base_spark_test)
  fx_unit_test(${test} USES base)
endforeach()
