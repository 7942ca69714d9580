//! Graceful restart: the lines of `bgp graceful-restart`, and those of a neighbor.

/// What holds for neighbors without a line of their own.
#[derive(Clone, Copy, Default)]
pub(super) struct Restart {
    mode: RestartMode,
    restart_seconds: Option<u32>,
    long_lived_seconds: Option<u32>,
}

/// The roles in a graceful restart.
#[derive(Clone, Copy, Default)]
pub(super) enum RestartMode {
    /// FRR's default: peers are helped to restart.
    #[default]
    Helper,
    Both,
    Off,
}

impl RestartMode {
    /// The mode that a line sets, from `graceful-restart` on.
    pub(super) fn parse(words: &[&str]) -> Option<Self> {
        match words {
            ["graceful-restart"] => Some(Self::Both),
            ["graceful-restart-helper"] => Some(Self::Helper),
            ["graceful-restart-disable"] => Some(Self::Off),
            _ => None,
        }
    }
}

impl Restart {
    /// Notes what follows `bgp`; `false` if it is not understood.
    pub(super) fn line(&mut self, words: &[&str]) -> bool {
        if let Some(mode) = RestartMode::parse(words) {
            self.mode = mode;
            return true;
        }
        match words {
            ["graceful-restart", "restart-time", seconds] => {
                self.restart_seconds = seconds.parse().ok();
                self.restart_seconds.is_some()
            }
            ["long-lived-graceful-restart", "stale-time", seconds] => {
                self.long_lived_seconds = seconds.parse().ok();
                self.long_lived_seconds.is_some()
            }
            _ => false,
        }
    }

    /// The value of `graceful_restart` for a neighbor, which may have a mode of its own.
    pub(super) fn setting(self, own: Option<RestartMode>) -> String {
        let mode = match own.unwrap_or(self.mode) {
            RestartMode::Off => return "false".to_owned(),
            RestartMode::Helper => Some("helper_only = true".to_owned()),
            RestartMode::Both => self
                .restart_seconds
                .map(|seconds| format!("restart_time = \"{}s\"", seconds.clamp(1, MAX_RESTART_SECONDS))),
        };
        let long_lived = self
            .long_lived_seconds
            .filter(|&seconds| seconds > 0)
            .map(|seconds| format!("long_lived = \"{}s\"", seconds.min(MAX_LONG_LIVED_SECONDS)));
        let members: Vec<String> = mode.into_iter().chain(long_lived).collect();
        if members.is_empty() { "true".to_owned() } else { format!("{{ {} }}", members.join(", ")) }
    }
}

/// 12 bits (RFC 4724 §3).
const MAX_RESTART_SECONDS: u32 = 4095;

/// 24 bits (RFC 9494 §3.1).
const MAX_LONG_LIVED_SECONDS: u32 = 0xff_ffff;
