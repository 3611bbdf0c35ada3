fx_unit_test(pagerduty_test USES base pagerduty)
