//! Filters at work: the routes that they log, and what an explanation shows of them.

use margay_filter::{Action, Condition, Filter, FilterChain, PrefixCondition, Rule};
use margay_rib::{FilterDirection, NoticeKind};

use super::by_hand::{BLOCK, FEED, attributes, exports, gateway, reach, rib};
use super::cast::{options, with};

/// A filter that logs evaluates each route, also where equal attributes would make one verdict do.
#[test]
fn routes_that_filters_log_are_noticed_each_with_the_verdict() {
    let mut rib = rib();
    let logging = |name: &str| {
        let rule = Rule::new(Condition::always(), Action::Accept).with_log(true);
        FilterChain::new([Filter::new(name, [rule]).with_lines([7])])
    };
    let feed = rib.peer_up(with(options(FEED), |it| it.rules.import = logging("in")), None);
    let reader = rib.peer_up(with(options(4), |it| it.rules.export = logging("out")), None);
    rib.apply_update(feed, reach(&[BLOCK, "10.66.0.0/24"], attributes(|_| {}), gateway()));
    exports(&mut rib, reader);
    let (notices, dropped) = rib.poll_notices();
    let logged: Vec<_> =
        notices.into_iter().map(|notice| (notice.peer, notice.prefix, notice.kind)).collect();
    let import = |prefix: &str| {
        let verdict = "accepted by filter in, rule 1 (line 7)".to_owned();
        (feed, prefix.parse().unwrap(), NoticeKind::LoggedOnImport(verdict))
    };
    let export = |prefix: &str| {
        let verdict = "accepted by filter out, rule 1 (line 7)".to_owned();
        (reader, prefix.parse().unwrap(), NoticeKind::LoggedOnExport { verdict, others: 0 })
    };
    for expected in [import(BLOCK), import("10.66.0.0/24"), export(BLOCK), export("10.66.0.0/24")] {
        assert!(logged.contains(&expected), "{expected:?} in {logged:?}");
    }
    assert_eq!((logged.len(), dropped), (4, 0));
}

#[test]
fn an_explanation_shows_the_rules_that_a_path_met_in_both_directions() {
    let mut rib = rib();
    let chain = |name: &str, length: &str| {
        let prefix = PrefixCondition::new(None, Some(length.parse().unwrap())).unwrap();
        let rules = [
            Rule::new(Condition::Prefix(prefix), Action::Reject),
            Rule::new(Condition::always(), Action::Accept),
        ];
        FilterChain::new([Filter::new(name, rules).with_lines([3, 4])])
    };
    let feed = rib.peer_up(with(options(FEED), |it| it.rules.import = chain("in", "32")), None);
    let reader = rib.peer_up(with(options(4), |it| it.rules.export = chain("out", "26")), None);
    rib.apply_update(feed, reach(&["10.65.1.0/26"], attributes(|_| {}), gateway()));
    exports(&mut rib, reader);
    let explanation = rib.view().explain("10.65.1.0/26".parse().unwrap()).unwrap();
    let shown: Vec<_> = explanation
        .filters
        .iter()
        .map(|pass| {
            let rules: Vec<_> = pass.rules.iter().map(|rule| (rule.rule, rule.line, rule.matched)).collect();
            (pass.direction, &*pass.verdict, rules)
        })
        .collect();
    let import = vec![(1, Some(3), false), (2, Some(4), true)];
    let export = vec![(1, Some(3), true)];
    assert_eq!(
        shown,
        [
            (FilterDirection::Import, "accepted by filter in, rule 2 (line 4)", import),
            (FilterDirection::Export, "rejected by filter out, rule 1 (line 3)", export),
        ]
    );
}
