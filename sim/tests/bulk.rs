//! A peer that reads slowly receives KEEPALIVEs in time while a large table is sent to it.

use margay_sim::bulk_for_a_slow_reader;

#[test]
fn keepalives_do_not_wait_behind_bulk() {
    let faults: Vec<String> = (0..4).flat_map(bulk_for_a_slow_reader).collect();
    assert_eq!(faults, Vec::<String>::new());
}
