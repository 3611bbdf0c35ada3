foreach(name IN ITEMS sandbox_sqs_test sandbox_sigv4_test sandbox_aws_test sandbox_metrics_test)
  fx_unit_test(${name} USES base http sql sandbox LIBS ${CRYPTO})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/sandbox)
endforeach()
