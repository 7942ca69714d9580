//! What runs a simulated daemon's BFD sessions: the daemon's own decisions, above datagrams of the simulated network.

use std::future::poll_fn;
use std::sync::Arc;

use margay::bfd::{BfdHandle, BfdRequest, WatchedSessions};
use margay_bfd::Arrival;
use margay_timestamp::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use crate::network::{Host, Network, Packet};
use crate::standstill::Standstill;

/// The BFD sessions of one daemon.
struct Side {
    network: Arc<Network>,
    host: Host,
    sessions: WatchedSessions,
    start: Instant,
}

/// Runs BFD for one daemon, for as long as it runs.
pub(crate) fn serve(
    network: Arc<Network>,
    (host, incarnation): (Host, u64),
    standstill: Arc<Standstill>,
    seed: u64,
) -> BfdHandle {
    let (handle, requests) = BfdHandle::simulated();
    let packets = network.receive_packets(host);
    let side = Side { network, host, sessions: WatchedSessions::new(seed), start: Instant::now() };
    tokio::spawn(side.run(incarnation, standstill, requests, packets));
    handle
}

impl Side {
    async fn run(
        mut self,
        incarnation: u64,
        standstill: Arc<Standstill>,
        mut requests: mpsc::UnboundedReceiver<BfdRequest>,
        mut packets: mpsc::UnboundedReceiver<Packet>,
    ) {
        loop {
            let deadline = self.sessions.next_timeout().map(|at| self.start + at.since_start());
            let request = tokio::select! {
                biased;
                Some(packet) = packets.recv() => {
                    self.receive(packet);
                    None
                }
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
                () = reached(deadline) => None,
            };
            poll_fn(|context| standstill.poll_running(context)).await;
            // A daemon that is gone sends nothing, and has no deadlines that would be met again and again.
            if !self.network.is_current(self.host, incarnation) {
                return;
            }
            // What arrived meanwhile counts before the time.
            while let Ok(packet) = packets.try_recv() {
                self.receive(packet);
            }
            let now = self.now();
            if let Some(request) = request {
                self.sessions.handle_request(now, request);
            }
            self.sessions.handle_timeout(now);
            while self.sessions.poll_removed().is_some() {}
            while let Some((local, datagram)) = self.sessions.poll_datagram() {
                let octets = datagram.packet.octets().to_vec();
                let packet = Packet { from: local, hops: datagram.key.hops, octets };
                self.network.send_packet(self.host, datagram.key.remote, packet);
            }
        }
    }

    fn receive(&mut self, packet: Packet) {
        let arrival = Arrival { remote: packet.from, interface: 1, ttl: 255, hops: packet.hops };
        if let Err(rejection) = self.sessions.handle_datagram(self.now(), arrival, &packet.octets) {
            debug!(remote = %packet.from, ?rejection, "dropped a BFD datagram");
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::at(self.start.elapsed())
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
