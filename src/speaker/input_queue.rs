//! The queue of inputs to the speaker, bounded by their weight.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::SpeakerInput;

/// The sending end of the queue, for session tasks.
///
/// Waiting inputs together weigh no more than the limit. A session task that finds no room stops reading from
/// its socket until there is some.
#[derive(Clone, Debug)]
pub struct InputQueue {
    // Every input holds a part of the room, so the channel needs no bound of its own.
    inputs: mpsc::UnboundedSender<Weighed>,
    room: Arc<Semaphore>,
    room_octets: u32,
}

/// The speaker's end of the queue.
#[derive(Debug)]
pub struct Inputs {
    inputs: mpsc::UnboundedReceiver<Weighed>,
    room: Arc<Semaphore>,
    room_octets: u32,
}

/// An input with its part of the room, which is returned when the speaker takes it.
#[derive(Debug)]
struct Weighed {
    input: SpeakerInput,
    _room: OwnedSemaphorePermit,
}

/// Room for one input; empty if the speaker has ended.
#[derive(Debug)]
pub struct Room(Option<OwnedSemaphorePermit>);

/// Makes a queue for inputs of `room_octets` together; a larger input waits until the queue is empty.
#[must_use]
pub fn input_queue(room_octets: u32) -> (InputQueue, Inputs) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(room_octets as usize));
    let inputs = Inputs { inputs: receiver, room: Arc::clone(&room), room_octets };
    (InputQueue { inputs: sender, room, room_octets }, inputs)
}

impl InputQueue {
    /// Adds an input if there is room now.
    ///
    /// # Errors
    ///
    /// There is none; the input is returned.
    pub fn try_send(&self, input: SpeakerInput) -> Result<(), Box<SpeakerInput>> {
        match Arc::clone(&self.room).try_acquire_many_owned(self.weight(&input)) {
            Ok(room) => {
                self.send(Room(Some(room)), input);
                Ok(())
            }
            Err(_) => Err(Box::new(input)),
        }
    }

    /// Waits for room for an input. Dropping the future before it is ready only loses the place in the queue.
    pub async fn room_for(&self, input: &SpeakerInput) -> Room {
        Room(Arc::clone(&self.room).acquire_many_owned(self.weight(input)).await.ok())
    }

    /// Adds an input. If the speaker has ended, and with it the daemon, the input is dropped.
    pub fn send(&self, room: Room, input: SpeakerInput) {
        if let Some(room) = room.0 {
            drop(self.inputs.send(Weighed { input, _room: room }));
        }
    }

    fn weight(&self, input: &SpeakerInput) -> u32 {
        input.weight_octets().min(self.room_octets)
    }
}

impl Inputs {
    /// The next input; `None` if there are no session tasks any more. Dropping the future before it is ready
    /// loses nothing.
    pub async fn recv(&mut self) -> Option<SpeakerInput> {
        let weighed = self.inputs.recv().await;
        self.assert_bounded();
        weighed.map(|weighed| weighed.input)
    }

    /// The next input, if there is one already.
    pub fn try_recv(&mut self) -> Option<SpeakerInput> {
        self.assert_bounded();
        self.inputs.try_recv().ok().map(|weighed| weighed.input)
    }

    /// Waiting inputs weigh no more than the limit, unless there is only one.
    fn assert_bounded(&self) {
        let inputs = self.inputs.len();
        let (octets, room_octets) = (inputs * size_of::<SpeakerInput>(), self.room_octets as usize);
        debug_assert!(inputs <= 1 || octets <= room_octets, "{inputs} inputs in {room_octets} octets");
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }
}

impl Drop for Inputs {
    /// Tasks that wait for room are released when the speaker ends.
    fn drop(&mut self) {
        self.room.close();
    }
}
