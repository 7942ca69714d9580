//! A network namespace for one test, and `ip` inside it.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Instant,
};

use margay_fib::{Notice, RouteNotice};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use serde_json::Value;

use crate::kernel::netlink_socket::{Listener, MulticastSocket, Reception};

use super::PATIENCE;

/// Runs a test on a thread of its own inside a fresh network namespace, with two veth links that are up:
/// `one` has 10.0.0.1/24 and fd00::1/64, `two` has 10.0.1.1/24 and fd00:1::1/64.
///
/// Without root it panics: a test that cannot run has not passed.
pub(super) fn in_namespace<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let thread = unshared(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A thread of its own in such a namespace.
pub(super) fn unshared(work: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        #[expect(unsafe_code, reason = "leaving a network namespace has no safe binding")]
        // SAFETY: only this thread moves to another network namespace; files and memory stay shared.
        let unshared = unsafe { unshare_unsafe(UnshareFlags::NEWNET) };
        unshared.expect("these tests make network namespaces: run them as root");
        lay_out();
        work();
    })
}

fn lay_out() {
    ip("link set lo up");
    for (link, far, ipv4, ipv6) in
        [("one", "far1", "10.0.0.1/24", "fd00::1/64"), ("two", "far2", "10.0.1.1/24", "fd00:1::1/64")]
    {
        ip(&format!("link add {link} type veth peer name {far}"));
        ip(&format!("addr add {ipv4} dev {link}"));
        ip(&format!("addr add {ipv6} dev {link} nodad"));
        ip(&format!("link set {far} up"));
        ip(&format!("link set {link} up"));
    }
    // The kernel reports the carrier in its own time, and a link counts as up from then on.
    let deadline = Instant::now() + PATIENCE;
    while ip("link show").matches("state UP").count() < 4 {
        assert!(Instant::now() < deadline, "the veth links come up");
    }
}

/// Runs `ip` with these words, which must succeed.
pub(super) fn ip(words: &str) -> String {
    run_ip(words).unwrap_or_else(|errors| panic!("ip {words}: {errors}"))
}

/// Runs `ip` with these words; an error is what it says then.
pub(super) fn run_ip(words: &str) -> Result<String, String> {
    let output = Command::new("ip").args(words.split_whitespace()).output().expect("iproute2 is installed");
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).expect("text"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Runs one `ip` with all these commands, as fast as possible.
pub(super) fn ip_batch(lines: impl IntoIterator<Item = String>) {
    let mut batch = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("iproute2 is installed");
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    // The end of the input ends the batch.
    batch.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("ip reads");
    assert!(batch.wait().expect("ip ends").success());
}

/// The routes that `ip route show` prints for these words, one line each: destination, kind unless unicast, gateways
/// and metric, sorted.
pub(super) fn routes(words: &str) -> Vec<String> {
    ["-4", "-6"].into_iter().flat_map(|family| family_routes(family, words)).collect()
}

/// The routes of this daemon in the main table.
pub(super) fn our_routes() -> Vec<String> {
    routes("proto 186")
}

fn family_routes(family: &str, words: &str) -> Vec<String> {
    let text = ip(&format!("-j {family} route show {words}"));
    // Without any route in the table, `ip` prints nothing at all.
    let routes: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
    let mut lines: Vec<String> = routes.iter().map(line).collect();
    lines.sort();
    lines
}

fn line(route: &Value) -> String {
    let mut words = vec![route["dst"].as_str().expect("a destination").to_owned()];
    words.extend(route["type"].as_str().map(str::to_owned));
    let hops = route["nexthops"].as_array().cloned().unwrap_or_else(|| vec![route.clone()]);
    let mut gateways: Vec<String> = hops.iter().filter_map(gateway).collect();
    gateways.sort();
    words.extend(gateways);
    words.extend(route["metric"].as_u64().map(|metric| format!("metric {metric}")));
    words.join(" ")
}

fn gateway(hop: &Value) -> Option<String> {
    let gateway = hop["gateway"].as_str().or_else(|| hop["via"]["host"].as_str())?;
    match hop["dev"].as_str() {
        Some(device) if gateway.starts_with("fe80:") => Some(format!("via {gateway} dev {device}")),
        _ => Some(format!("via {gateway}")),
    }
}

/// Waits until a view of the kernel is as expected; the kernel thread repairs on its own time.
pub(super) async fn eventually<T: PartialEq + std::fmt::Debug>(view: impl Fn() -> T, expected: T) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = view();
        if seen == expected {
            return;
        }
        assert!(Instant::now() < deadline, "still {seen:#?}, expected {expected:#?}");
        tokio::task::yield_now().await;
    }
}

/// Receives messages about routes, as `ip monitor` does.
pub(super) struct Monitor(Listener);

impl Monitor {
    pub(super) fn open() -> Self {
        Self::with_buffer(1024 * 1024)
    }

    pub(super) fn with_buffer(octets: usize) -> Self {
        let listener = MulticastSocket::open(octets).and_then(MulticastSocket::into_listener);
        Self(listener.expect("a multicast socket"))
    }

    /// The messages since the last call.
    pub(super) fn take(&mut self) -> Vec<RouteNotice> {
        let (notices, reception) = self.take_or_lose();
        assert_eq!(reception, Reception::Whole);
        notices
    }

    /// The messages since the last call, as far as the buffer held them.
    pub(super) fn take_or_lose(&mut self) -> (Vec<RouteNotice>, Reception) {
        let mut notices = Vec::new();
        let reception = self.0.drain(|message| {
            if let Some(Notice::Route(notice)) = Notice::decode(message) {
                notices.push(notice);
            }
        });
        (notices, reception.expect("the socket is read"))
    }
}
