//! Inputs for which the speaker's queue had no room yet.

use std::collections::VecDeque;

use super::reader::LONGEST_BUFFER;
use crate::speaker::{InputQueue, SessionEpoch, SpeakerInput};

/// Inputs for the speaker, in order.
///
/// It stays short without being truncated: while something waits, the task reads nothing more from its peer,
/// and a session that ends before the speaker has received it is removed from here completely.
#[derive(Debug)]
pub(super) struct SpeakerOutbox {
    speaker: InputQueue,
    waiting: VecDeque<SpeakerInput>,
}

impl SpeakerOutbox {
    pub(super) fn new(speaker: InputQueue) -> Self {
        Self { speaker, waiting: VecDeque::new() }
    }

    /// Passes an input on, at once if the speaker has room.
    pub(super) fn push(&mut self, input: SpeakerInput) {
        if let SpeakerInput::PeerDown { epoch, .. } = &input {
            let epoch = *epoch;
            if self.take_back(epoch) {
                return;
            }
        }
        self.waiting.push_back(input);
        self.send_what_fits();
        debug_assert!(self.is_short(), "{:?}", self.waiting);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Waits until the speaker has taken everything. Dropping the future before it is ready loses nothing.
    pub(super) async fn flush(&mut self) {
        while let Some(next) = self.waiting.front() {
            let room = self.speaker.room_for(next).await;
            if let Some(input) = self.waiting.pop_front() {
                self.speaker.send(room, input);
            }
        }
    }

    fn send_what_fits(&mut self) {
        while let Some(input) = self.waiting.pop_front() {
            if let Err(input) = self.speaker.try_send(input) {
                self.waiting.push_front(*input);
                return;
            }
        }
    }

    /// Whether no more waits than the contents of one read, the end of a session, and the start of another.
    fn is_short(&self) -> bool {
        let mut ups = 0;
        let mut downs = 0;
        let mut read_octets = 0;
        for input in &self.waiting {
            match input {
                SpeakerInput::PeerUp(_) => ups += 1,
                SpeakerInput::PeerDown { .. } => downs += 1,
                SpeakerInput::Updates { octets, .. } => read_octets += octets,
                SpeakerInput::RouteRefresh { .. } | SpeakerInput::RefreshMark { .. } => {}
            }
        }
        ups <= 1 && downs <= 1 && read_octets <= LONGEST_BUFFER
    }

    /// Removes a session that is over. Returns whether the speaker has never received it.
    fn take_back(&mut self, ended: SessionEpoch) -> bool {
        let is_unheard =
            self.waiting.iter().any(|input| matches!(input, SpeakerInput::PeerUp(up) if up.epoch == ended));
        self.waiting.retain(|input| epoch(input) != ended);
        is_unheard
    }
}

fn epoch(input: &SpeakerInput) -> SessionEpoch {
    match input {
        SpeakerInput::PeerUp(up) => up.epoch,
        SpeakerInput::Updates { epoch, .. }
        | SpeakerInput::RouteRefresh { epoch, .. }
        | SpeakerInput::RefreshMark { epoch, .. }
        | SpeakerInput::PeerDown { epoch, .. } => *epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use margay_session::Departure;

    use crate::speaker::{PeerKey, input_queue};

    const PEER: PeerKey = PeerKey(1);

    fn updates(epoch: u64) -> SpeakerInput {
        SpeakerInput::Updates { peer: PEER, epoch: SessionEpoch(epoch), updates: Vec::new(), octets: 0 }
    }

    fn down(epoch: u64) -> SpeakerInput {
        SpeakerInput::PeerDown { peer: PEER, epoch: SessionEpoch(epoch), departure: Departure::Final }
    }

    fn line(input: &SpeakerInput) -> String {
        let kind = match input {
            SpeakerInput::PeerUp(_) => "up",
            SpeakerInput::Updates { .. } => "updates",
            SpeakerInput::RouteRefresh { .. } => "refresh",
            SpeakerInput::RefreshMark { .. } => "mark",
            SpeakerInput::PeerDown { .. } => "down",
        };
        format!("{kind} {}", epoch(input).0)
    }

    #[tokio::test]
    async fn keeps_the_order_when_the_speaker_is_slow() {
        let (speaker, mut inputs) = input_queue(1);
        let mut outbox = SpeakerOutbox::new(speaker);
        outbox.push(updates(1));
        outbox.push(updates(1));
        outbox.push(down(1));
        outbox.push(updates(2));
        let mut received = Vec::new();
        while !outbox.is_empty() || !inputs.is_empty() {
            tokio::select! {
                biased;
                () = outbox.flush(), if !outbox.is_empty() => {}
                Some(input) = inputs.recv() => received.push(line(&input)),
            }
        }
        assert_eq!(
            received,
            ["updates 1", "down 1", "updates 2"],
            "the updates of a session that is over are void"
        );
    }

    #[tokio::test]
    async fn a_speaker_that_has_ended_is_not_waited_for() {
        let (speaker, inputs) = input_queue(1);
        let mut outbox = SpeakerOutbox::new(speaker);
        outbox.push(updates(1));
        outbox.push(updates(1));
        drop(inputs);
        outbox.flush().await;
        assert!(outbox.is_empty());
    }
}
