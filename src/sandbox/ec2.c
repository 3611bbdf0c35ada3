/* ec2.c - EC2's reading operations on a network: groups, subnets, routes, access lists. The
 * document holds EC2's own lists under the names that its answers have.
 */
#include "documents.h"

#include <string.h>

enum { EC2_MIN_RESULTS = 5, EC2_MAX_RESULTS = 1000 };

/* Two private subnets for functions, two for the database, and rules that let one reach the other.
 */
static const char network[] =
    "{\"securityGroupInfo\":[{\"groupId\":\"sg-0f1e2d3c4b5a69788\",\"groupName\":\"fluxa-db\","
    "\"groupDescription\":\"Fluxa's database\",\"ownerId\":\"" AWS_ACCOUNT
    "\",\"vpcId\":\"vpc-0c0ffee0123456789\",\"ipPermissions\":[{\"ipProtocol\":\"tcp\","
    "\"fromPort\":5432,\"toPort\":5432,\"groups\":[{\"groupId\":\"sg-0a9b8c7d6e5f43210\","
    "\"userId\":\"" AWS_ACCOUNT "\",\"description\":\"functions\"}],\"ipRanges\":[],"
    "\"ipv6Ranges\":[],\"prefixListIds\":[]}],\"ipPermissionsEgress\":[]},{\"groupId\":"
    "\"sg-0a9b8c7d6e5f43210\",\"groupName\":\"fluxa-functions\",\"groupDescription\":\"Fluxa's "
    "functions\",\"ownerId\":\"" AWS_ACCOUNT
    "\",\"vpcId\":\"vpc-0c0ffee0123456789\",\"ipPermissions\":[],\"ipPermissionsEgress\":["
    "{\"ipProtocol\":\"-1\",\"groups\":[],\"ipRanges\":[{\"cidrIp\":\"0.0.0.0/0\"}],"
    "\"ipv6Ranges\":[],\"prefixListIds\":[]}]}],\"subnetSet\":["
    "{\"subnetId\":\"subnet-0a1b2c3d4e5f60718\",\"vpcId\":\"vpc-0c0ffee0123456789\",\"state\":"
    "\"available\",\"cidrBlock\":\"10.0.1.0/24\",\"availabilityZone\":\"us-east-1a\","
    "\"availableIpAddressCount\":231},{\"subnetId\":\"subnet-08f7e6d5c4b3a2910\",\"vpcId\":"
    "\"vpc-0c0ffee0123456789\",\"state\":\"available\",\"cidrBlock\":\"10.0.2.0/24\","
    "\"availabilityZone\":\"us-east-1b\",\"availableIpAddressCount\":240},{\"subnetId\":"
    "\"subnet-0d000000000000001\",\"vpcId\":\"vpc-0c0ffee0123456789\",\"state\":\"available\","
    "\"cidrBlock\":\"10.0.11.0/24\",\"availabilityZone\":\"us-east-1a\","
    "\"availableIpAddressCount\":248},{\"subnetId\":\"subnet-0d000000000000002\",\"vpcId\":"
    "\"vpc-0c0ffee0123456789\",\"state\":\"available\",\"cidrBlock\":\"10.0.12.0/24\","
    "\"availabilityZone\":\"us-east-1b\",\"availableIpAddressCount\":249}],\"routeTableSet\":["
    "{\"routeTableId\":\"rtb-0a000000000000001\",\"vpcId\":\"vpc-0c0ffee0123456789\","
    "\"associationSet\":[{\"routeTableAssociationId\":\"rtbassoc-0a000000000000001\","
    "\"routeTableId\":\"rtb-0a000000000000001\",\"main\":true,\"associationState\":{\"state\":"
    "\"associated\"}}],\"routeSet\":[{\"destinationCidrBlock\":\"10.0.0.0/16\",\"gatewayId\":"
    "\"local\",\"state\":\"active\",\"origin\":\"CreateRouteTable\"},{\"destinationCidrBlock\":"
    "\"0.0.0.0/0\",\"natGatewayId\":\"nat-0a000000000000001\",\"state\":\"active\",\"origin\":"
    "\"CreateRoute\"}],\"propagatingVgwSet\":[]}],\"networkAclSet\":[{\"networkAclId\":"
    "\"acl-0a000000000000001\",\"vpcId\":\"vpc-0c0ffee0123456789\",\"default\":true,"
    "\"associationSet\":[{\"networkAclAssociationId\":\"aclassoc-1\",\"networkAclId\":"
    "\"acl-0a000000000000001\",\"subnetId\":\"subnet-0a1b2c3d4e5f60718\"},"
    "{\"networkAclAssociationId\":\"aclassoc-2\",\"networkAclId\":\"acl-0a000000000000001\","
    "\"subnetId\":\"subnet-08f7e6d5c4b3a2910\"},{\"networkAclAssociationId\":\"aclassoc-3\","
    "\"networkAclId\":\"acl-0a000000000000001\",\"subnetId\":\"subnet-0d000000000000001\"},"
    "{\"networkAclAssociationId\":\"aclassoc-4\",\"networkAclId\":\"acl-0a000000000000001\","
    "\"subnetId\":\"subnet-0d000000000000002\"}],\"entrySet\":[{\"ruleNumber\":100,\"protocol\":"
    "\"-1\",\"ruleAction\":\"allow\",\"egress\":true,\"cidrBlock\":\"0.0.0.0/0\"},"
    "{\"ruleNumber\":100,\"protocol\":\"-1\",\"ruleAction\":\"allow\",\"egress\":false,"
    "\"cidrBlock\":\"0.0.0.0/0\"},{\"ruleNumber\":32767,\"protocol\":\"-1\",\"ruleAction\":"
    "\"deny\",\"egress\":false,\"cidrBlock\":\"0.0.0.0/0\"}]}]}";

struct fx_json *ec2_document(struct sandbox_aws *aws) {
    struct fx_json *json = NULL;
    struct fx_error ignored;

    return fx_json_parse(aws->world, fx_slice_of(network), &json, &ignored) == FX_OK
               ? json
               : fx_json_object(aws->world);
}

/* ---- filters ---- */

static bool says(const struct fx_json *item, const char *member, const struct fx_json *values) {
    const char *text = fx_json_get_text(item, member);
    bool flag = fx_json_get_bool(item, member, false);

    if (fx_json_type(fx_json_at(item, member)) == FX_JSON_BOOL)
        text = flag ? "true" : "false";
    return text != NULL && aws_list_has(values, text);
}

/* "association.subnet-id" looks into associationSet; "vpc-id" at the thing itself. */
static bool fits_one(const struct fx_json *item, const char *name, const struct fx_json *values) {
    static const struct {
        const char *name, *member;
        bool of_association;
    } known[] = {
        {"vpc-id", "vpcId", false},         {"group-id", "groupId", false},
        {"subnet-id", "subnetId", false},   {"association.subnet-id", "subnetId", true},
        {"association.main", "main", true},
    };
    const struct fx_json *set = fx_json_at(item, "associationSet");

    for (size_t i = 0; i < FX_COUNT_OF(known); i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        if (!known[i].of_association)
            return says(item, known[i].member, values);
        for (size_t k = 0; k < fx_json_count(set); k++)
            if (says(fx_json_item(set, k), known[i].member, values))
                return true;
        return false;
    }
    return false;
}

static bool is_filter(const char *name) {
    static const char *const names[] = {"vpc-id", "group-id", "subnet-id", "association.subnet-id",
                                        "association.main"};

    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool fits_all(const struct fx_json *item, const struct fx_json *filters) {
    for (size_t i = 0; i < fx_json_count(filters); i++)
        if (!fits_one(item, aws_input_text(fx_json_item(filters, i), "Name"),
                      fx_json_at(fx_json_item(filters, i), "Value")))
            return false;
    return true;
}

/* ---- one list, by ids and filters, in pages ---- */

struct kind {
    const char *set, *id, *asked; /* "securityGroupInfo", "groupId", "GroupId" */
    const char *missing, *words;  /* the error for an id that is not there */
};

static bool has_id(const struct fx_json *all, const struct kind *kind, const char *id) {
    for (size_t i = 0; i < fx_json_count(all); i++)
        if (strcmp(aws_input_text(fx_json_item(all, i), kind->id), id) == 0)
            return true;
    return false;
}

static struct fx_json *page_of(struct aws_call *call, const struct kind *kind,
                               struct fx_json *found) {
    int64_t most = aws_input_int(call->input, "MaxResults", EC2_MAX_RESULTS), from = 0;
    const char *token = fx_json_get_text(call->input, "NextToken");
    struct fx_json *page = fx_json_array(call->sc);

    if (most < EC2_MIN_RESULTS || most > EC2_MAX_RESULTS)
        return aws_fail(call, 400, "InvalidParameterValue", NULL,
                        "Value ( %lld ) for parameter maxResults is invalid. Expecting a value "
                        "greater than or equal to %d.",
                        (long long)most, EC2_MIN_RESULTS);
    if (token != NULL && (!fx_slice_to_int(fx_slice_of(token), &from) || from < 0))
        return aws_fail(call, 400, "InvalidNextToken.Malformed", NULL, "The token is malformed");
    int64_t count = (int64_t)fx_json_count(found);
    for (int64_t i = from; i < count && i < from + most; i++)
        fx_json_add(page, fx_json_item(found, (size_t)i));
    return fx_json_object_of(
        call->sc, kind->set, page, "nextToken",
        from + most < count ? fx_json_stringf(call->sc, "%lld", (long long)(from + most)) : NULL,
        NULL);
}

static struct fx_json *describe(struct aws_call *call, const struct kind *kind) {
    const struct fx_json *all = fx_json_at(documents_of(call->aws, "ec2"), kind->set);
    const struct fx_json *ids = fx_json_at(call->input, kind->asked);
    const struct fx_json *filters = fx_json_at(call->input, "Filter");
    struct fx_json *found = fx_json_array(call->sc);

    for (size_t i = 0; i < fx_json_count(ids); i++) {
        const char *id = fx_json_text(fx_json_item(ids, i));

        if (id == NULL || !has_id(all, kind, id))
            return aws_fail(call, 400, kind->missing, NULL, "The %s '%s' does not exist",
                            kind->words, id != NULL ? id : "");
    }
    for (size_t i = 0; i < fx_json_count(filters); i++)
        if (!is_filter(aws_input_text(fx_json_item(filters, i), "Name")))
            return aws_fail(call, 400, "InvalidParameterValue", NULL, "The filter '%s' is invalid",
                            aws_input_text(fx_json_item(filters, i), "Name"));
    for (size_t i = 0; i < fx_json_count(all); i++) {
        const struct fx_json *item = fx_json_item(all, i);

        if ((fx_json_count(ids) == 0 || aws_list_has(ids, aws_input_text(item, kind->id))) &&
            fits_all(item, filters))
            fx_json_add(found, fx_json_copy(call->sc, item));
    }
    return page_of(call, kind, found);
}

static struct fx_json *describe_security_groups(struct aws_call *call) {
    return describe(call, &(struct kind){"securityGroupInfo", "groupId", "GroupId",
                                         "InvalidGroup.NotFound", "security group"});
}

static struct fx_json *describe_subnets(struct aws_call *call) {
    return describe(call, &(struct kind){"subnetSet", "subnetId", "SubnetId",
                                         "InvalidSubnetID.NotFound", "subnet ID"});
}

static struct fx_json *describe_route_tables(struct aws_call *call) {
    return describe(call, &(struct kind){"routeTableSet", "routeTableId", "RouteTableId",
                                         "InvalidRouteTableID.NotFound", "routeTable ID"});
}

static struct fx_json *describe_network_acls(struct aws_call *call) {
    return describe(call, &(struct kind){"networkAclSet", "networkAclId", "NetworkAclId",
                                         "InvalidNetworkAclID.NotFound", "networkAcl ID"});
}

static const struct aws_operation operations[] = {
    {"DescribeSecurityGroups", describe_security_groups},
    {"DescribeSubnets", describe_subnets},
    {"DescribeRouteTables", describe_route_tables},
    {"DescribeNetworkAcls", describe_network_acls},
};

const struct aws_service aws_service_ec2 = {
    .name = "ec2",
    .signing = "ec2",
    .xml_namespace = "http://ec2.amazonaws.com/doc/2016-11-15/",
    .ec2 = true,
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
};
