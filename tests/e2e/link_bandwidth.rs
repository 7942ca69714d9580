//! Shares of the traffic by the link bandwidth community, announced by FRR.

use margay_lab::{PeerSettings, Router as _, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE};
use crate::wire::{Wire, address, network};

/// Two FRRs announce one network, the second with four times the bandwidth of the first. When it comes back with the same
/// bandwidth, the shares are equal again, in the running route.
#[test]
fn frr_s_bandwidths_become_weights_in_the_kernel() {
    let wire = Wire::new();
    let frr = |number: u8, megabits: u32| {
        let mut frr = wire.frr(&format!("frr{number}"), number, |settings| {
            settings.asn = 65_000 + u32::from(number);
            settings.peers = vec![PeerSettings::new("margay", address(1), MARGAY_ASN)];
            settings.networks = vec![network(50)];
        });
        set_bandwidth(&mut frr.settings().extra, megabits);
        frr
    };
    let (mut slow, mut fast) = (frr(2, 100), frr(3, 400));
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.kernel = true;
        settings.peers = [2, 3].map(external).into();
    });
    slow.start().unwrap();
    fast.start().unwrap();
    margay.start().unwrap();
    let wait_for_weights = |weights: [u8; 2]| {
        wait_until(PATIENCE, &format!("the weights {weights:?} in the kernel"), || {
            let routes = margay.namespace().ip_output(&format!("route show {}", network(50)));
            let routes = routes.map_err(|error| error.to_string())?;
            let has = |gateway: u8, weight: u8| {
                let line = routes.lines().find(|line| line.contains(&format!("via {} ", address(gateway))));
                line.is_some_and(|line| line.contains(&format!("weight {weight}")))
            };
            if has(2, weights[0]) && has(3, weights[1]) { Ok(()) } else { Err(routes) }
        });
    };
    wait_for_weights([1, 4]);
    fast.kill().unwrap();
    fast.settings().extra.clear();
    set_bandwidth(&mut fast.settings().extra, 100);
    fast.start().unwrap();
    wait_for_weights([1, 1]);
}

/// Lines for FRR that mark what is announced to margay.
fn set_bandwidth(extra: &mut String, megabits: u32) {
    *extra += &format!(
        " address-family ipv4 unicast\n  neighbor {} route-map bandwidth out\n exit-address-family\nexit\n\
         route-map bandwidth permit 10\n set extcommunity bandwidth {megabits}\nexit\n",
        address(1)
    );
}

fn external(number: u8) -> PeerSettings {
    PeerSettings::new(&format!("frr{number}"), address(number), 65_000 + u32::from(number))
}
