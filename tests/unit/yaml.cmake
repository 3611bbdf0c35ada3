fx_unit_test(yaml_test USES base yaml)
