//! `[[aggregate]]` and `default_originate`, right and wrong.

use margay_config::{Config, Hold, PeerEffect, diff, parse};

const HEAD: &str = "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n\
                    [filter.blocks]\nrules = [{ match = { length = \"26\" }, action = \"accept\" }]\n";

fn parsed(rest: &str) -> Config {
    parse("margay.toml", &format!("{HEAD}{rest}")).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn an_aggregate_has_conditions() {
    let config = parsed(
        "[[aggregate]]\nprefix = \"10.65.0.0/16\"\ncontributors = [\"blocks\"]\nleast = 3\nhold = \"prohibit\"\ntag = 7\n\
         [[aggregate]]\nprefix = \"10.64.0.0/12\"\n",
    );
    let [first, second] = config.aggregates() else { panic!("{:?}", config.aggregates()) };
    assert_eq!((first.prefix.to_string().as_str(), first.least.get(), first.hold), ("10.64.0.0/12", 1, None));
    assert!(first.contributors.is_empty());
    assert_eq!((second.least.get(), second.hold, second.tag), (3, Some(Hold::Prohibit), Some(7)));
    assert_eq!(second.contributors.filters()[0].name(), "blocks");
}

#[test]
fn wrong_aggregates_say_what_is_wrong() {
    let rows = [
        ("prefix = \"10.65.1.1/32\"", "is a single address: no route lies inside it"),
        ("prefix = \"10.65.0.0/16\"\nleast = 0", "least"),
        ("prefix = \"10.65.0.0/16\"\ncontributors = [\"block\"]", "block"),
        ("prefix = \"10.65.0.0/16\"\nhold = \"nothing\"", "holds nothing"),
        ("prefix = \"10.65.0.0/16\"\nsumary_only = true", "sumary_only"),
        ("least = 1", "prefix"),
        ("prefix = \"10.65.0.0/16\"\n[[aggregate]]\nprefix = \"10.65.0.0/16\"", "is an aggregate already"),
    ];
    for (text, expected) in rows {
        let errors = parse("margay.toml", &format!("{HEAD}[[aggregate]]\n{text}\n")).unwrap_err();
        assert!(errors.iter().any(|error| error.text.contains(expected)), "{text}: {errors:#?}");
    }
}

#[test]
fn a_reload_changes_aggregates_and_default_routes_in_place() {
    let [one, other] = ["1", "2"].map(|least| {
        let peer = "[[peer]]\nname = \"tor\"\naddress = \"10.0.0.1\"\nremote_asn = 65001\n";
        let default = if least == "2" { "default_originate = true\n" } else { "" };
        let kept = "[[aggregate]]\nprefix = \"10.65.0.0/16\"\n";
        let aggregate = format!("[[aggregate]]\nprefix = \"10.64.0.0/12\"\nleast = {least}\n");
        parsed(&format!("{peer}{default}{kept}{aggregate}"))
    });
    let changes = diff(&one, &other);
    let prefixes: Vec<String> = changes.aggregates_changed.iter().map(|it| it.prefix.to_string()).collect();
    assert_eq!(prefixes, ["10.64.0.0/12"]);
    assert!(changes.aggregates_added.is_empty() && changes.aggregates_removed.is_empty());
    assert_eq!(changes.peers_changed[0].keys, ["default_originate"]);
    assert_eq!(changes.peers_changed[0].effects(), [PeerEffect::FiltersOut]);
    let gone = diff(&one, &parsed(""));
    assert_eq!(gone.aggregates_removed.len(), 2);
}
