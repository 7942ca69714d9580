//! A range of values that a condition asks for.

/// From one value to another, both included.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ValueRange {
    lowest: u32,
    highest: u32,
}

impl ValueRange {
    /// `None` when the ends are the wrong way round.
    pub fn new(lowest: u32, highest: u32) -> Option<Self> {
        (lowest <= highest).then_some(Self { lowest, highest })
    }

    /// The lowest value inside.
    pub fn lowest(self) -> u32 {
        self.lowest
    }

    /// The highest value inside.
    pub fn highest(self) -> u32 {
        self.highest
    }

    /// Whether the value is there and in the range.
    pub fn contains(&self, value: Option<u32>) -> bool {
        value.is_some_and(|value| (self.lowest..=self.highest).contains(&value))
    }
}
