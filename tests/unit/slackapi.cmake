fx_unit_test(slackapi_test USES base http slack slackapi)
fx_unit_test(slackapi_directory_test USES base http slack slackapi)
target_sources(slackapi_directory_test PRIVATE support/scripted_http.c)
fx_unit_test(slackapi_files_test USES base http slack slackapi)
