//! Next hop objects that others remove, or whose numbers they take.

use super::{
    namespace::{in_namespace, ip, our_routes, run_ip},
    options,
    stepwise::Stepwise,
    via, wanted,
};

/// A flush removes objects one by one; the daemon may act between any two of them.
#[test]
fn objects_come_back_whenever_the_daemon_looks_during_a_flush() {
    in_namespace(async || {
        let mut daemon = Stepwise::start(options());
        daemon.apply(vec![
            wanted("10.9.0.0/16", via(&["10.0.0.2", "10.0.1.2"])),
            wanted("10.10.0.0/16", via(&["10.0.0.2"])),
            wanted("fd09::/32", via(&["fd00::2", "fd00:1::2"])),
        ]);
        let right = (our_routes(), objects());
        assert_eq!(right.1.len(), 6);
        for late in 0..6 {
            // The objects that remain when the daemon handles the removal of the others, and requests groups
            // of them.
            let numbers = objects();
            let (before, after) = numbers.split_at(6 - late);
            for number in before {
                drop(run_ip(&format!("nexthop del id {number}")));
            }
            daemon.receive_notices();
            for number in after {
                drop(run_ip(&format!("nexthop del id {number}")));
            }
            daemon.catch_up_sending_first();
            assert_eq!((our_routes(), objects()), right, "{late} were removed late");
            let by_object = ip("route show proto 186").matches("nhid").count();
            assert_eq!(by_object, 2, "{late} were removed late");
        }
    });
}

/// Objects of other programs are left alone, even under a number that the daemon would use.
#[test]
fn a_number_that_another_program_has_taken_is_left_to_it() {
    in_namespace(async || {
        let mut daemon = Stepwise::start(options());
        for number in 0x6d61_0000..0x6d61_0004 {
            ip(&format!("nexthop add id {number} via 10.0.1.77 dev two proto 12"));
        }
        daemon.apply_before_notices(vec![wanted("10.9.0.0/16", via(&["10.0.0.2", "10.0.1.2"]))]);
        let expected = ["10.9.0.0/16 via 10.0.0.2 via 10.0.1.2 metric 1024"];
        assert_eq!(our_routes(), expected);
        assert_eq!(ip("nexthop show proto 12").matches("10.0.1.77").count(), 4);
    });
}

fn objects() -> Vec<String> {
    let shown = ip("nexthop show proto 186");
    let mut numbers: Vec<String> =
        shown.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect();
    numbers.sort();
    numbers
}
