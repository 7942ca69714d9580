//! `[[static]]` and `kernel.export`, right and wrong.
#![expect(clippy::unwrap_used, reason = "a test")]

use margay_config::{Config, Hold, StaticTarget, diff, parse};

const HEAD: &str = "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n[kernel]\n";

fn parsed(rest: &str) -> Config {
    parse("margay.toml", &format!("{HEAD}{rest}")).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn errors(rest: &str) -> Vec<String> {
    let errors = parse("margay.toml", &format!("{HEAD}{rest}")).unwrap_err();
    errors.into_iter().map(|error| error.text).collect()
}

#[test]
fn every_form_of_a_static_route() {
    let config = parsed(
        "[[static]]\nprefix = \"10.1.0.0/16\"\nvia = \"10.0.0.1\"\n\
         [[static]]\nprefix = \"10.2.0.0/16\"\nvia = [\"10.0.0.1\", { address = \"10.0.0.2\", weight = 3 }]\nmetric = 5\n\
         [[static]]\nprefix = \"10.3.0.0/16\"\nvia = { address = \"10.0.0.2\", interface = \"eth0\", onlink = true }\n\
         [[static]]\nprefix = \"10.4.0.0/16\"\ninterface = \"tun0\"\nadvertise = false\n\
         [[static]]\nprefix = \"10.5.0.0/16\"\ndiscard = \"prohibit\"\ninstall = false\npreference = 50\ntag = 7\n\
         [[static]]\nprefix = \"10.6.0.0/16\"\nvia = { address = \"fe80::1\", interface = \"eth0\" }\n",
    );
    let shown: Vec<String> = config
        .static_routes()
        .iter()
        .map(|route| {
            let target = match &route.target {
                StaticTarget::Discard(hold) => format!("{hold:?}"),
                StaticTarget::Via(hops) => hops
                    .iter()
                    .map(|hop| format!("{:?} {:?} x{}", hop.address, hop.interface, hop.weight))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            let (metric, tag) = (route.metric, route.tag);
            format!(
                "{} {target} {} {metric:?} {tag:?} {} {}",
                route.prefix, route.preference, route.advertise, route.install
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "10.1.0.0/16 Some(10.0.0.1) None x1 200 None None true true",
            "10.2.0.0/16 Some(10.0.0.1) None x1, Some(10.0.0.2) None x3 200 Some(5) None true true",
            "10.3.0.0/16 Some(10.0.0.2) Some(\"eth0\") x1 200 None None true true",
            "10.4.0.0/16 None Some(\"tun0\") x1 200 None None false true",
            "10.5.0.0/16 Prohibit 50 None Some(7) true false",
            "10.6.0.0/16 Some(fe80::1) Some(\"eth0\") x1 200 None None true true",
        ]
    );
    assert_eq!(config.static_routes()[4].target, StaticTarget::Discard(Hold::Prohibit));
}

#[test]
fn what_is_wrong_with_a_static_route_is_said() {
    let rows = [
        ("via = \"10.0.0.300\"", "via: \"10.0.0.300\" is not an IP address"),
        ("via = \"fe80::1\"", "via: fe80::1 is a link-local address"),
        ("via = \"224.0.0.1\"", "via: 224.0.0.1 cannot be a gateway"),
        ("via = []", "via: write 1 to 128 next hops"),
        ("via = [\"10.0.0.1\", \"10.0.0.1\"]", "via: this next hop is listed twice"),
        ("via = { weight = 2 }", "a next hop has an address, an interface, or both"),
        ("via = { address = \"10.0.0.1\", onlink = true }", "onlink: onlink = true needs an address"),
        ("via = { address = \"10.0.0.1\", weight = 0 }", "weight: 0 is out of range"),
        ("via = \"10.0.0.1\"\ninterface = \"eth0\"", "interface: the interface of a gateway stands with it"),
        ("via = \"10.0.0.1\"\ndiscard = \"blackhole\"", "discard: packets are sent somewhere or discarded"),
        (
            "interface = \"an-interface-too-long\"",
            "interface: \"an-interface-too-long\" is not an interface name",
        ),
        ("discard = \"drop\"", "discard: \"drop\" holds nothing"),
        ("tag = 7", "a static route says where packets are sent"),
        (
            "discard = \"blackhole\"\nadvertise = false\ninstall = false",
            "a static route that is neither advertised nor installed",
        ),
    ];
    for (keys, expected) in rows {
        let found = errors(&format!("[[static]]\nprefix = \"10.1.0.0/16\"\n{keys}\n"));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{keys}: {found:?}");
    }
    let found = errors("[[static]]\nprefix = \"2001:db8::/32\"\nvia = \"10.0.0.1\"\n");
    assert!(found[0].contains("2001:db8::/32 is IPv6"), "{found:?}");
    let twice = "[[static]]\nprefix = \"10.1.0.0/16\"\ninterface = \"eth0\"\n";
    assert!(errors(&twice.repeat(2))[0].contains("has a static route already on line 6"));
    let found = errors(&format!("[[network]]\nprefix = \"10.1.0.0/16\"\n{twice}"));
    assert!(found[0].contains("is a [[network]], too"), "{found:?}");
}

#[test]
fn filters_on_what_is_installed_set_what_the_kernel_has() {
    let with =
        |rule: &str| format!("export = [\"k\"]\n[filter.k]\nrules = [{{ {rule}, action = \"accept\" }}]\n");
    let set = |edit: &str| with(&format!("set = {{ {edit} }}"));
    let config = parsed(&set("metric = 5, link = \"tunl0\", next_hop = \"10.0.0.1\""));
    assert_eq!(config.kernel().unwrap().export.filters().len(), 1);
    let rows = [
        (set("local_pref = 5"), "sets local_pref, which routes in the kernel do not have"),
        (set("prepend = [1]"), "sets prepend, which routes in the kernel do not have"),
        (set("add_communities = [\"1:1\"]"), "sets communities, which routes in the kernel do not have"),
        (set("next_hop = \"self\""), "sets next_hop to \"self\""),
        (with("match = { peer = \"a\" }"), "asks for the peer that the filter works for"),
        (with("match = { interface = \"a\" }"), "asks for an interface"),
    ];
    for (text, expected) in rows {
        let found = errors(&text);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:?}");
    }
    let peer = "[filter.k]\nrules = [{ set = { link = \"tunl0\" }, action = \"accept\" }]\n\
                [[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\nexport = [\"k\"]\n";
    assert!(errors(peer)[0].contains("it belongs in kernel.export"));
}

#[test]
fn changes_of_static_routes_are_told_apart() {
    let text = |routes: &str, export: &str| {
        parsed(&format!("{export}\n[filter.k]\nrules = [{{ action = \"accept\" }}]\n{routes}"))
    };
    let route = |prefix: &str, via: &str| format!("[[static]]\nprefix = \"{prefix}\"\nvia = \"{via}\"\n");
    let old = text(&[route("10.1.0.0/16", "10.0.0.1"), route("10.2.0.0/16", "10.0.0.1")].concat(), "");
    let new = text(
        &[route("10.2.0.0/16", "10.0.0.2"), route("10.3.0.0/16", "10.0.0.1")].concat(),
        "export = [\"k\"]",
    );
    let changes = diff(&old, &new);
    let prefixes = |routes: &[margay_config::StaticRoute]| {
        routes.iter().map(|route| route.prefix.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(prefixes(&changes.static_routes_removed), ["10.1.0.0/16"]);
    assert_eq!(prefixes(&changes.static_routes_changed), ["10.2.0.0/16"]);
    assert_eq!(prefixes(&changes.static_routes_added), ["10.3.0.0/16"]);
    assert!(changes.kernel_export_changed && changes.needs_restart.is_empty());
    assert!(diff(&new, &new).is_empty());
}
