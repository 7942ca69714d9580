//! One connection: two pipes, and the state of each end.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use margay::machine::SimulatedStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::host::{Host, Power};
use super::tap::Tap;
use crate::random::Random;

/// One side of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    pub(super) host: Host,
    pub(super) address: SocketAddr,
}

/// Properties of one direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    pub(super) delay: Duration,
    pub(super) jitter_milliseconds: u64,
    /// Octets that may be sent and not read.
    pub(super) window: usize,
    /// Upper bound of a read.
    pub(super) largest_piece: usize,
    /// Octets per second; `None` for no limit.
    pub(super) bandwidth: Option<u64>,
    /// Time before which nothing is read.
    pub(super) stalled_until: Option<Instant>,
    /// Whether nothing arrives.
    pub(super) is_blocked: bool,
}

/// See the [module](self).
pub(super) struct Connection {
    tap: Arc<Tap>,
    number: u64,
    sides: [Direction; 2],
    state: Mutex<State>,
}

struct State {
    /// The octets sent by side 0, and by side 1.
    pipes: [Pipe; 2],
    ends: [EndState; 2],
    random: Random,
}

struct Pipe {
    quality: Quality,
    segments: VecDeque<Segment>,
    /// Number of octets sent and not read.
    waiting: usize,
    last_arrival: Instant,
    /// When the end of the stream arrives.
    end: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Wakes the reader when the next octets arrive.
    alarm: Option<Pin<Box<Sleep>>>,
}

struct Segment {
    arrives: Instant,
    octets: Bytes,
}

#[derive(Clone, Copy, Debug)]
struct EndState {
    fate: Fate,
    /// When this end learns that the connection is reset.
    reset_at: Option<Instant>,
}

/// State of an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Alive,
    /// Closed: what is sent to it is answered with a reset.
    Closed,
    /// Its host is without power: what is sent to it is not answered.
    Dead,
}

impl Connection {
    pub(super) fn new(
        tap: Arc<Tap>,
        number: u64,
        sides: [Direction; 2],
        qualities: [Quality; 2],
        random: Random,
    ) -> Arc<Self> {
        let now = Instant::now();
        let pipe = |quality| Pipe {
            quality,
            segments: VecDeque::new(),
            waiting: 0,
            last_arrival: now,
            end: None,
            reader: None,
            writer: None,
            alarm: None,
        };
        let end = EndState { fate: Fate::Alive, reset_at: None };
        let state = State { pipes: qualities.map(pipe), ends: [end; 2], random };
        Arc::new(Self { tap, number, sides, state: Mutex::new(state) })
    }

    pub(super) fn set_blocked(&self, from: Host, to: Host, is_blocked: bool, late: Duration) {
        self.each_pipe(from, to, |pipe| {
            pipe.quality.is_blocked = is_blocked;
            if !is_blocked {
                pipe.not_before(Instant::now() + late);
            }
        });
    }

    pub(super) fn set_bandwidth(&self, from: Host, to: Host, octets: Option<u64>) {
        self.each_pipe(from, to, |pipe| {
            pipe.quality.bandwidth = octets;
            if octets.is_none() {
                pipe.not_after(Instant::now() + pipe.quality.delay);
            }
        });
    }

    pub(super) fn stall(&self, from: Host, to: Host, until: Instant) {
        self.each_pipe(from, to, |pipe| {
            pipe.quality.stalled_until = Some(until);
            pipe.wake_reader();
        });
    }

    pub(super) fn reset_between(&self, one: Host, other: Host, late: Duration) {
        let hosts = self.sides.map(|side| side.host);
        if hosts == [one, other] || hosts == [other, one] {
            let mut state = self.state();
            state.reset(0, Instant::now());
            state.reset(1, Instant::now() + late);
        }
    }

    pub(super) fn on_crash(&self, host: Host, power: Power) {
        for side in 0..2 {
            if self.sides[side].host == host {
                let mut state = self.state();
                match power {
                    Power::On => {
                        state.shut_down(side);
                        state.close(side);
                    }
                    Power::Off if state.ends[side].fate == Fate::Alive => {
                        state.ends[side].fate = Fate::Dead;
                    }
                    Power::Off => {}
                }
            }
        }
    }

    /// Resets connections that a rebooted host has forgotten, when it receives something on them.
    pub(super) fn on_reboot(&self, host: Host) {
        for side in 0..2 {
            let mut state = self.state();
            if self.sides[side].host == host && state.ends[side].fate == Fate::Dead {
                state.ends[side].fate = Fate::Closed;
                // Data is retransmitted soon; otherwise the host receives a keepalive probe of the other
                // side's system.
                let latest = if state.pipes[1 - side].waiting > 0 { 2_000 } else { PROBED_AFTER };
                let late = state.random.milliseconds(1..=latest);
                state.reset(1 - side, Instant::now() + late);
            }
        }
    }

    fn each_pipe(&self, from: Host, to: Host, change: impl Fn(&mut Pipe)) {
        let mut state = self.state();
        for side in 0..2 {
            if self.sides[side].host == from && self.sides[1 - side].host == to {
                change(&mut state.pipes[side]);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.number)
    }
}

impl State {
    /// Side `side` learns at `at` that the connection is reset.
    fn reset(&mut self, side: usize, at: Instant) {
        let end = &mut self.ends[side];
        end.reset_at = Some(end.reset_at.map_or(at, |earlier| earlier.min(at)));
        self.pipes[1 - side].wake_reader();
        self.pipes[side].wake_writer();
    }

    fn is_reset(&self, side: usize) -> bool {
        // A reset that travels with data that is held up is held up, too.
        let is_held_up = self.pipes[1 - side].quality.is_blocked;
        !is_held_up && self.ends[side].reset_at.is_some_and(|at| at <= Instant::now())
    }

    fn shut_down(&mut self, side: usize) {
        let pipe = &mut self.pipes[side];
        if self.ends[side].fate == Fate::Alive && pipe.end.is_none() {
            pipe.end = Some(pipe.last_arrival.max(Instant::now() + pipe.quality.delay));
            pipe.wake_reader();
        }
    }

    fn close(&mut self, side: usize) {
        if self.ends[side].fate != Fate::Alive {
            return;
        }
        self.ends[side].fate = Fate::Closed;
        if self.pipes[1 - side].waiting > 0 {
            let at = Instant::now() + self.pipes[side].quality.delay;
            self.reset(1 - side, at);
        }
    }
}

impl Pipe {
    /// When the first waiting octets can be read; `None` if nothing is in transit.
    fn next_arrival(&self) -> Option<Instant> {
        let first = self.segments.front().map(|segment| segment.arrives).or(self.end)?;
        Some(first.max(self.quality.stalled_until.unwrap_or(first)))
    }

    /// Delays everything in transit to at least this time.
    fn not_before(&mut self, at: Instant) {
        for segment in &mut self.segments {
            segment.arrives = segment.arrives.max(at);
        }
        self.last_arrival = self.last_arrival.max(at);
        self.end = self.end.map(|end| end.max(at));
        self.wake_reader();
    }

    /// Advances everything in transit to at most this time.
    fn not_after(&mut self, at: Instant) {
        for segment in &mut self.segments {
            segment.arrives = segment.arrives.min(at);
        }
        self.last_arrival = self.last_arrival.min(at);
        self.end = self.end.map(|end| end.min(at));
        self.wake_reader();
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    /// Takes up to `octets` of what has arrived.
    fn take(&mut self, most: usize) -> Bytes {
        let Some(segment) = self.segments.front_mut() else { return Bytes::new() };
        let taken = segment.octets.split_to(most.min(segment.octets.len()));
        if segment.octets.is_empty() {
            self.segments.pop_front();
        }
        self.waiting -= taken.len();
        taken
    }
}

/// Time after which a system probes whether the other side is alive, in milliseconds.
const PROBED_AFTER: u64 = 60_000;

/// One end of a connection, as a daemon holds it.
pub(super) struct End {
    connection: Arc<Connection>,
    side: usize,
}

impl End {
    /// The end that dialed and the one that was dialed.
    pub(super) fn pair(connection: Arc<Connection>) -> (Arc<Self>, Arc<Self>) {
        let dialed = Arc::new(Self { connection: Arc::clone(&connection), side: 0 });
        (dialed, Arc::new(Self { connection, side: 1 }))
    }

    /// Reads; `None` if nothing can be read yet.
    fn read(&self, state: &mut State, buffer: &mut BytesMut) -> Option<io::Result<usize>> {
        match state.ends[self.side].fate {
            Fate::Alive => {}
            // The daemon of this end has ended: no task reads any more.
            Fate::Closed | Fate::Dead => return Some(Err(io::ErrorKind::ConnectionAborted.into())),
        }
        if state.is_reset(self.side) {
            return Some(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let State { pipes, random, .. } = state;
        let pipe = &mut pipes[1 - self.side];
        let has_arrived = pipe.next_arrival().is_some_and(|at| at <= Instant::now());
        if pipe.quality.is_blocked || !has_arrived {
            return None;
        }
        let room = buffer.capacity() - buffer.len();
        let piece = 1 + random.index(pipe.quality.largest_piece);
        let octets = pipe.take(piece.min(room));
        pipe.wake_writer();
        buffer.extend_from_slice(&octets);
        let tap = &self.connection.tap;
        tap.traffic().on_read(tap.now(), self.connection.number, 1 - self.side, &octets);
        Some(Ok(octets.len()))
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "side {} of {:?}", self.side, self.connection)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.connection.state().close(self.side);
    }
}

impl SimulatedStream for End {
    fn local_address(&self) -> SocketAddr {
        self.connection.sides[self.side].address
    }

    fn peer_address(&self) -> SocketAddr {
        self.connection.sides[1 - self.side].address
    }

    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut state = self.connection.state();
        if let Some(result) = self.read(&mut state, buffer) {
            return Poll::Ready(result);
        }
        let reset_at = state.ends[self.side].reset_at;
        let pipe = &mut state.pipes[1 - self.side];
        pipe.reader = Some(context.waker().clone());
        let wake_at = [pipe.next_arrival(), reset_at].into_iter().flatten().min();
        if let Some(at) = wake_at.filter(|_| !pipe.quality.is_blocked) {
            let alarm = pipe.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if alarm.deadline() != at {
                alarm.as_mut().reset(at);
            }
            if alarm.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }

    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let result = self.read(&mut self.connection.state(), buffer);
        result.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.connection.state();
        let is_broken = state.is_reset(self.side) || state.ends[self.side].fate != Fate::Alive;
        let pipe = &mut state.pipes[self.side];
        if is_broken || pipe.waiting < pipe.quality.window {
            return Poll::Ready(Ok(()));
        }
        pipe.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let now = Instant::now();
        let mut state = self.connection.state();
        if state.is_reset(self.side) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if state.ends[self.side].fate != Fate::Alive || state.pipes[self.side].end.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let State { pipes, random, .. } = &mut *state;
        let pipe = &mut pipes[self.side];
        let mut left = pipe.quality.window.saturating_sub(pipe.waiting);
        if left == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut octets = BytesMut::new();
        for slice in slices {
            let taken = slice.len().min(left);
            octets.extend_from_slice(&slice[..taken]);
            left -= taken;
        }
        let octets = octets.freeze();
        let sent = octets.len();
        let jitter = random.milliseconds(0..=pipe.quality.jitter_milliseconds);
        let travels = pipe
            .quality
            .bandwidth
            .map_or(Duration::ZERO, |bandwidth| Duration::from_millis(sent as u64 * 1000 / bandwidth.max(1)));
        let starts = (now + pipe.quality.delay + jitter).max(pipe.last_arrival);
        pipe.last_arrival = starts + travels;
        pipe.waiting += sent;
        let tap = &self.connection.tap;
        let is_full = pipe.waiting >= pipe.quality.window;
        tap.traffic().on_written(tap.now(), self.connection.number, self.side, &octets, is_full);
        pipe.segments.push_back(Segment { arrives: pipe.last_arrival, octets });
        pipe.wake_reader();
        if state.ends[1 - self.side].fate == Fate::Closed {
            let at = state.pipes[self.side].last_arrival + state.pipes[1 - self.side].quality.delay;
            state.reset(self.side, at);
        }
        Ok(sent)
    }

    fn shutdown_write(&self) {
        self.connection.state().shut_down(self.side);
    }
}
