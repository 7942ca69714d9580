//! Graceful and long-lived restart with BIRD beyond a single restart: BFD, late returns, and last resorts.

use std::time::{Duration, Instant};

use margay_lab::{Bird, Router, wait_until};

use crate::bfd_sessions::{BIRD_BFD, FAST};
use crate::pair::PATIENCE;
use crate::restart_scene::{Scene, WEST_NETWORK};

/// The BFD session ends with the daemon, which BIRD is to take for a restart, too (RFC 5882 §4.3).
#[test]
fn margay_restarts_under_bfd_and_no_packet_is_lost() {
    let mut scene = Scene::<Bird>::with(Duration::from_secs(120), [FAST, "bfd graceful;", BIRD_BFD]);
    wait_until(PATIENCE, "the path is monitored", || {
        let peer = scene.margay.json("show peer router")?;
        if peer["path"]["session"]["state"] == "up" { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
    });
    for is_killed in [false, true] {
        let flood = scene.flood();
        std::thread::sleep(Duration::from_millis(500));
        if is_killed {
            scene.margay.kill().unwrap();
        } else {
            scene.margay.stop().unwrap();
        }
        scene.wait_for_loss_at_router();
        std::thread::sleep(Duration::from_secs(1));
        scene.margay.start().unwrap();
        scene.wait_for_peer();
        std::thread::sleep(Duration::from_secs(2));
        flood.expect_no_loss(if is_killed { "killed" } else { "stopped" });
    }
}

#[test]
fn routes_of_a_peer_that_does_not_come_back_go_when_its_restart_time_is_over() {
    let mut scene = Scene::<Bird>::new(Duration::from_secs(3));
    scene.router.kill().unwrap();
    scene.wait_for_loss();
    assert!(scene.has_kernel_route(), "it has three seconds");
    let start = Instant::now();
    wait_until(PATIENCE, "the stale route goes", || {
        if scene.has_kernel_route() { Err("still there") } else { Ok(()) }
    });
    let elapsed = start.elapsed();
    assert!(elapsed > Duration::from_secs(1) && elapsed < Duration::from_secs(8), "after {elapsed:?}");
}

/// The restart times of both are two seconds, after which routes are kept as a last resort.
fn long_lived(stale_time: &str) -> Scene<Bird> {
    let margay = "graceful_restart = { restart_time = \"2s\", long_lived = \"1h\" }";
    let bird = format!("long lived graceful restart on; long lived stale time {stale_time};");
    Scene::with(Duration::from_secs(2), [margay, &bird, ""])
}

#[test]
fn routes_of_bird_are_a_last_resort_after_its_restart_time_until_it_is_back() {
    let mut scene = long_lived("3600");
    let flood = scene.flood();
    scene.router.kill().unwrap();
    wait_until(PATIENCE, "the route is a last resort", || {
        let peer = scene.margay.json("show peer router")?;
        if peer["absence"]["long_lived"] == true { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
    });
    assert!(scene.has_kernel_route());
    let routes = scene.margay.json("show routes --received --peer router").unwrap();
    assert_eq!(routes["routes"][0]["stale"], true, "{routes}");
    std::thread::sleep(Duration::from_secs(1));
    scene.router.start_recovering().unwrap();
    scene.wait_for_peer();
    std::thread::sleep(Duration::from_secs(1));
    assert!(scene.has_kernel_route());
    let routes = scene.margay.json("show routes --received --peer router").unwrap();
    assert_eq!(routes["routes"][0]["stale"], false, "{routes}");
    flood.expect_no_loss("a last resort");
}

#[test]
fn a_last_resort_goes_when_its_stale_time_is_over() {
    let mut scene = long_lived("3");
    scene.router.kill().unwrap();
    let killed = Instant::now();
    wait_until(PATIENCE, "the stale route goes", || {
        if scene.has_kernel_route() { Err("still there") } else { Ok(()) }
    });
    let elapsed = killed.elapsed();
    assert!(elapsed > Duration::from_secs(4) && elapsed < Duration::from_secs(10), "after {elapsed:?}");
}

#[test]
fn bird_keeps_routes_of_margay_as_a_last_resort() {
    let mut scene = long_lived("3600");
    let flood = scene.flood();
    scene.margay.kill().unwrap();
    wait_until(PATIENCE, "BIRD marks the route", || {
        let routes = scene.router.birdc(&format!("show route {WEST_NETWORK} all"))?;
        // LLGR_STALE
        if routes.contains("(65535,6)") { Ok(()) } else { Err(anyhow::anyhow!("{routes}")) }
    });
    scene.margay.start().unwrap();
    scene.wait_for_peer();
    wait_until(PATIENCE, "the mark is gone", || {
        let routes = scene.router.birdc(&format!("show route {WEST_NETWORK} all"))?;
        let is_marked = routes.contains("(65535,6)");
        if routes.contains("via") && !is_marked { Ok(()) } else { Err(anyhow::anyhow!("{routes}")) }
    });
    flood.expect_no_loss("a last resort");
}
