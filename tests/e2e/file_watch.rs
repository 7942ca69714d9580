//! `watch_file`: files that change are read without a request, once they are left alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use margay_lab::{Bird, Margay, Router, holds_for, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE};
use crate::wire::{Wire, address, identifier, peer};

#[test]
fn every_file_of_the_configuration_is_read_again_when_it_changes() {
    let scene = Scene::new("watch_file = { quiet_time = \"200ms\", longest_delay = \"5s\" }");
    scene.expect(&[1]);
    let uptime = wait_until(PATIENCE, "an uptime of three seconds", || {
        let uptime = scene.margay.uptime_seconds("peer2").map_err(|error| format!("{error:#}"))?;
        if uptime >= 3 { Ok(uptime) } else { Err(format!("{uptime} s")) }
    });

    // A file of prefixes, written in place.
    fs::write(scene.path("pods.txt"), "10.65.0.0/16\n").unwrap();
    scene.expect(&[1, 2]);
    // A file that an include had no match for.
    fs::write(scene.path("conf.d/more.toml"), network(3)).unwrap();
    scene.expect(&[1, 2, 3]);
    // The first file, replaced by rename as editors and configuration management do it.
    let without_2 = scene.text().replace(&network(2), "");
    fs::write(scene.path("new"), &without_2).unwrap();
    fs::rename(scene.path("new"), scene.margay.configuration_file()).unwrap();
    scene.expect(&[1, 3]);
    // Links as the kubelet makes them for a ConfigMap: the folder behind one changes.
    fs::create_dir(scene.path("conf.d/..2")).unwrap();
    fs::write(scene.path("conf.d/..2/linked.toml"), network(5)).unwrap();
    symlink("..2", scene.path("conf.d/..new")).unwrap();
    fs::rename(scene.path("conf.d/..new"), scene.path("conf.d/..data")).unwrap();
    fs::remove_dir_all(scene.path("conf.d/..1")).unwrap();
    scene.expect(&[1, 3, 5]);

    // A file that cannot be read changes nothing, and is read as soon as it is right.
    fs::write(scene.path("conf.d/more.toml"), "[[network").unwrap();
    wait_until(PATIENCE, "the error in the log", || {
        let log = scene.margay.log().unwrap();
        if log.contains("more.toml:1:") { Ok(()) } else { Err(log) }
    });
    scene.expect(&[1, 3, 5]);
    fs::write(scene.path("conf.d/more.toml"), network(4)).unwrap();
    scene.expect(&[1, 4, 5]);
    fs::remove_file(scene.path("conf.d/more.toml")).unwrap();
    scene.expect(&[1, 5]);
    let now = scene.margay.uptime_seconds("peer2").unwrap();
    assert!(now >= uptime, "the session started again: up {now} s");

    // Touched, it says the same.
    let before = scene.readings();
    fs::write(scene.margay.configuration_file(), scene.text()).unwrap();
    holds_for(Duration::from_secs(1), "the same file counts as no change", || {
        if scene.readings() == before { Ok(()) } else { Err("it was applied".to_owned()) }
    });
}

#[test]
fn a_file_that_goes_on_changing_is_read_at_intervals_and_only_where_that_is_asked_for() {
    let scene = Scene::new("");
    scene.expect(&[1]);
    fs::write(scene.path("pods.txt"), "10.65.0.0/16\n").unwrap();
    holds_for(Duration::from_secs(2), "files are not watched by default", || {
        if scene.margay.log().unwrap().contains("have changed") { Err("it was read") } else { Ok(()) }
    });
    let watching = "watch_file = { quiet_time = \"400ms\", longest_delay = \"1s\" }\nlisten";
    scene.margay.reload_with(&scene.text().replacen("listen", watching, 1), "").unwrap();
    scene.expect(&[1, 2]);

    let (before, started) = (scene.readings(), Instant::now());
    let (mut writes, mut read) = (0, 0);
    while read < 3 {
        assert!(started.elapsed() < PATIENCE, "{writes} writes, read {read} times");
        // No text equals an earlier one, which would not be a change.
        fs::write(scene.path("conf.d/more.toml"), format!("{}# {writes}\n", network(3))).unwrap();
        writes += 1;
        sleep(Duration::from_millis(20));
        read = scene.readings() - before;
    }
    let most = usize::try_from(started.elapsed().as_millis() / 400).unwrap() + 1;
    assert!(read <= most, "{writes} writes, read {read} times");
    fs::write(scene.path("conf.d/more.toml"), network(6)).unwrap();
    scene.expect(&[1, 2, 6]);
}

/// margay, which advertises the networks of its files to a BIRD.
struct Scene {
    margay: Margay,
    bird: Bird,
    _wire: Wire,
}

impl Scene {
    fn new(global: &str) -> Self {
        let wire = Wire::new();
        let mut margay = wire.margay("margay", 1, |_| {});
        let mut bird = wire.bird("bird", 2, |settings| settings.peers = vec![peer(1)]);
        let folder = margay.configuration_file().parent().unwrap().to_owned();
        fs::create_dir_all(folder.join("conf.d/..1")).unwrap();
        fs::write(folder.join("conf.d/..1/linked.toml"), "").unwrap();
        symlink("..1", folder.join("conf.d/..data")).unwrap();
        symlink("..data/linked.toml", folder.join("conf.d/linked.toml")).unwrap();
        fs::write(folder.join("pods.txt"), "10.65.1.0/24\n10.65.3.0/24\n10.65.4.0/24\n").unwrap();
        let text = configuration(&folder, global);
        bird.start().unwrap();
        margay.start_with(&text).unwrap();
        Self { margay, bird, _wire: wire }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.margay.configuration_file().parent().unwrap().join(name)
    }

    fn text(&self) -> String {
        self.margay.configuration().unwrap()
    }

    /// How often changed files were put in force.
    fn readings(&self) -> usize {
        self.margay.log().unwrap().matches("the files of the configuration have changed").count()
    }

    #[track_caller]
    fn expect(&self, networks: &[u8]) {
        let expected: Vec<String> = networks.iter().map(|number| format!("10.65.{number}.0/24")).collect();
        wait_until(PATIENCE, "the networks at the peer", || {
            let routes = self.bird.routes().map_err(|error| format!("{error:#}"))?;
            if routes.keys().eq(&expected) {
                Ok(())
            } else {
                Err(format!("{routes:?}, expected {expected:?}"))
            }
        });
    }
}

fn configuration(folder: &Path, global: &str) -> String {
    let [own, other] = [1, 2].map(address);
    let [a, b, c, d] = identifier(1);
    let pods = folder.join("pods.txt");
    format!(
        "include = [\"conf.d/*.toml\"]\n[global]\nasn = {MARGAY_ASN}\nrouter_id = \"{a}.{b}.{c}.{d}\"\n{global}\n\
         listen = [\"0.0.0.0:179\"]\n[prefix_set.pods]\nfile = \"{}\"\n\
         [filter.pods]\nrules = [{{ match = {{ prefix_set = \"pods\" }}, action = \"accept\" }}]\n\
         [[peer]]\nname = \"peer2\"\naddress = \"{other}\"\nsource_address = \"{own}\"\nremote_asn = {MARGAY_ASN}\n\
         connect_retry = \"2s\"\nexport = [\"pods\"]\n{}{}",
        pods.display(),
        network(1),
        network(2),
    )
}

fn network(number: u8) -> String {
    format!("[[network]]\nprefix = \"10.65.{number}.0/24\"\n")
}
