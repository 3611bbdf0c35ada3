fx_unit_test(policy_test USES base policy)
fx_unit_test(policy_persons_test USES base policy)
