//! Two peers that have nothing to do with an attack: one changes a route, the other waits for it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::node::Family;
use crate::probe::{Session, attribute, attributes};
use crate::stage::{PartyId, Place, Stage};

/// The two peers and their sessions.
pub(super) struct Bystanders {
    places: [Place; 2],
    sessions: Vec<Session>,
    version: u16,
}

/// Latencies of a route from one to the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latency {
    pub(super) median: Duration,
    pub(super) worst: Duration,
}

impl Bystanders {
    /// Configures the daemon for them.
    pub(super) fn expected(stage: &mut Stage, subject: PartyId) -> Result<Self> {
        let places = [stage.place(65004)?, stage.place(65005)?];
        for place in &places {
            stage.expects(subject, place, |_| {});
        }
        Ok(Self { places, sessions: Vec::new(), version: 0 })
    }

    /// Connects both.
    pub(super) fn join(&mut self, stage: &Stage, subject: PartyId) -> Result<()> {
        for place in &self.places {
            self.sessions.push(stage.dial(place, subject, &place.identity())?);
        }
        Ok(())
    }

    /// Changes the route again and again, for a duration and as long as the closure says so.
    ///
    /// # Errors
    ///
    /// A change does not arrive within half a minute.
    pub(super) fn latency(&mut self, time: Duration, goes_on: impl Fn() -> bool) -> Result<Latency> {
        let end = Instant::now() + time;
        let mut all = Vec::new();
        while all.is_empty() || (Instant::now() < end && goes_on()) {
            all.push(self.change()?);
            thread::sleep(Duration::from_millis(20));
        }
        all.sort_unstable();
        Ok(Latency { median: all[all.len() / 2], worst: all[all.len() - 1] })
    }

    /// Whether one of their sessions is over.
    pub(super) fn closed(&self) -> bool {
        self.sessions.iter().any(Session::is_closed)
    }

    fn change(&mut self) -> Result<Duration> {
        self.version = self.version.wrapping_add(1);
        let mark = [[0xfd, 0xec], self.version.to_be_bytes()].concat();
        let own = self.places[0].address(Family::Ipv4);
        let [speaks, hears] = &mut self.sessions[..] else { anyhow::bail!("they have no sessions") };
        let sent = Instant::now();
        speaks.announce(
            &["10.4.0.0/24"],
            &[attributes(&[65004], own), attribute(0xc0, 8, &mark)].concat(),
            own,
        )?;
        loop {
            let route = hears.route("10.4.0.0/24").ok();
            if route
                .as_ref()
                .and_then(|route| route.get(&8))
                .is_some_and(|(_, communities)| *communities == mark)
            {
                return Ok(sent.elapsed());
            }
            ensure!(
                sent.elapsed() < Duration::from_secs(30),
                "a change of a route has not arrived after 30 s"
            );
            thread::sleep(Duration::from_micros(500));
        }
    }
}

impl Latency {
    /// `0.9 / 12 ms`, median and worst.
    pub(super) fn text(self) -> String {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        format!("{:.1} / {:.0} ms", milliseconds(self.median), milliseconds(self.worst))
    }
}
