//! `role`: this speaker's role towards an external peer (RFC 9234).

use bgp_codec::Role;

pub(crate) fn parse(text: &str) -> Result<Role, String> {
    let role = ROLES.into_iter().find_map(|(name, role)| (name == text).then_some(role));
    role.ok_or_else(|| {
        let names = ROLES.map(|(name, _)| format!("{name:?}"));
        format!("{text:?} is not a role: write {}", names.join(", "))
    })
}

const ROLES: [(&str, Role); 5] = [
    ("provider", Role::PROVIDER),
    ("customer", Role::CUSTOMER),
    ("peer", Role::PEER),
    ("rs-server", Role::ROUTE_SERVER),
    ("rs-client", Role::ROUTE_SERVER_CLIENT),
];
