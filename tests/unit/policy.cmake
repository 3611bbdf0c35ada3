fx_unit_test(policy_test USES base policy)
