//! What selectors of policies and rules mean in the namespace where they stand.
//!
//! Endpoints inherit labels of their namespace and service account from profiles, with prefixes. A selector over
//! namespaces or service accounts is therefore a selector over labels with such a prefix.

use std::collections::BTreeSet;

use crate::object::{EntityRule, GlobalNetworkPolicySpec, NetworkPolicySpec, ServiceAccountMatch};
use crate::selector::{Expression, Selector};

/// The label of what stands in a namespace: the namespace.
pub const NAMESPACE_LABEL: &str = "projectcalico.org/namespace";

/// The label of a workload with a service account: its name.
pub const SERVICE_ACCOUNT_LABEL: &str = "projectcalico.org/serviceaccount";

/// The prefix of labels that come from the namespace.
pub const NAMESPACE_LABEL_PREFIX: &str = "pcns.";

/// The prefix of labels that come from the service account.
pub const SERVICE_ACCOUNT_LABEL_PREFIX: &str = "pcsa.";

/// What an end of a rule selects, in a policy of `namespace` or in one of the cluster.
///
/// `None` when it does not select by labels. Its `notSelector` is not part of it.
#[must_use]
pub fn entity_scope(entity: &EntityRule, namespace: Option<&str>) -> Option<Selector> {
    let accounts = entity.service_accounts.as_ref();
    let selects = entity.selector.is_some()
        || entity.not_selector.is_some()
        || entity.namespace_selector.is_some()
        || accounts.is_some();
    if !selects {
        return None;
    }
    let namespaces = match (&entity.namespace_selector, namespace) {
        (Some(selector), _) => Some(over_namespaces(selector)),
        (None, Some(namespace)) => Some(in_namespace(namespace)),
        (None, None) => None,
    };
    let accounts = accounts.and_then(over_service_accounts);
    let own = entity.selector.as_ref().map(|selector| selector.expression().clone());
    all_of([namespaces, accounts, own]).map(Selector::new)
}

/// The endpoints that a policy of `namespace` is for.
#[must_use]
pub fn policy_scope(spec: &NetworkPolicySpec, namespace: &str) -> Selector {
    let own = spec.selector.as_ref().map(|selector| selector.expression().clone());
    let accounts = spec.service_account_selector.as_ref().map(over_service_account_labels);
    Selector::new(all_of([own, Some(in_namespace(namespace)), accounts]).unwrap_or(Expression::All))
}

/// The endpoints that a policy of the cluster is for.
#[must_use]
pub fn global_policy_scope(spec: &GlobalNetworkPolicySpec) -> Selector {
    let own = spec.selector.as_ref().map(|selector| selector.expression().clone());
    let namespaces = spec.namespace_selector.as_ref().map(over_namespaces);
    let accounts = spec.service_account_selector.as_ref().map(over_service_account_labels);
    Selector::new(all_of([own, namespaces, accounts]).unwrap_or(Expression::All))
}

fn in_namespace(namespace: &str) -> Expression {
    Expression::Equal(NAMESPACE_LABEL.to_owned(), namespace.to_owned())
}

fn over_namespaces(selector: &Selector) -> Expression {
    match selector.expression() {
        Expression::All => Expression::Has(NAMESPACE_LABEL.to_owned()),
        Expression::Global => Expression::Not(Box::new(Expression::Has(NAMESPACE_LABEL.to_owned()))),
        expression => expression.map_labels(&|label| format!("{NAMESPACE_LABEL_PREFIX}{label}")),
    }
}

fn over_service_account_labels(selector: &Selector) -> Expression {
    match selector.expression() {
        Expression::All => Expression::Has(SERVICE_ACCOUNT_LABEL.to_owned()),
        expression => expression.map_labels(&|label| format!("{SERVICE_ACCOUNT_LABEL_PREFIX}{label}")),
    }
}

fn over_service_accounts(accounts: &ServiceAccountMatch) -> Option<Expression> {
    let labels = accounts.selector.as_ref().map(over_service_account_labels);
    let names: BTreeSet<String> = accounts.names.iter().cloned().collect();
    let names = (!names.is_empty()).then(|| Expression::In(SERVICE_ACCOUNT_LABEL.to_owned(), names));
    all_of([labels, names, None])
}

fn all_of(parts: [Option<Expression>; 3]) -> Option<Expression> {
    let mut parts: Vec<Expression> = parts.into_iter().flatten().collect();
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(Expression::And(parts)),
    }
}
