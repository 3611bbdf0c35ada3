fx_unit_test(step_params_test USES base step)
