//! The result of decoding an input as a whole.

/// Result of decoding an input as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// All of it was read, and no message would close a session.
    AllWell,
    /// A message would close a session, or a part of the input could not be read. The output says which.
    Faulty,
}
