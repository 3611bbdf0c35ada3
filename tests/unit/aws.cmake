fx_unit_test(aws_sign_test USES base http aws)
foreach(test IN ITEMS aws_call_test aws_endpoint_test aws_fault_test aws_json_test aws_pace_test aws_paging_test
                      aws_query_test aws_rest_test aws_source_test)
  fx_unit_test(${test} USES base http state aws)
  target_sources(${test} PRIVATE support/aws_world.c support/scripted_http.c)
  target_include_directories(${test} PRIVATE ${PROJECT_SOURCE_DIR}/src/aws)
endforeach()
fx_unit_test(aws_chain_test USES base http aws)
target_sources(aws_chain_test PRIVATE support/credential_hosts.c support/loopback.c)
