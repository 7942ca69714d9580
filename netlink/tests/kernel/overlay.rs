//! What is wanted appears as `ip` and `bridge` show it, and a restart writes nothing.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use margay_netlink::KernelDriver;

use crate::namespace::{in_namespace, ip, run, settle};
use crate::wishes::{ownership, want_all, wishes};

#[test]
fn each_kind_appears_as_the_tools_show_it() {
    in_namespace(async || {
        let mut driver = KernelDriver::start(ownership()).expect("the kernel is read");
        want_all(driver.reconciler_mut());
        driver.turn().expect("the sockets work");
        assert!(ip("route show proto 80").is_empty(), "nothing is written before the reconciler is opened");
        driver.reconciler_mut().open();
        settle(&mut driver).await;

        let device = ip("-d link show vxlan.calico");
        for part in [
            "mtu 1400",
            "66:09:08:07:06:00",
            "vxlan id 4096 local 10.0.0.1 dev eth0",
            "dstport 4789",
            "nolearning",
            "UP",
        ] {
            assert!(device.contains(part), "{part}: {device}");
        }
        assert!(ip("addr show vxlan.calico").contains("inet 192.168.1.0/32"));
        assert!(ip("addr show vxlan-v6.calico").contains("inet6 fd01::1/128"));
        let entries = run("bridge", "fdb show dev vxlan.calico");
        assert!(entries.contains("66:01:02:03:04:05 dst 10.0.0.2 self permanent"), "{entries}");
        let entries = run("bridge", "fdb show dev vxlan-v6.calico");
        assert!(entries.contains("66:01:02:03:04:05 dst fd00::2"), "{entries}");
        let neighbours = ip("neigh show dev vxlan.calico nud permanent");
        assert!(neighbours.contains("192.168.2.0 lladdr 66:01:02:03:04:05 PERMANENT"), "{neighbours}");
        assert!(
            ip("rule show").contains("99:\tnot from all fwmark 0x10/0x10 lookup 77 proto 80"),
            "{}",
            ip("rule show")
        );

        let mut routes: Vec<String> =
            ip("route show proto 80").lines().map(|line| line.trim().to_owned()).collect();
        routes.sort();
        assert_eq!(
            routes,
            [
                "192.168.1.5 dev eth0 scope link metric 1024",
                "192.168.2.0/26 via 192.168.2.0 dev vxlan.calico metric 1024 onlink",
                "blackhole 192.168.1.0/26 metric 1024",
            ]
        );
        let routes = ip("-6 route show proto 80");
        assert!(
            routes.contains("fd01::40/122 via fd01::2 dev vxlan-v6.calico metric 1024 onlink"),
            "{routes}"
        );
        assert!(routes.contains("blackhole fd01::/122 dev lo metric 1024"), "{routes}");

        // Nothing wanted: everything goes, and what is not ours stays.
        for (key, _) in wishes() {
            driver.reconciler_mut().want(key, None);
        }
        settle(&mut driver).await;
        driver.turn().expect("the sockets work");
        assert!(ip("route show proto 80").is_empty() && ip("-6 route show proto 80").is_empty());
        assert!(!ip("link show").contains("vxlan"), "{}", ip("link show"));
        assert!(ip("addr show eth0").contains("10.0.0.1/24"));
        assert!(!ip("rule show").contains("99:"));
    });
}

#[test]
fn a_restart_writes_nothing() {
    in_namespace(async || {
        let monitor = Monitor::start();
        let mut driver = KernelDriver::start(ownership()).expect("the kernel is read");
        want_all(driver.reconciler_mut());
        driver.reconciler_mut().open();
        settle(&mut driver).await;
        drop(driver);
        monitor.wait_for_silence().await;

        let before = monitor.printed();
        assert!(before.contains("local fd01::1 dev vxlan-v6.calico"), "{before}");
        let mut driver = KernelDriver::start(ownership()).expect("the kernel is read");
        want_all(driver.reconciler_mut());
        driver.reconciler_mut().open();
        assert_eq!(driver.turn().expect("the sockets work"), 0);
        settle(&mut driver).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(monitor.printed()[before.len()..], *"");
    });
}

/// `ip monitor all` in this namespace, and what it printed.
struct Monitor {
    process: Child,
    printed: Arc<Mutex<String>>,
}

impl Monitor {
    fn start() -> Self {
        let mut process =
            Command::new("ip").args(["monitor", "all"]).stdout(Stdio::piped()).spawn().expect("ip runs");
        let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let printed = Arc::new(Mutex::new(String::new()));
        let copy = Arc::clone(&printed);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut printed = copy.lock().expect("no holder panics");
                printed.push_str(&line);
                printed.push('\n');
            }
        });
        let monitor = Self { process, printed };
        for _ in 0..100 {
            ip("addr add 127.0.0.2/32 dev lo");
            ip("addr del 127.0.0.2/32 dev lo");
            thread::sleep(Duration::from_millis(100));
            if !monitor.printed().is_empty() {
                return monitor;
            }
        }
        panic!("`ip monitor` prints nothing");
    }

    fn printed(&self) -> String {
        self.printed.lock().expect("no holder panics").clone()
    }

    /// Waits until nothing was printed for three seconds. The kernel ends some of its work later than
    /// the message that asked for it: an IPv6 address is announced when a queue of the kernel's own has
    /// come to it, and the link-local ones again after the detection of duplicates, up to two seconds.
    async fn wait_for_silence(&self) {
        for _ in 0..10 {
            let before = self.printed().len();
            tokio::time::sleep(Duration::from_secs(3)).await;
            if self.printed().len() == before {
                return;
            }
        }
        panic!("the kernel's tables do not come to rest: {}", self.printed());
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it has ended");
    }
}

#[test]
fn a_device_with_other_properties_is_replaced_and_what_is_on_it_follows() {
    in_namespace(async || {
        ip("link add vxlan.calico type vxlan id 7 local 10.0.0.1 dev eth0 dstport 4790");
        ip("link set vxlan.calico up");
        ip("addr add 192.168.77.7/32 dev vxlan.calico");
        let mut driver = KernelDriver::start(ownership()).expect("the kernel is read");
        want_all(driver.reconciler_mut());
        driver.reconciler_mut().open();
        settle(&mut driver).await;
        assert!(ip("-d link show vxlan.calico").contains("vxlan id 4096"));
        assert!(!ip("addr show vxlan.calico").contains("192.168.77.7"));
    });
}

#[test]
fn a_route_waits_for_its_link_and_for_a_place_that_another_owner_holds() {
    in_namespace(async || {
        ip("route add 192.168.1.5/32 via 10.0.0.9 metric 1024");
        ip("link set eth0 down");
        let mut driver = KernelDriver::start(ownership()).expect("the kernel is read");
        want_all(driver.reconciler_mut());
        driver.reconciler_mut().open();
        driver.turn().expect("the sockets work");
        assert!(!ip("route show").contains("192.168.1.5"));
        ip("link set eth0 up");
        ip("route add 192.168.1.5/32 via 10.0.0.9 metric 1024");
        for _ in 0..5 {
            driver.turn().expect("the sockets work");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(ip("route show 192.168.1.5").contains("via 10.0.0.9"), "it belongs to another owner");
        let refused: Vec<String> = driver.reconciler().refused().map(|(key, _)| key.to_string()).collect();
        assert_eq!(refused, ["route 192.168.1.5/32 table 254 metric 1024"]);
        ip("route del 192.168.1.5/32");
        settle(&mut driver).await;
        assert!(ip("route show 192.168.1.5").contains("dev eth0 proto 80"));
    });
}
