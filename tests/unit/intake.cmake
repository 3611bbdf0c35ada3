# The tests bring their own fx_aws_call, so the real one is not linked in.
fx_unit_test(intake_test USES base http sns intake)
fx_unit_test(intake_alarms_test USES base http sns intake)
fx_unit_test(intake_metric_test USES base http sns intake)
