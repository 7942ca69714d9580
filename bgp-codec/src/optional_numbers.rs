//! Optional numbers in little room.

/// Up to eight numbers that may be there or not: four octets each, and a bit. As `Option`s they would take eight each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct OptionalNumbers<const N: usize> {
    numbers: [u32; N],
    /// Bit by bit, the lowest for the first.
    present: u8,
}

impl<const N: usize> OptionalNumbers<N> {
    /// No number is there.
    pub(crate) const NONE: Self = Self { numbers: [0; N], present: 0 };

    /// The number in a place; `None` past the last as well.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<u32> {
        self.numbers.get(place).copied().filter(|_| self.present & bit(place) != 0)
    }

    /// Puts a number into a place, or takes it out. There is nothing past the last.
    #[inline]
    pub(crate) fn set(&mut self, place: usize, number: Option<u32>) {
        if let Some(slot) = self.numbers.get_mut(place) {
            *slot = number.unwrap_or_default();
            self.present =
                if number.is_some() { self.present | bit(place) } else { self.present & !bit(place) };
        }
    }
}

fn bit(place: usize) -> u8 {
    u8::try_from(place).ok().and_then(|place| 1u8.checked_shl(place.into())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_there_from_when_it_is_put_until_it_is_taken_out() {
        let mut numbers = OptionalNumbers::<3>::NONE;
        assert_eq!([0, 1, 2].map(|place| numbers.get(place)), [None; 3]);
        numbers.set(1, Some(0));
        numbers.set(2, Some(u32::MAX));
        numbers.set(3, Some(7));
        assert_eq!([0, 1, 2, 3].map(|place| numbers.get(place)), [None, Some(0), Some(u32::MAX), None]);
        numbers.set(2, None);
        assert_eq!([0, 1, 2].map(|place| numbers.get(place)), [None, Some(0), None]);
    }

    #[test]
    fn three_take_sixteen_octets() {
        assert_eq!(size_of::<OptionalNumbers<3>>(), 16);
    }
}
