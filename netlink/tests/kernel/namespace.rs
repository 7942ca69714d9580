//! A network namespace for one test, and `ip` inside it.

use std::future::Future;
use std::process::Command;
use std::time::{Duration, Instant};

use margay_netlink::KernelDriver;
use nix::sched::{CloneFlags, unshare};

/// Runs a test on a thread of its own in a fresh network namespace, in which `eth0`, an end of a veth pair, has 10.0.0.1/24 and
/// fd00::1/64.
///
/// Without root it panics: a test that cannot run has not passed.
pub(crate) fn in_namespace<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("these tests make network namespaces: run them as root");
        ip("link set lo up");
        ip("link add eth0 type veth peer name far");
        ip("addr add 10.0.0.1/24 dev eth0");
        ip("addr add fd00::1/64 dev eth0 nodad");
        ip("link set far up");
        ip("link set eth0 up");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a command with these words, which must succeed.
pub(crate) fn run(program: &str, words: &str) -> String {
    try_run(program, words).unwrap_or_else(|errors| panic!("{program} {words}: {errors}"))
}

pub(crate) fn ip(words: &str) -> String {
    run("ip", words)
}

/// Runs a command with these words; an error is what it says then.
pub(crate) fn try_run(program: &str, words: &str) -> Result<String, String> {
    let output =
        Command::new(program).args(words.split_whitespace()).output().expect("iproute2 is installed");
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).expect("text")),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Lets the driver work until a condition holds, for at most a time. Returns whether it held.
pub(crate) async fn work_until(
    driver: &mut KernelDriver,
    within: Duration,
    mut holds: impl FnMut() -> bool,
) -> bool {
    let deadline = Instant::now() + within;
    loop {
        driver.turn().expect("the sockets work");
        if holds() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        // The condition is asked again soon, also without an event.
        tokio::select! {
            waited = driver.wait() => waited.expect("the runtime runs"),
            () = tokio::time::sleep(Duration::from_millis(20)) => (),
        }
    }
}

/// Lets the driver work until everything that is wanted is held.
pub(crate) async fn settle(driver: &mut KernelDriver) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        driver.turn().expect("the sockets work");
        let counts = driver.reconciler().counts();
        if counts.held == counts.wanted {
            return;
        }
        let refused: Vec<_> = driver.reconciler().refused().collect();
        assert!(Instant::now() < deadline, "{counts:?}; refused: {refused:?}");
        tokio::select! {
            waited = driver.wait() => waited.expect("the runtime runs"),
            () = tokio::time::sleep(Duration::from_millis(20)) => (),
        }
    }
}
