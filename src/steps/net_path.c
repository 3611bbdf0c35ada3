/* net_path.c - the step kind `net.path`: do security groups, access lists and routes let one side
 * of a VPC reach a port of the other? A judgement of what EC2 answered; it asks nobody.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

enum {
    NET_TCP = 6,
    NET_MAX_PORT = 65535,
    NET_BACK_PORT = 40000, /* answers go to a port that the caller's kernel chose, such as this */
    NET_V4_BITS = 32,
};

static const struct fx_step_param path_params[] = {
    {"from", FX_PARAM_OBJECT, true, NULL, "who calls: {groups: [ids], subnets: [ids]}"},
    {"to", FX_PARAM_OBJECT, true, NULL, "who is called: the same"},
    {"port", FX_PARAM_INT, true, NULL, "the port that is called, over TCP"},
    {"groups", FX_PARAM_LIST, true, NULL, "SecurityGroups of ec2:DescribeSecurityGroups"},
    {"subnets", FX_PARAM_LIST, true, NULL, "Subnets of ec2:DescribeSubnets"},
    {"acls", FX_PARAM_LIST, false, "[]", "NetworkAcls of ec2:DescribeNetworkAcls"},
    {"routes", FX_PARAM_LIST, false, "[]", "RouteTables of ec2:DescribeRouteTables"},
};

/* ---- networks ---- */

struct network {
    uint32_t address, mask;
};

/* "10.0.1.0/24"; false for anything else, IPv6 among it. */
static bool parse_network(const char *text, struct network *ret_network) {
    struct fx_slice rest = fx_slice_of(text), part, address, bits;
    uint32_t value = 0;
    int64_t number = 0;

    if (text == NULL || !fx_slice_split(rest, '/', &address, &bits))
        return false;
    for (int i = 0; i < 4; i++) {
        bool more = fx_slice_split(address, '.', &part, &address);
        if (more != (i < 3) || !fx_slice_to_int(part, &number) || number < 0 || number > 255)
            return false;
        value = value << 8 | (uint32_t)number;
    }
    if (!fx_slice_to_int(bits, &number) || number < 0 || number > NET_V4_BITS)
        return false;
    ret_network->mask = number == 0 ? 0 : UINT32_MAX << (NET_V4_BITS - number);
    ret_network->address = value & ret_network->mask;
    return true;
}

static bool contains(const char *outer, const char *inner) {
    struct network a, b;

    return parse_network(outer, &a) && parse_network(inner, &b) && (a.mask & b.mask) == a.mask &&
           (b.address & a.mask) == a.address;
}

/* ---- what there is ---- */

struct judging {
    struct fx_scope *sc;
    const struct fx_json *params, *from, *to;
    int64_t port;
    struct fx_json *checks; /* [{name, ok, why}] */
    bool open;
};

static const struct fx_json *find(const struct fx_json *list, const char *member, const char *id) {
    for (size_t i = 0; i < fx_json_count(list); i++) {
        const char *text = fx_json_get_text(fx_json_item(list, i), member);

        if (text != NULL && id != NULL && strcmp(text, id) == 0)
            return fx_json_item(list, i);
    }
    return NULL;
}

static bool has_text(const struct fx_json *list, const char *wanted) {
    for (size_t i = 0; i < fx_json_count(list); i++)
        if (fx_json_text(fx_json_item(list, i)) != NULL && wanted != NULL &&
            strcmp(fx_json_text(fx_json_item(list, i)), wanted) == 0)
            return true;
    return false;
}

static void say(struct judging *j, const char *name, bool ok, const char *why) {
    j->open = j->open && ok;
    fx_json_add(j->checks, fx_json_object_of(j->sc, "name", fx_json_string(j->sc, name), "ok",
                                             fx_json_bool(j->sc, ok), "why",
                                             fx_json_string(j->sc, why), NULL));
}

static const char *block_of(const struct judging *j, const char *subnet) {
    return fx_json_get_text(find(fx_json_at(j->params, "subnets"), "SubnetId", subnet),
                            "CidrBlock");
}

/* Every subnet of side lies in block. */
static bool covers_all(const struct judging *j, const char *block, const struct fx_json *side) {
    const struct fx_json *subnets = fx_json_at(side, "subnets");

    for (size_t i = 0; i < fx_json_count(subnets); i++)
        if (!contains(block, block_of(j, fx_json_text(fx_json_item(subnets, i)))))
            return false;
    return fx_json_count(subnets) > 0;
}

/* ---- security groups: what any rule allows is allowed ---- */

static bool permits_port(const struct fx_json *permission, int64_t port) {
    const char *protocol = fx_json_get_text(permission, "IpProtocol");

    if (protocol == NULL || strcmp(protocol, "-1") == 0)
        return protocol != NULL;
    return (strcmp(protocol, "tcp") == 0 || strcmp(protocol, "6") == 0) &&
           fx_json_get_int(permission, "FromPort", NET_MAX_PORT + 1) <= port &&
           fx_json_get_int(permission, "ToPort", -1) >= port;
}

/* Which rule of permission lets the other side, or NULL. */
static const char *permits(const struct judging *j, const struct fx_json *permission,
                           const struct fx_json *other) {
    const struct fx_json *pairs = fx_json_at(permission, "UserIdGroupPairs");
    const struct fx_json *ranges = fx_json_at(permission, "IpRanges");

    if (!permits_port(permission, j->port))
        return NULL;
    for (size_t i = 0; i < fx_json_count(pairs); i++) {
        const char *id = fx_json_get_text(fx_json_item(pairs, i), "GroupId");

        if (has_text(fx_json_at(other, "groups"), id))
            return id;
    }
    for (size_t i = 0; i < fx_json_count(ranges); i++) {
        const char *block = fx_json_get_text(fx_json_item(ranges, i), "CidrIp");

        if (covers_all(j, block, other))
            return block;
    }
    return NULL;
}

static void judge_groups(struct judging *j, const char *name, const struct fx_json *side,
                         const struct fx_json *other, const char *member) {
    const struct fx_json *ids = fx_json_at(side, "groups");
    bool out = strcmp(member, "IpPermissionsEgress") == 0;

    for (size_t i = 0; i < fx_json_count(ids); i++) {
        const char *id = fx_json_text(fx_json_item(ids, i));
        const struct fx_json *permissions =
            fx_json_at(find(fx_json_at(j->params, "groups"), "GroupId", id), member);

        for (size_t k = 0; k < fx_json_count(permissions); k++) {
            const char *rule = permits(j, fx_json_item(permissions, k), other);

            if (rule == NULL)
                continue;
            say(j, name, true, fx_printf(j->sc, "%s allows %s %s", id, out ? "to" : "from", rule));
            return;
        }
    }
    const char *peer = fx_json_text(fx_json_item(fx_json_at(other, "groups"), 0));

    say(j, name, false,
        fx_printf(j->sc, "no %s rule of %s allows TCP %lld %s %s", out ? "outbound" : "inbound",
                  fx_json_count(ids) > 0 ? fx_json_text(fx_json_item(ids, 0)) : "any group",
                  (long long)j->port, out ? "to" : "from", peer != NULL ? peer : "there"));
}

/* ---- access lists: the rule with the lowest number decides ---- */

static bool entry_fits(const struct fx_json *entry, bool egress, int64_t port, const char *block) {
    const char *protocol = fx_json_get_text(entry, "Protocol");
    const struct fx_json *range = fx_json_at(entry, "PortRange");
    int64_t number = -1;

    if (fx_json_get_bool(entry, "Egress", false) != egress || protocol == NULL ||
        !contains(fx_json_get_text(entry, "CidrBlock"), block))
        return false;
    if (strcmp(protocol, "-1") == 0)
        return true;
    return fx_slice_to_int(fx_slice_of(protocol), &number) && number == NET_TCP &&
           fx_json_get_int(range, "From", 0) <= port &&
           fx_json_get_int(range, "To", NET_MAX_PORT) >= port;
}

/* The entry that decides, NULL when none fits: then it is denied. */
static const struct fx_json *decides(const struct fx_json *acl, bool egress, int64_t port,
                                     const char *block) {
    const struct fx_json *entries = fx_json_at(acl, "Entries"), *best = NULL;

    for (size_t i = 0; i < fx_json_count(entries); i++) {
        const struct fx_json *entry = fx_json_item(entries, i);

        if (entry_fits(entry, egress, port, block) &&
            (best == NULL || fx_json_get_int(entry, "RuleNumber", INT32_MAX) <
                                 fx_json_get_int(best, "RuleNumber", INT32_MAX)))
            best = entry;
    }
    return best;
}

static const struct fx_json *acl_of(const struct judging *j, const char *subnet) {
    const struct fx_json *acls = fx_json_at(j->params, "acls");

    for (size_t i = 0; i < fx_json_count(acls); i++)
        if (find(fx_json_at(fx_json_item(acls, i), "Associations"), "SubnetId", subnet) != NULL)
            return fx_json_item(acls, i);
    return NULL;
}

/* The first pair of subnets whose traffic in that direction is denied; NULL when none is. */
static const char *denied(const struct judging *j, const struct fx_json *side,
                          const struct fx_json *other, bool egress, int64_t port) {
    const struct fx_json *mine = fx_json_at(side, "subnets"),
                         *theirs = fx_json_at(other, "subnets");

    for (size_t i = 0; i < fx_json_count(mine); i++)
        for (size_t k = 0; k < fx_json_count(theirs); k++) {
            const char *subnet = fx_json_text(fx_json_item(mine, i));
            const char *block = block_of(j, fx_json_text(fx_json_item(theirs, k)));
            const struct fx_json *acl = acl_of(j, subnet),
                                 *entry = decides(acl, egress, port, block);
            const char *action = fx_json_get_text(entry, "RuleAction");

            if (acl == NULL || (action != NULL && strcmp(action, "allow") == 0))
                continue;
            return fx_printf(j->sc, "%s denies %s %s TCP %lld %s %s",
                             fx_json_get_text(acl, "NetworkAclId"), subnet,
                             egress ? "sending to" : "receiving on", (long long)port,
                             egress ? "of" : "from", block != NULL ? block : "unknown");
        }
    return NULL;
}

static void judge_acls(struct judging *j) {
    const char *why = denied(j, j->from, j->to, true, j->port);

    if (fx_json_count(fx_json_at(j->params, "acls")) == 0)
        return;
    if (why == NULL)
        why = denied(j, j->to, j->from, false, j->port);
    if (why == NULL)
        why = denied(j, j->to, j->from, true, NET_BACK_PORT);
    if (why == NULL)
        why = denied(j, j->from, j->to, false, NET_BACK_PORT);
    say(j, "Access lists", why == NULL, why != NULL ? why : "they let it through, there and back");
}

/* ---- routes: within one VPC there always is one ---- */

static const char *vpc_of(const struct judging *j, const struct fx_json *side) {
    const char *subnet = fx_json_text(fx_json_item(fx_json_at(side, "subnets"), 0));

    return fx_json_get_text(find(fx_json_at(j->params, "subnets"), "SubnetId", subnet), "VpcId");
}

/* Through a peering or a gateway, to the first subnet that is called. */
static const char *route_between(const struct judging *j) {
    const struct fx_json *tables = fx_json_at(j->params, "routes");
    const char *block = block_of(j, fx_json_text(fx_json_item(fx_json_at(j->to, "subnets"), 0)));

    for (size_t i = 0; i < fx_json_count(tables); i++) {
        const struct fx_json *list = fx_json_at(fx_json_item(tables, i), "Routes");

        for (size_t k = 0; k < fx_json_count(list); k++) {
            const struct fx_json *route = fx_json_item(list, k);
            const char *over = fx_json_get_text(route, "VpcPeeringConnectionId");
            const char *state = fx_json_get_text(route, "State");

            if (over == NULL)
                over = fx_json_get_text(route, "TransitGatewayId");
            if (over != NULL && state != NULL && strcmp(state, "active") == 0 &&
                contains(fx_json_get_text(route, "DestinationCidrBlock"), block))
                return over;
        }
    }
    return NULL;
}

static void judge_routes(struct judging *j) {
    const char *from = vpc_of(j, j->from), *to = vpc_of(j, j->to), *over = NULL;

    if (from == NULL || to == NULL) {
        say(j, "Routes", false, "a subnet is not known, so its VPC is not either");
        return;
    }
    if (strcmp(from, to) == 0) {
        say(j, "Routes", true, fx_printf(j->sc, "both are in %s, which routes within itself", to));
        return;
    }
    over = route_between(j);
    say(j, "Routes", over != NULL,
        over != NULL ? fx_printf(j->sc, "%s reaches %s over %s", from, to, over)
                     : fx_printf(j->sc, "no active route leads from %s to %s", from, to));
}

/* ---- the kind ---- */

static enum fx_code path_run(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    struct judging j = {.sc = ctx->sc,
                        .params = params,
                        .from = fx_json_at(params, "from"),
                        .to = fx_json_at(params, "to"),
                        .port = fx_json_get_int(params, "port", 0),
                        .checks = fx_json_array(ctx->sc),
                        .open = true};

    if (j.port < 1 || j.port > NET_MAX_PORT)
        return fx_fail(err, FX_ERR_INPUT, "port is from 1 to %d", NET_MAX_PORT);
    judge_groups(&j, "Outbound rules", j.from, j.to, "IpPermissionsEgress");
    judge_groups(&j, "Inbound rules", j.to, j.from, "IpPermissions");
    judge_routes(&j);
    judge_acls(&j);
    ret_result->output =
        fx_json_object_of(ctx->sc, "open", fx_json_bool(ctx->sc, j.open), "checks", j.checks, NULL);
    return FX_OK;
}

const struct fx_step_kind step_net_path = {
    .name = "net.path",
    .summary =
        "Judges by EC2's answers whether one side of a network reaches a TCP port of another; "
        "{open, checks: [{name, ok, why}]}.",
    .params = path_params,
    .params_count = FX_COUNT_OF(path_params),
    .effect = step_reads,
    .run = path_run,
};
