fx_unit_test(slackapi_test USES base http slack slackapi)
