/* steps_net_path_test.c - the step `net.path`: groups add up, the lowest rule of an access list
 * decides, and blocks are compared bit by bit. */
#include "steps_rig.h"

#include <stdio.h>
#include <string.h>

#define SUBNETS                                                                                    \
    "'subnets':[{'SubnetId':'f1','VpcId':'v','CidrBlock':'10.0.1.0/24'},"                          \
    "{'SubnetId':'d1','VpcId':'v','CidrBlock':'10.0.11.0/24'}]"
#define SIDES                                                                                      \
    "'from':{'groups':['sg-f'],'subnets':['f1']},'to':{'groups':['sg-d'],'subnets':['d1']},"       \
    "'port':5432"
#define GROUPS(outbound, inbound)                                                                  \
    "'groups':[{'GroupId':'sg-f','IpPermissionsEgress':[" outbound                                 \
    "]},{'GroupId':'sg-d','IpPermissions':[" inbound "]}]"
#define ALL "{'IpProtocol':'-1','IpRanges':[{'CidrIp':'0.0.0.0/0'}]}"
#define FROM_BLOCK(block)                                                                          \
    "{'IpProtocol':'tcp','FromPort':5432,'ToPort':5432,'IpRanges':[{'CidrIp':'" block "'}]}"

static bool is_open(struct steps_rig *rig, const char *params) {
    struct fx_step_result result = {0};
    struct fx_json *filled = NULL;
    struct fx_error err = {0};

    assert_ok(fx_step_fill_params(rig->sc, &step_net_path,
                                  steps_rig_json(rig, fx_printf(rig->sc, "{%s}", params)), &filled,
                                  &err));
    assert_ok(step_net_path.run(&rig->ctx, filled, &result, &err));
    return fx_json_get_bool(result.output, "open", false);
}

static void blocks_are_compared_bit_by_bit(void **state) {
    static const struct {
        const char *inbound;
        bool open;
    } cases[] = {
        {FROM_BLOCK("10.0.1.0/24"), true},   {FROM_BLOCK("10.0.0.0/16"), true},
        {FROM_BLOCK("10.0.1.0/25"), false},  {FROM_BLOCK("10.0.2.0/24"), false},
        {FROM_BLOCK("10.0.1.7/24"), true},   {FROM_BLOCK("0.0.0.0/0"), true},
        {FROM_BLOCK("10.0.1.0/33"), false},  {FROM_BLOCK("10.0.1/24"), false},
        {FROM_BLOCK("10.0.1.256/8"), false}, {FROM_BLOCK("10.0.1.0.0/8"), false},
        {FROM_BLOCK("::/0"), false},         {FROM_BLOCK(""), false},
        {FROM_BLOCK("-1.0.0.0/0"), false},
    };
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++)
        if (is_open(rig, fx_printf(rig->sc, SIDES "," SUBNETS "," GROUPS(ALL, "%s"),
                                   cases[i].inbound)) != cases[i].open)
            fail_msg("%s", cases[i].inbound);
}

static void a_rule_must_cover_port_and_protocol(void **state) {
#define PERMIT(protocol, ports, group)                                                             \
    "{'IpProtocol':'" protocol "'" ports ",'UserIdGroupPairs':[{'GroupId':'" group "'}]}"
    static const char *const no[] = {
        PERMIT("tcp", ",'FromPort':5433,'ToPort':6000", "sg-f"),
        PERMIT("udp", ",'FromPort':0,'ToPort':65535", "sg-f"),
        PERMIT("tcp", "", "sg-f"),
        PERMIT("-1", "", "sg-x"),
        "{}",
        "",
    };
    static const char *const yes[] = {
        "{'IpProtocol':'6','FromPort':5432,'ToPort':5432,'UserIdGroupPairs':[{'GroupId':'sg-f'}]}",
        "{'IpProtocol':'-1','UserIdGroupPairs':[{'GroupId':'sg-x'},{'GroupId':'sg-f'}]}"};
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(no); i++)
        assert_false(
            is_open(rig, fx_printf(rig->sc, SIDES "," SUBNETS "," GROUPS(ALL, "%s"), no[i])));
    for (size_t i = 0; i < FX_COUNT_OF(yes); i++)
        assert_true(
            is_open(rig, fx_printf(rig->sc, SIDES "," SUBNETS "," GROUPS(ALL, "%s"), yes[i])));
    assert_false(is_open(rig, SIDES "," SUBNETS "," GROUPS("", ALL))); /* and outbound */
}

#define ENTRY(number, egress, action, ports)                                                       \
    "{'RuleNumber':" number ",'Egress':" egress ",'Protocol':'6','CidrBlock':'0.0.0.0/0',"         \
    "'RuleAction':'" action "'" ports "}"
#define ACLS(entries)                                                                              \
    "'acls':[{'NetworkAclId':'acl-1','Associations':[{'SubnetId':'f1'},{'SubnetId':'d1'}],"        \
    "'Entries':[" entries "]}]"

static void the_lowest_rule_of_an_access_list_decides(void **state) {
    struct steps_rig *rig = *state;
    const char *base = SIDES "," SUBNETS "," GROUPS(ALL, ALL);
    const char *all = ENTRY("100", "true", "allow", "") "," ENTRY("100", "false", "allow", "");

    assert_true(is_open(rig, fx_printf(rig->sc, "%s," ACLS("%s"), base, all)));
    assert_false(is_open(rig, fx_printf(rig->sc, "%s," ACLS(""), base)));
    assert_false(is_open(
        rig, fx_printf(rig->sc, "%s," ACLS("%s," ENTRY("90", "false", "deny", "")), base, all)));
    assert_true(is_open(
        rig, fx_printf(rig->sc, "%s," ACLS("%s," ENTRY("110", "false", "deny", "")), base, all)));
    /* there, but not back */
    assert_false(is_open(
        rig, fx_printf(rig->sc,
                       "%s," ACLS(ENTRY("100", "true", "allow", "") "," ENTRY(
                           "100", "false", "allow", ",'PortRange':{'From':5432,'To':5432}")),
                       base)));
}

static void another_vpc_needs_a_route(void **state) {
#define APART                                                                                      \
    "'subnets':[{'SubnetId':'f1','VpcId':'v','CidrBlock':'10.0.1.0/24'},"                          \
    "{'SubnetId':'d1','VpcId':'w','CidrBlock':'10.9.11.0/24'}]"
#define ROUTE(state)                                                                               \
    "'routes':[{'Routes':[{'DestinationCidrBlock':'10.9.0.0/16','State':'" state                   \
    "','VpcPeeringConnectionId':'pcx-1'}]}]"
    struct steps_rig *rig = *state;

    assert_false(is_open(rig, SIDES "," APART "," GROUPS(ALL, ALL)));
    assert_true(is_open(rig, SIDES "," APART "," GROUPS(ALL, ALL) "," ROUTE("active")));
    assert_false(is_open(rig, SIDES "," APART "," GROUPS(ALL, ALL) "," ROUTE("blackhole")));
    assert_false(is_open(rig, SIDES ",'subnets':[]," GROUPS(ALL, ALL)));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(blocks_are_compared_bit_by_bit),
        TEST(a_rule_must_cover_port_and_protocol),
        TEST(the_lowest_rule_of_an_access_list_decides),
        TEST(another_vpc_needs_a_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
