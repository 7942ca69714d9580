//! `margay top` and `--watch` on a real terminal, that of tmux.

use std::process::Command;

use margay_lab::{Router, packages, wait_until};

use crate::pair::{PATIENCE, binaries};
use crate::wire::{Wire, network, peer, wait_for_networks};

/// A terminal with a program in it.
struct Terminal {
    name: String,
}

impl Terminal {
    fn start(label: &str, size: (u16, u16), program: &str) -> Self {
        packages::install_missing(&[packages::TMUX]).unwrap();
        let terminal = Self { name: format!("margay-{label}-{}", std::process::id()) };
        let [width, height] = [size.0, size.1].map(|number| number.to_string());
        terminal.tmux(&["new-session", "-d", "-s", &terminal.name, "-x", &width, "-y", &height, program]);
        terminal
    }

    fn tmux(&self, words: &[&str]) -> String {
        // A server of its own, which ends with the session.
        let output = Command::new(packages::TMUX.program)
            .args(["-L", &self.name, "-f", "/dev/null"])
            .args(words)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn press(&self, keys: &[&str]) {
        for key in keys {
            self.tmux(&["send-keys", "-t", &self.name, key]);
        }
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", &self.name])
    }

    /// Waits until all of these are on the screen.
    #[track_caller]
    fn wait_for(&self, expected: &[&str]) {
        wait_until(PATIENCE, &format!("{expected:?} on the terminal"), || {
            let screen = self.screen();
            if expected.iter().all(|text| screen.contains(text)) { Ok(()) } else { Err(screen) }
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(Command::new(packages::TMUX.program).args(["-L", &self.name, "kill-server"]).output());
    }
}

#[test]
fn top_shows_sessions_explains_and_resets() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| settings.peers = vec![peer(2), peer(3)]);
    let mut bird = wire.bird("bird", 2, |settings| {
        settings.peers = vec![peer(1)];
        settings.networks = vec![network(60)];
    });
    margay.start().unwrap();
    bird.start().unwrap();
    wait_for_networks(&margay, &[60]);
    let (program, socket) = (binaries().margay, margay.control_socket());
    let command = |words: &str| format!("{} --socket {} {words}", program.display(), socket.display());

    let top = Terminal::start("top", (120, 30), &command("top --interval 200ms"));
    top.wait_for(&["sessions 1/2", "peer2", "Established", "peer3", "q quit"]);
    let inside = network(60).replace(".0/24", ".7");
    top.press(&["/", &inside, "Enter"]);
    top.wait_for(&[&network(60), "peer2"]);
    // Keys that follow ESC at once are one key with Alt for a terminal.
    top.press(&["Escape"]);
    top.wait_for(&["peer3"]);
    top.press(&["g"]);
    top.wait_for(&["FAMILY", "ipv4-unicast"]);
    top.press(&["p", "/", "peer2", "Enter", "r"]);
    top.wait_for(&["reset the session with peer2? y/n"]);
    let before = margay.json("show peer peer2").unwrap()["messages"]["sent"].as_u64();
    top.press(&["y"]);
    top.wait_for(&["session reset"]);
    assert!(before.is_some());
    wait_for_networks(&margay, &[60]);
    let log = margay.log().unwrap();
    assert!(log.contains("administrative reset"), "{log}");
    margay.stop().unwrap();
    top.wait_for(&["no daemon at"]);
    top.press(&["q"]);

    margay.start().unwrap();
    let watch = Terminal::start("watch", (100, 12), &command("show peers --watch=200ms"));
    watch.wait_for(&["peer2", "Established"]);
    bird.stop().unwrap();
    wait_until(PATIENCE, "the view is shown again", || {
        let screen = watch.screen();
        let titles = screen.lines().filter(|line| line.contains("STATE")).count();
        if !screen.contains("Established") && titles == 1 { Ok(()) } else { Err(screen) }
    });
}
