//! Compact optional numbers.

/// Up to eight optional numbers, in four octets each and one bit. As `Option`s they would take eight octets
/// each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct OptionalNumbers<const N: usize> {
    numbers: [u32; N],
    /// One bit for each number, the lowest for the first.
    present: u8,
}

impl<const N: usize> OptionalNumbers<N> {
    /// All numbers absent.
    pub(crate) const NONE: Self = Self { numbers: [0; N], present: 0 };

    /// The number at a position; `None` beyond the last as well.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<u32> {
        self.numbers.get(place).copied().filter(|_| self.present & bit(place) != 0)
    }

    /// Sets or removes the number at a position. Beyond the last it has no effect.
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
    fn a_number_is_present_from_set_until_removed() {
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
