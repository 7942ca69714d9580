//! Files with errors: each row is a file and all that is said about it.

use std::path::Path;

use margay_config::{ConfigError, Files, NamedFiles, parse};
use proptest::prelude::*;

const GLOBAL: &str = "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n";

#[test]
fn syntax() {
    check("", &["f:1:1: the file has no global"]);
    check("[global\nasn = 1", &["f:1:8: unclosed table, expected `]`"]);
    check("[global]\nasn = 1\nasn = 2\n", &["f:3:1: duplicate key"]);
    check(
        "[global]\nasn =\nlog = \"ü",
        &[
            "f:2:6: string values must be quoted, expected literal string",
            "f:3:9: invalid basic string, expected `\"`",
        ],
    );
}

#[test]
fn global() {
    check("[global]\n", &["f:1:1: [global] has no asn", "f:1:1: [global] has no router_id"]);
    check(
        "[global]\nasn = 0\nrouter_id = \"0.0.0.0\"\n",
        &[
            "f:2:7: asn: 0 is out of range: write a number from 1 to 4294967295",
            "f:3:13: router_id: a BGP identifier must not be zero: write an IPv4 address of this node, such as \"10.0.0.11\"",
        ],
    );
    check(
        "[global]\nasn = \"64512\"\nrouter_id = 1\n",
        &[
            "f:2:7: asn: expected a number from 1 to 4294967295, found a string",
            "f:3:13: router_id: expected a string, such as \"10.0.0.11\", found a number",
        ],
    );
    check(
        "[global]\nasn = 23456\nrouter_id = \"10.0.0.11\"\n",
        &["f:2:7: asn: 23456 stands in for AS numbers above 65535 and belongs to nobody: write the real one"],
    );
    check_after_global(
        "listen = [\"0.0.0.0\", 179, \"[::]:179\", \"[::]:179\"]\nlog = false\n",
        &[
            "f:4:11: listen: 0.0.0.0 has no port: write \"0.0.0.0:179\"",
            "f:4:22: listen: expected a string, such as \"0.0.0.0:179\", found a number",
            "f:4:39: listen: [::]:179 is in the list twice",
            "f:5:7: log: expected a string, such as \"info\", found false",
        ],
    );
}

#[test]
fn unknown_keys() {
    check_after_global(
        "as = 1\nrouter-id = \"10.0.0.11\"\nflavour = \"10.0.0.11\"\n[peers]\n[[networks]]\n",
        &[
            "f:4:1: unknown key \"as\" in [global]: did you mean \"asn\"?",
            "f:5:1: unknown key \"router-id\" in [global]: did you mean \"router_id\"?",
            "f:6:1: unknown key \"flavour\" in [global]: there is asn, confederation, router_id, cluster_id, client_to_client, \
           always_compare_med, prefer_older, compare_router_id, deterministic_med, \
             ebgp_without_filters, hostname, listen, update_delay, memory_guard, log, watch_file, log_format",
            "f:7:2: unknown key \"peers\" in the file: did you mean \"peer\"?",
            "f:8:3: unknown key \"networks\" in the file: did you mean \"network\"?",
        ],
    );
    check_after_global(
        "[[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\nhold_tiem = \"9s\"\n[kernel]\nmteric = 5\n[control]\nhtpp = \"x\"\n",
        &[
            "f:7:1: unknown key \"hold_tiem\" in [[peer]]: did you mean \"hold_time\"?",
            "f:9:1: unknown key \"mteric\" in [kernel]: did you mean \"metric\"?",
            "f:11:1: unknown key \"htpp\" in [control]: did you mean \"http\"?",
        ],
    );
    check_after_global(
        "[control]\nhttp = \"127.0.0.1\"\nhttp_allow = [\"10.0.0.1\"]\nhttp_token_file = \"token\"\n",
        &[
            "f:5:8: http: 127.0.0.1 has no port: write \"127.0.0.1:9179\"",
            "f:6:15: http_allow: 10.0.0.1 has no length: write 10.0.0.1/32 for a single address",
            "f:7:19: http_token_file: \"token\" is not an absolute path: begin it with a slash",
        ],
    );
    check_after_global(
        "[control]\nhttp_allow = [\"10.0.0.0/8\"]\n",
        &["f:5:14: http_allow: has no effect without http = \"127.0.0.1:9179\""],
    );
    check_after_global(
        "[peer_group.mesh]\nname = \"a\"\n",
        &[
            // A list of so many keys would hide the rest.
            "f:5:1: unknown key \"name\" in [peer_group.mesh]",
        ],
    );
}

#[test]
fn forms_of_peering() {
    check_after_global(
        "deterministic_med = false\nprefer_older = 1\nhostname = \"two words\"\n\
         [[peer]]\naddress = \"10.0.0.1\"\nremote_asn = \"outside\"\n\
         [[peer]]\naddress = \"10.0.0.2\"\nremote_asn = 2\nlocal_asn = { prepend = true }\n\
         [[peer]]\naddress = \"10.0.0.3\"\nremote_asn = 2\nlocal_asn = { asn = 0 }\nnext_hop = { ipv6 = \"10.0.0.1\" }\n\
         [[peer]]\naddress = \"10.0.0.4\"\nremote_asn = 2\nnext_hop = {}\nremove_private_asns = \"all\"\n\
         [[peer]]\naddress = \"10.0.0.5\"\nremote_asn = 2\nmin_hold_time = \"91s\"\n\
         [[peer]]\naddress = \"10.0.0.6\"\nremote_asn = \"internal\"\nroute_server_client = true\n\
         [[peer]]\naddress = \"10.0.0.7\"\nremote_asn = \"external\"\nrr_client = true\n\
         [[peer]]\naddress = \"10.0.0.8\"\nremote_asn = 1\nlocal_asn = 7\nrr_client = true\n",
        &[
            "f:4:21: deterministic_med: MED is always compared among all paths of a neighbouring AS, whatever the order in \
             which they came: leave the key out",
            "f:5:16: prefer_older: expected true or false, found a number",
            "f:6:12: hostname: \"two words\" is not a host name: write 1 to 64 visible ASCII characters without spaces",
            "f:9:14: remote_asn: \"outside\" is not an AS: write a number, \"external\", \"internal\" or \"any\"",
            "f:13:13: local_asn has no asn",
            "f:17:21: asn: 0 is out of range: write a number from 1 to 4294967295",
            "f:18:21: ipv6: 10.0.0.1 is an IPv4 address: write it as ipv4",
            "f:22:12: next_hop: it has no address: give it ipv4, ipv6 or both",
            "f:23:23: remove_private_asns: \"all\" is not a treatment of private AS numbers: write true, false or \
             \"replace\"",
            "f:24:1: min_hold_time: 91s is more than the hold_time of 90s: no peer would be accepted",
            "f:28:1: route_server_client: peer 10.0.0.6 is internal: a route server serves other ASes",
            "f:32:1: rr_client: peer 10.0.0.7 is external, and only peers in our own AS 64512 are clients",
            "f:36:1: rr_client: peer 10.0.0.8 is in AS 1, and only peers in our own AS 7 are clients",
        ],
    );
}

#[test]
fn reflection() {
    check_after_global(
        "cluster_id = \"ten\"\nclient_to_client = 1\nupdate_delay = \"2h\"\n",
        &[
            "f:4:14: cluster_id: \"ten\" is not a valid cluster id: write four numbers, such as \"10.0.0.11\"",
            "f:5:20: client_to_client: expected true or false, found a number",
            "f:6:16: update_delay: 2h is out of range: write \"0s\" to \"3600s\"",
        ],
    );
    check_after_global(
        "[peer_group.g]\nrr_client = true\n[[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 65001\ngroup = \"g\"\n\
         [[peer]]\nname = \"b\"\naddress = \"10.0.0.2\"\nremote_asn = 64512\ncluster_id = \"0.0.0.1\"\n",
        &[
            "f:6:1: rr_client: peer 10.0.0.1 is in AS 65001, and only peers in our own AS 64512 are clients",
            "f:10:1: cluster_id: peer b is not a client: write rr_client = true as well",
        ],
    );
}

#[test]
fn add_path() {
    check_after_global(
        "[peer_group.a]\nadd_path = \"on\"\nadd_path_send = \"best\"\n[peer_group.b]\nadd_path = true\nadd_path_send = 0\n\
         [peer_group.c]\nadd_path = { ipv4-unicast = \"sent\", ipv4 = \"both\" }\nadd_path_send = 65536\n",
        &[
            "f:5:12: add_path: \"on\" is not an ADD-PATH mode: write \"receive\", \"send\", \"both\" or \"off\"",
            "f:6:17: add_path_send: \"best\" is not a valid number of paths: write \"all\" or a number from 1 to 65535",
            "f:8:12: add_path: expected a string, such as \"both\", found true",
            "f:9:17: add_path_send: 0 is out of range: write a number from 1 to 65535",
            "f:11:29: ipv4-unicast: \"sent\" is not an ADD-PATH mode: write \"receive\", \"send\", \"both\" or \"off\"",
            "f:11:37: add_path: \"ipv4\" is not a valid family: write \"ipv4-unicast\" or \"ipv6-unicast\"",
            "f:12:17: add_path_send: 65536 is out of range: write a number from 1 to 65535",
        ],
    );
}

#[test]
fn shapes_of_sections() {
    check_after_global(
        "[peer]\naddress = \"10.0.0.1\"\n[[kernel]]\n",
        &[
            "f:4:1: peer: expected a list, such as [[peer]], found a table",
            "f:6:1: kernel: expected the table [kernel], found a list",
        ],
    );
    check_after_global(
        "[filter]\na = 1\n[peer_group]\nb = true\n",
        &[
            "f:5:5: a: expected the table [filter.a], found a number",
            "f:7:5: b: expected the table [peer_group.b], found true",
        ],
    );
}

#[test]
fn control_and_kernel() {
    check_after_global(
        "[control]\nsocket = \"control.sock\"\n[kernel]\ntable = 255\nprotocol = 4\nmetric = 0\nmultipath = 129\n\
         restart_window = \"2h\"\n",
        &[
            "f:5:10: socket: \"control.sock\" is not an absolute path: begin it with a slash",
            "f:7:9: table: 255 is the table of the node's own addresses: write 254 for the main table",
            "f:8:12: protocol: 4 marks routes of the kernel or the administrator, which would be removed as ours: \
             write 5 to 255, for instance 186",
            "f:9:10: metric: 0 is out of range: write a number from 1 to 4294967295",
            "f:10:13: multipath: 129 is out of range: write a number from 1 to 128",
            "f:11:18: restart_window: 2h is out of range: write \"0s\" to \"3600s\"",
        ],
    );
    check_after_global(
        "[kernel]\nprotocol = 256\ntable = 99999999999999999999999\nmetric = -1\nmultipath = 1.5\nrestart_window = 60\n",
        &[
            "f:5:12: protocol: 256 is out of range: write a number from 1 to 255",
            "f:6:9: table: 99999999999999999999999 is out of range: write a number from 1 to 4294967295",
            "f:7:10: metric: -1 is out of range: write a number from 1 to 4294967295",
            "f:8:13: multipath: expected a number from 1 to 128, found a number with a fraction",
            "f:9:18: restart_window: expected a string, such as \"60s\", found a number",
        ],
    );
}

#[test]
fn what_the_kernel_shares() {
    check_after_global(
        "[kernel]\ntable = [254, 254, 255]\npreferred_source = [\"10.0.0.1\", \"10.0.0.2\", \"x\"]\n\
         onlink = [{ next_hops = \"10.0.0.1/16\", interface = \"vxlan0\" }, { next_hops = \"10.0.0.0/16\" }]\n\
         [[kernel.import]]\nprotocol = [\"statik\", 300]\nlength = \"9\"\nprefix = \"10.0.0.0/16\"\ninterfaces = []\n",
        &[
            "f:5:15: table: 254 is listed twice",
            "f:5:20: table: 255 is the table of the node's own addresses: write 254 for the main table",
            "f:6:33: preferred_source: there is an address of this family already",
            "f:6:45: preferred_source: \"x\" is not a valid IP address",
            "f:7:25: next_hops: host bits are set in 10.0.0.1/16: write 10.0.0.0/16",
            "f:7:64: onlink has no interface",
            "f:9:13: protocol: \"statik\" is not a valid route protocol: write a number, or one of kernel, boot, static, dhcp, \
             bird, bgp, ospf, ra",
            "f:9:23: protocol: 300 is out of range: write a number from 0 to 255",
            "f:10:10: length: prefixes inside 10.0.0.0/16 have lengths 16..32, not 9",
            "f:12:1: unknown key \"interfaces\" in [[kernel.import]]: did you mean \"interface\"?",
        ],
    );
    check_after_global(
        "[[network]]\nprefix = \"10.65.1.0/26\"\nhold = \"void\"\nrequire_route = 1\n\
         [[network]]\nprefix = \"10.65.2.0/26\"\nhold = \"prohibit\"\nblackhole = true\n",
        &[
            "f:6:8: hold: \"void\" holds nothing: write \"blackhole\", \"unreachable\" or \"prohibit\"",
            "f:7:17: require_route: expected true or false, found a number",
            "f:10:8: hold: blackhole = true is hold = \"blackhole\": write one of the two",
        ],
    );
}

#[test]
fn what_rules_set() {
    check_after_global(
        "[filter.a]\nrules = [\n\
         { match = { local_pref = \"9..1\", metric = 5 }, action = \"accept\" },\n\
         { action = \"accept\", set_metric = \"2147483647 - metric\", set_local_pref = -1 },\n\
         { action = \"accept\", set_preference = \"high\" },\n]\n",
        &[
            "f:6:26: local_pref: \"9..1\" is not a range of values: write \"100\", or \"1..1023\" with the lower value \
             first",
            "f:7:75: set_local_pref: -1 is out of range: write a number from 0 to 4294967295",
            "f:8:39: set_preference: there is no number \"high\": there is local_pref, med, metric, preference, weight, \
             tag, as_path_length, in \"high\"",
        ],
    );
}

#[test]
fn the_language_of_filters() {
    check_after_global(
        "[filter.a]\nrules = [\n\
         { match = { as_path = \"AS65001\" }, action = \"accept\" },\n\
         { match = { as_path = \"(65001\" }, action = \"accept\" },\n\
         { match = { community = \"65536:1\" }, action = \"accept\" },\n\
         { match = { prefix_set = \"pods\", origin = \"bgp\" }, action = \"accept\" },\n\
         { match = { sorce = \"peer\", source = \"ospf\" }, action = \"accept\" },\n\
         { match = { not = { peer_kind = \"ibgp\" }, any = [] }, action = \"accept\" },\n\
         { set = { prepend = [0], next_hop = \"here\" }, action = \"accept\" },\n\
         { set = { local_pref = \"local_pref +\" }, action = \"accept\" },\n\
         { set = { med = 1 }, action = \"reject\" },\n\
         { filter = \"b\" },\n\
         { filter = \"a\", action = \"accept\" },\n]\n",
        &[
            "f:6:23: as_path: 'A' cannot be in an AS path: write AS numbers, _ for a border, and . [ ] * + ? | ( ) ^ $",
            "f:7:23: as_path: \"(65001\" has a parenthesis without its partner",
            "f:8:25: community: \"65536:1\" is not a community: write \"65001:100\", \"large:64512:1:2\", \
             \"rt:64512:7\", \"soo:10.0.0.1:7\" or a name such as \"no-export\", with \"*\" or \"1..9\" in place of a \
             number",
            "f:9:26: prefix_set: there is no prefix set \"pods\"",
            "f:9:43: origin: \"bgp\" is not an origin: write \"igp\", \"egp\" or \"incomplete\"",
            "f:10:13: unknown key \"sorce\" in match: did you mean \"source\"?",
            "f:10:38: source: \"ospf\" is not one of \"peer\", \"local\", \"kernel\", \"static\"",
            "f:11:33: peer_kind: \"ibgp\" is not one of \"external\", \"internal\", \"client\", \"confederation\"",
            "f:11:49: any: an empty list decides nothing: leave it out",
            "f:12:22: prepend: 0 is out of range: write a number from 1 to 4294967295",
            "f:12:37: next_hop: \"here\" is not a next hop: write an address, \"self\", \"keep\" or \"peer\"",
            "f:13:24: local_pref: expected a number, the name of one or a parenthesis, found the end, in \"local_pref +\"",
            "f:14:1: a rule that rejects a route sets nothing in it: leave out what it sets",
            "f:15:12: filter: there is no filter \"b\": did you mean \"a\"?",
            "f:16:26: action: a rule that calls a filter has no action of its own: leave one of them out",
        ],
    );
}

#[test]
fn what_no_route_can_match_and_filters_in_a_circle() {
    check_after_global(
        "[filter.a]\nrules = [\n\
         { match = { prefix = \"10.65.0.0/16\", not = { stale = true }, all = [{ prefix = \"10.66.0.0/16\" }] }, action = \"accept\" },\n\
         { match = { local_pref = 100, all = [{ local_pref = \"101..\" }] }, action = \"accept\" },\n\
         { match = { family = \"ipv6-unicast\", prefix = \"10.0.0.0/8\" }, action = \"accept\" },\n\
         { filter = \"b\" },\n]\n[filter.b]\nrules = [{ filter = \"a\" }]\n",
        &[
            "f:6:11: match: no route matches: no prefix lies inside 10.65.0.0/16 and 10.66.0.0/16",
            "f:7:11: match: no route matches: local_pref cannot be 100 and 101..4294967295",
            "f:8:11: match: no route matches: 10.0.0.0/8 is not a prefix of ipv6-unicast",
            "f:12:21: filter: filters call each other in a circle: a calls b calls a",
        ],
    );
}

#[test]
fn what_filters_set_in_the_wrong_direction() {
    check_after_global(
        "[filter.a]\nrules = [{ set = { next_hop = \"self\" }, action = \"accept\" }]\n\
         [filter.b]\nrules = [{ filter = \"c\" }, { set = { next_hop = \"peer\" }, action = \"accept\" }]\n\
         [filter.c]\nrules = [{ match = { interface = \"cali*\" }, action = \"accept\" }]\n\
         [[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\nimport = [\"a\", \"c\"]\nexport = [\"b\"]\n",
        &[
            "f:13:11: import: filter \"a\" sets next_hop \"self\" or \"keep\", which is about what is advertised: it belongs \
             in export",
            "f:13:16: import: filter \"c\" asks for an interface, which only routes of the kernel have: it belongs in export",
            "f:14:11: export: filter \"b\" sets next_hop \"peer\", the peer that advertised the route: it belongs in import",
        ],
    );
}

#[test]
fn what_no_peer_is_told() {
    check_after_global(
        "[filter.a]\nrules = [{ action = \"accept\", set_local_pref = 5 }, { action = \"accept\", set_metric = 5 }]\n\
         [filter.b]\nrules = [{ action = \"accept\", set_preference = 160 }]\n\
         [peer_group.mesh]\nimport = [\"a\", \"b\"]\nexport = [\"a\"]\n\
         [[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\nexport = [\"b\"]\n",
        &[
            "f:10:11: export: filter \"a\" sets metric, which is never advertised: it belongs in import",
            "f:14:11: export: filter \"b\" sets preference, which is never advertised: it belongs in import",
        ],
    );
}

#[test]
fn networks() {
    check_after_global(
        "[[network]]\nprefix = \"10.65.1.1/26\"\n[[network]]\nblackhole = \"yes\"\n",
        &[
            "f:5:10: prefix: host bits are set in 10.65.1.1/26: write 10.65.1.0/26",
            "f:6:1: [[network]] has no prefix",
            "f:7:13: blackhole: expected true or false, found a string",
        ],
    );
    check_after_global(
        "[[network]]\nprefix = \"10.65.1.0/26\"\n[[network]]\nprefix = \"10.65.2.0/26\"\n[[network]]\n\
         prefix = \"10.65.1.0/26\"\nblackhole = true\n",
        &["f:9:10: prefix: 10.65.1.0/26 is a network already on line 5: keep one of the two"],
    );
}

#[test]
fn filters() {
    check_after_global(
        "[filter.a]\n[filter.b]\nrules = [\n  { action = \"drop\" },\n  { match = { prefix = \"10.0.0.0/8\" } },\n  \"accept\",\n]\n",
        &[
            "f:4:1: [filter.a] has no rules",
            "f:7:14: action: \"drop\" is not an action: write \"accept\", \"reject\" or \"continue\"",
            "f:8:3: a rule has no action, and calls no filter",
            "f:9:3: rules: expected the table a rule, found a string",
        ],
    );
    check_after_global(
        "[filter.a]\nrules = [\n\
         { match = { prefix = \"10.65.0.0/16\", length = \"8..24\" }, action = \"accept\" },\n\
         { match = { prefix = \"10.65.0.0/16\", length = \"32..26\" }, action = \"accept\" },\n\
         { match = { prefix = \"10.65.0.1/16\", length = 26 }, action = \"accept\" },\n\
         { match = { length = \"129\", community = \"1:1\" }, action = \"accept\" },\n\
         { match = \"10.65.0.0/16\", action = \"accept\" },\n]\n",
        &[
            "f:6:47: length: prefixes inside 10.65.0.0/16 have lengths 16..32, not 8..24",
            "f:7:47: length: \"32..26\" is not a range of prefix lengths: write \"26\", or \"26..32\" with the shorter length \
             first",
            "f:8:22: prefix: host bits are set in 10.65.0.1/16: write 10.65.0.0/16",
            "f:8:47: length: expected a string, such as \"26..32\", found a number",
            "f:9:22: length: \"129\" is not a range of prefix lengths: write \"26\", or \"26..32\" with the shorter length first",
            "f:10:11: match: expected the table match, found a string",
        ],
    );
    check_after_global(
        "[filter.\"my filter\"]\nrules = []\n[peer_group.\"\"]\n",
        &[
            "f:4:9: \"my filter\" cannot be a name: write letters, digits and . _ : - only",
            "f:6:13: \"\" cannot be a name: write letters, digits and . _ : - only",
        ],
    );
}

#[test]
fn references() {
    check_after_global(
        "[filter.pods-only]\nrules = []\n[filter.services]\nrules = 1\n[peer_group.mesh]\nimport = [\"pod-only\"]\n\
         [[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\nimport = [\"services\", \"outside-world\"]\nexport = \"services\"\n\
         [[peer]]\naddress = \"10.0.0.2\"\ngroup = \"rack\"\n",
        &[
            "f:7:9: rules: expected a list, such as [{ action = \"accept\" }], found a number",
            "f:9:11: import: there is no filter \"pod-only\": did you mean \"pods-only\"?",
            "f:13:23: import: there is no filter \"outside-world\": there is pods-only, services",
            "f:14:10: export: expected a list, such as [\"pods-only\"], found a string",
            "f:17:9: group: there is no peer group \"rack\": there is mesh",
        ],
    );
    check_after_global(
        "[[peer]]\naddress = \"10.0.0.1\"\ngroup = \"mesh\"\nimport = [\"a\"]\n",
        &["f:6:9: group: there is no peer group \"mesh\"", "f:7:11: import: there is no filter \"a\""],
    );
}

#[test]
fn peers() {
    check_after_global(
        "[[peer]]\nname = \"a\"\n[[peer]]\naddress = \"10.0.0.1\"\n[peer_group.g]\nremote_asn = 0\n[[peer]]\n\
         address = \"10.0.0.2\"\ngroup = \"g\"\n",
        &[
            "f:4:1: [[peer]] has no address",
            "f:4:1: [[peer]] has no remote_asn, nor a group that gives it",
            "f:6:1: [[peer]] has no remote_asn, nor a group that gives it",
            "f:9:14: remote_asn: 0 is out of range: write a number from 1 to 4294967295",
        ],
    );
    check_peer(
        "address = \"10.0.0.1/32\"\nfamilies = [\"ipv4\", \"ipv6-unicast\"]\nhold_time = \"2s\"\nconnect_retry = \"0s\"\n\
         password_file = \"tor.key\"\nport = 0\nmultihop = 0\nttl_security = 1\nnext_hop = \"me\"\npassive = \"no\"\n",
        &[
            "f:6:11: address: 10.0.0.1/32 is a prefix: write the address alone, 10.0.0.1",
            "f:7:13: families: \"ipv4\" is not a valid family: write \"ipv4-unicast\" or \"ipv6-unicast\"",
            "f:8:13: hold_time: 2s is not a valid hold time: write \"3s\" to \"65535s\" in whole seconds, or \"0s\" for no expiry",
            "f:9:17: connect_retry: 0s is out of range: write \"1s\" to \"65535s\"",
            "f:10:17: password_file: \"tor.key\" is not an absolute path: begin it with a slash",
            "f:11:8: port: 0 is out of range: write a number from 1 to 65535",
            "f:12:12: multihop: 0 is out of range: write a number from 1 to 255",
            "f:13:16: ttl_security: expected true or false, found a number",
            "f:14:12: next_hop: \"me\" is not a valid next-hop mode: write \"auto\", \"self\", \"keep\" \
           or an address",
            "f:15:11: passive: expected true or false, found a string",
        ],
    );
    check_peer(
        "address = \"10.0.0.1\"\nsource_address = \"2001:db8::1\"\nfamilies = []\nhold_time = 90\ndescription = 7\n",
        &[
            "f:4:1: source_address: 2001:db8::1 cannot reach 10.0.0.1: write an address of the same family",
            "f:8:12: families: a session without families carries no routes: write [\"ipv4-unicast\"] or leave it out",
            "f:9:13: hold_time: expected a string, such as \"90s\", found a number",
            "f:10:15: description: expected a string, such as \"top of rack 1\", found a number",
        ],
    );
    check_peer(
        "address = \"10.0.0.1\"\nname = \"tor 1\"\nfamilies = [\"ipv4-unicast\", \"ipv4-unicast\"]\nhold_time = \"90\"\n",
        &[
            "f:7:8: name: \"tor 1\" cannot be a name: write letters, digits and . _ : - only",
            "f:8:29: families: ipv4-unicast is in the list twice",
            "f:9:13: hold_time: \"90\" has no unit: write \"90s\" if seconds are meant",
        ],
    );
}

#[test]
fn peers_that_are_there_twice() {
    check_after_global(
        "[[peer]]\nname = \"a\"\naddress = \"10.0.0.1\"\nremote_asn = 1\n[[peer]]\nname = \"b\"\n\
         address = \"10.0.0.1\"\nremote_asn = 1\n[[peer]]\nname = \"a\"\naddress = \"10.0.0.2\"\nremote_asn = 1\n",
        &[
            "f:10:11: address: 10.0.0.1 is the address of another peer on line 6: keep one of them, \
             or give one another port or source_address",
            "f:13:8: name: \"a\" is the name of another peer on line 5: choose another",
        ],
    );
    // A peer without a name goes by its address.
    check_after_global(
        "[[peer]]\nname = \"10.0.0.2\"\naddress = \"10.0.0.1\"\nremote_asn = 1\n[[peer]]\naddress = \"10.0.0.2\"\nremote_asn = 1\n",
        &["f:9:11: address: \"10.0.0.2\" is the name of another peer on line 5: give this one a name"],
    );
    check_after_global(
        "[[peer]]\naddress = \"2001:db8::1\"\nremote_asn = 1\n[[peer]]\naddress = \"2001:db8:0::1\"\nremote_asn = 1\n",
        &["f:8:11: address: 2001:db8::1 is the address of another peer on line 5: keep one of them, \
           or give one another port or source_address"],
    );
}

#[test]
fn peers_at_one_address_that_cannot_be_told_apart() {
    let peer = |name: &str, more: &str| {
        format!("[[peer]]\nname = \"{name}\"\naddress = \"10.0.0.1\"\nremote_asn = 1\n{more}\n")
    };
    let both = |one: &str, other: &str| [peer("a", one), peer("b", other)].concat();
    let place = "address: 10.0.0.1 is the address of another peer on line 6";
    let unclear = "whose connections cannot be told apart from those of this one: \
                   give one a source_address of its own, or let neither be passive";
    let rows = [
        ("port = 1790", "port = 1791", None),
        ("", "port = 1790", None),
        ("source_address = \"10.0.0.8\"", "source_address = \"10.0.0.9\"", None),
        ("source_address = \"10.0.0.8\"", "", None),
        (
            "source_address = \"10.0.0.8\"\npassive = true",
            "source_address = \"10.0.0.9\"\npassive = true",
            None,
        ),
        (
            "port = 1790",
            "port = 1790",
            Some(": keep one of them, or give one another port or source_address".to_owned()),
        ),
        ("port = 1790", "port = 1791\npassive = true", Some(format!(", {unclear}"))),
        ("port = 1790\npassive = true", "port = 1791", Some(format!(", {unclear}"))),
        (
            "port = 1790\npassword_file = \"/a\"",
            "port = 1791",
            Some(", with another password_file: give both the same".to_owned()),
        ),
        ("port = 1790\npassword_file = \"/a\"", "port = 1791\npassword_file = \"/a\"", None),
        ("port = 1790\nbfd = true", "port = 1791", None),
        (
            "port = 1790\nbfd = true",
            "port = 1791\nbfd = true",
            Some(", which has bfd as well: leave it to one of them, as both have the same path".to_owned()),
        ),
    ];
    for (one, other, expected) in rows {
        let text = both(one, other);
        let Some(advice) = expected else {
            let config = parse("f", &format!("{GLOBAL}{text}")).expect(&text);
            assert_eq!(config.peers().len(), 2, "{text}");
            continue;
        };
        let line = GLOBAL.lines().count() + peer("a", one).lines().count() + 3;
        check_after_global(&text, &[&format!("f:{line}:11: {place}{advice}")]);
    }
}

#[test]
fn dynamic_peers() {
    let groups = "[peer_group.nodes]\nremote_asn = 64512\n[peer_group.bare]\n[peer_group.tors]\nremote_asn = 65001\n\
                  rr_client = true\n[peer_group.signed]\nremote_asn = 64512\npassword_file = \"/k\"\n";
    let check = |text: &str, expected: &[&str]| check_after_global(&format!("{groups}{text}"), expected);
    check(
        "[[dynamic_peers]]\n[[dynamic_peers]]\nrange = \"10.0.0.1/16\"\ngroup = \"node\"\nlimit = 0\nport = 1\n",
        &[
            "f:13:1: [[dynamic_peers]] has no range",
            "f:13:1: [[dynamic_peers]] has no group",
            "f:15:9: range: host bits are set in 10.0.0.1/16: write 10.0.0.0/16",
            "f:17:9: limit: 0 is out of range: write a number from 1 to 4294967295",
            "f:18:1: unknown key \"port\" in [[dynamic_peers]]: there is range, group, limit",
        ],
    );
    check(
        "[[dynamic_peers]]\nrange = \"10.0.0.0/16\"\ngroup = \"node\"\n[[dynamic_peers]]\nrange = \"10.1.0.0/16\"\n\
         group = \"bare\"\n[[dynamic_peers]]\nrange = \"10.2.0.0/16\"\ngroup = \"tors\"\n[[dynamic_peers]]\n\
         range = \"::ffff:10.3.0.0/112\"\ngroup = \"nodes\"\n",
        &[
            "f:15:9: group: there is no peer group \"node\": did you mean \"nodes\"?",
            "f:16:1: group: bare gives no remote_asn",
            "f:19:1: rr_client: peer 10.2.0.0/16 is in AS 65001, and only peers in our own AS 64512 are clients",
            "f:23:9: range: ::ffff:10.3.0.0/112 is a range of IPv4 addresses in disguise: write 10.3.0.0/16",
        ],
    );
    check(
        "[[dynamic_peers]]\nrange = \"10.0.0.0/16\"\ngroup = \"nodes\"\n[[dynamic_peers]]\nrange = \"10.0.0.0/16\"\n\
         group = \"signed\"\n",
        &["f:16:1: range: 10.0.0.0/16 is a range already on line 13: keep one of the two"],
    );
    // The kernel would ask for a signature that the other has no password for.
    check(
        "[[dynamic_peers]]\nrange = \"10.0.0.0/16\"\ngroup = \"signed\"\n[[dynamic_peers]]\nrange = \"10.0.1.0/24\"\n\
         group = \"nodes\"\n[[peer]]\nname = \"a\"\naddress = \"10.0.0.7\"\ngroup = \"nodes\"\n",
        &[
            "f:13:1: range: 10.0.0.0/16 has a password, which is then asked for in peer a too: give that one a password_file",
            "f:13:1: range: 10.0.0.0/16 has a password, which is then asked for in range 10.0.1.0/24 too: give that one a \
             password_file",
        ],
    );
    check_after_global(
        "listen = []\n[peer_group.g]\nremote_asn = 1\n[[dynamic_peers]]\nrange = \"10.0.0.0/16\"\ngroup = \"g\"\n",
        &["f:7:1: dynamic_peers: nobody can connect where global.listen is empty"],
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        prop_assert_errors_point_into(&text);
    }

    #[test]
    fn no_file_with_damage_panics(at in any::<prop::sample::Index>(), removed in 0..40_usize, inserted in "\\PC{0,12}|[\\[\\]{}=\",.\n0-9a-z/]{0,12}") {
        let file: Vec<char> = include_str!("../example.toml").chars().collect();
        let at = at.index(file.len());
        let text: String = file[..at].iter().copied().chain(inserted.chars()).chain(file.iter().copied().skip(at + removed)).collect();
        prop_assert_errors_point_into(&text);
    }
}

fn prop_assert_errors_point_into(text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    for error in parse("f", text).err().unwrap_or_default() {
        let line = lines.get(error.line - 1).unwrap_or_else(|| panic!("no such line: {error}"));
        assert!((1..=line.chars().count() + 1).contains(&error.column), "no such column: {error}");
        assert!(!error.text.is_empty() && !error.text.contains('\n'), "{error:?}");
    }
}

fn check_peer(settings: &str, expected: &[&str]) {
    check_after_global(&format!("[[peer]]\nremote_asn = 65001\n{settings}"), expected);
}

fn check_after_global(text: &str, expected: &[&str]) {
    check(&format!("{GLOBAL}{text}"), expected);
}

fn check(text: &str, expected: &[&str]) {
    let errors = parse("f", text).expect_err(text);
    let lines: Vec<String> = errors.iter().map(ConfigError::to_string).collect();
    assert_eq!(lines, expected, "the file was:\n{text}");
}

#[test]
fn prefix_limits() {
    let limit = |text: &str| {
        format!("[[peer]]\naddress = \"172.16.0.1\"\nremote_asn = 65001\nprefix_limit = {text}\n")
    };
    let number = "f:7:16: prefix_limit: expected a number from 1 to 4294967295, found a string";
    check_after_global(&limit("\"many\""), &[number]);
    check_after_global(
        &limit("0"),
        &["f:7:16: prefix_limit: 0 is out of range: write a number from 1 to 4294967295"],
    );
    check_after_global(
        &limit("{ warn = 0.5 }"),
        &["f:7:16: prefix_limit: it limits nothing: give it received, accepted or both"],
    );
    let share = "expected a share from 0.01 to 1.0, such as 0.8";
    for warn in ["0.0", "1.1", "0.8e9", "nan", "\"0.8\"", "80"] {
        check_after_global(
            &limit(&format!("{{ received = 1, warn = {warn} }}")),
            &[&format!("f:7:39: warn: {share}")],
        );
    }
    check_after_global(
        &limit("{ received = 1, action = \"drop\" }"),
        &["f:7:41: action: \"drop\" is not an action: write \"cease\" or \"refuse\""],
    );
    check_after_global(
        &limit("{ received = 1, action = \"refuse\", restart = \"5m\" }"),
        &["f:7:61: restart: with action = \"refuse\" the session goes on: remove it"],
    );
    check_after_global(
        &limit("{ received = 1, actoin = \"cease\" }"),
        &["f:7:32: unknown key \"actoin\" in prefix_limit: did you mean \"action\"?"],
    );
}

#[test]
fn bfd() {
    let check_bfd = |text: &str, expected: &[&str]| {
        check_peer(&format!("address = \"172.16.0.1\"\nbfd = {text}\n"), expected);
    };
    check_bfd("\"yes\"", &["f:7:7: bfd: expected true or false, found a string"]);
    for interval in ["0ms", "61m"] {
        check_bfd(
            &format!("{{ transmit = \"{interval}\" }}"),
            &[&format!("f:7:20: transmit: {interval} is out of range: write \"1ms\" to \"1h\"")],
        );
    }
    check_bfd(
        "{ receive = 50, multiplier = 0 }",
        &[
            "f:7:19: receive: expected a string, such as \"50ms\", found a number",
            "f:7:36: multiplier: 0 is out of range: write a number from 1 to 255",
        ],
    );
    let no_secret = "there is no secret: give a password_file as well";
    check_bfd("{ key_id = 7 }", &[&format!("f:7:18: key_id: {no_secret}")]);
    check_bfd(
        "{ authentication = \"sha1\", password_file = \"/k\" }",
        &[
            "f:7:26: authentication: \"sha1\" is not a kind of authentication: write one of \"simple\", \"keyed-md5\", \
           \"meticulous-keyed-md5\", \"keyed-sha1\", \"meticulous-keyed-sha1\"",
        ],
    );
    check_bfd(
        "{ interval = \"50ms\" }",
        &[
            "f:7:9: unknown key \"interval\" in bfd: there is transmit, receive, multiplier, multihop, password_file, \
           authentication, key_id",
        ],
    );
}

/// The longest secret depends on the kind of authentication (RFC 5880 §4.2 to §4.4).
#[test]
fn a_bfd_secret_that_is_too_long_for_its_kind() {
    let file = |kind: &str| {
        format!(
            "{GLOBAL}[[peer]]\naddress = \"172.16.0.1\"\nremote_asn = 65001\n\
             bfd = {{ password_file = \"/k\", authentication = \"{kind}\" }}\n"
        )
    };
    let errors = |kind: &str| {
        let result = margay_config::read("f", &file(kind), &mut Secrets, NamedFiles::Checked).strict();
        result.map_err(|errors| errors.iter().map(ConfigError::to_string).collect::<Vec<_>>())
    };
    assert!(errors("keyed-sha1").is_ok());
    let expected =
        "f:7:25: password_file: /k cannot be used: its first line has 17 octets: keyed-md5 takes 16 at most";
    assert_eq!(errors("keyed-md5").unwrap_err(), [expected]);
}

/// Files that all hold the same secret.
struct Secrets;

impl Files for Secrets {
    fn read(&mut self, _: &Path) -> Result<Vec<u8>, String> {
        Ok(b"seventeen octets!\n".to_vec())
    }

    fn list(&mut self, _: &Path) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

#[test]
fn roles() {
    let peer = |text: &str| format!("[[peer]]\naddress = \"172.16.0.1\"\n{text}\n");
    check_after_global(
        &peer("remote_asn = 65001\nrole = \"transit\""),
        &[
            "f:7:8: role: \"transit\" is not a role: write \"provider\", \"customer\", \"peer\", \"rs-server\", \"rs-client\"",
        ],
    );
    check_after_global(
        &peer("remote_asn = \"internal\"\nrole = \"peer\""),
        &["f:4:1: role: peer 172.16.0.1 is internal: roles are relations between ASes (RFC 9234)"],
    );
    check_after_global(
        &peer("remote_asn = 65001\nrequire_role = true"),
        &[
            "f:4:1: require_role: peer 172.16.0.1 has no role: write this speaker's role, such as role = \"provider\"",
        ],
    );
}

#[test]
fn the_memory_guard() {
    check(
        "[global]\nasn = 64512\nrouter_id = \"10.0.0.1\"\nmemory_guard = \"2GB\"\n",
        &[
            "f:4:16: memory_guard: \"2GB\" is not an amount of memory: write a number and a unit, such as \"2GiB\" or \"512MiB\", or \"none\"",
        ],
    );
}

#[test]
fn a_confederation() {
    let global = |confederation: &str| {
        format!(
            "[global]\nasn = 64601\nrouter_id = \"10.0.0.1\"\nebgp_without_filters = \"accept\"\n\
             confederation = {confederation}\n"
        )
    };
    let usual = global("{ identifier = 65000, members = [64601, 64602] }");
    check(
        &global("{ identifier = 64601, members = [64602] }"),
        &["f:5:32: identifier: 64601 is the number of a member: the confederation needs one of its own"],
    );
    check(
        &global("{ members = [64602, 64602], peers = [] }"),
        &[
            "f:5:17: confederation has no identifier",
            "f:5:37: members: 64602 is in the list twice",
            "f:5:45: unknown key \"peers\" in confederation: there is identifier, members",
        ],
    );
    let peer = |keys: &str| format!("{usual}[[peer]]\nname = \"p\"\naddress = \"10.0.0.2\"\n{keys}\n");
    for (keys, error) in [
        (
            "remote_asn = \"any\"",
            "f:6:1: remote_asn: peer p may be of any AS, and our AS number in a confederation depends on it: write its \
             number, \"external\" or \"internal\"",
        ),
        (
            "remote_asn = 65000",
            "f:6:1: remote_asn: 65000 is the number of our confederation: write the number of the member that peer p is in",
        ),
        (
            "remote_asn = 64602\nlocal_asn = 64999",
            "f:6:1: local_asn: peer p is in our confederation, whose members know this speaker by its own number",
        ),
        (
            "remote_asn = 64602\nrole = \"provider\"",
            "f:6:1: role: peer p is in our confederation: roles are relations between ASes (RFC 9234)",
        ),
        (
            "remote_asn = 64602\nroute_server_client = true",
            "f:6:1: route_server_client: peer p is in our confederation: a route server serves other ASes",
        ),
        (
            "remote_asn = 64602\nrr_client = true",
            "f:6:1: rr_client: peer p is in AS 64602, and only peers in our own AS 64601 are clients",
        ),
    ] {
        check(&peer(keys), &[error]);
    }
}

#[test]
fn rpki_caches() {
    check_after_global(
        "[[rpki_cache]]\naddress = \"cache\"\n[[rpki_cache]]\naddress = \"192.0.2.1\"\nexpire = \"1m\"\nport = 0\n\
         [[rpki_cache]]\naddress = \"192.0.2.2\"\n[[rpki_cache]]\naddress = \"192.0.2.2\"\n",
        &[
            "f:5:11: address: \"cache\" is not a valid address: write one such as \"172.16.0.1\" or \"2001:db8::1\"",
            "f:8:10: expire: 1m is out of range: write \"600s\" to \"172800s\"",
            "f:9:8: port: 0 is out of range: write a number from 1 to 65535",
            "f:13:11: address: 192.0.2.2:323 is a cache already on line 11: keep one of the two",
        ],
    );
}
