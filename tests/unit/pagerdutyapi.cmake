fx_unit_test(pagerdutyapi_test USES base http pagerduty pagerdutyapi)
