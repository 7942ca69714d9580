//! `memory_guard`: how much memory the daemon may use, such as `"2GiB"`.

/// The bound on the daemon's memory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MemoryGuard {
    /// A share of the memory that the machine or the control group has.
    #[default]
    Share,
    /// This many octets.
    Octets(u64),
    /// No bound.
    Off,
}

impl MemoryGuard {
    /// Reads `none`, or a whole number with a unit: `KiB`, `MiB`, `GiB` or `TiB`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let error = || {
            format!(
                "{text:?} is not an amount of memory: write a number and a unit, such as \"2GiB\" or \"512MiB\", or \"none\""
            )
        };
        if text == "none" {
            return Ok(Self::Off);
        }
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| error())?;
        let (_, unit_octets) =
            UNITS.into_iter().find(|(known, _)| *known == unit.trim_start()).ok_or_else(error)?;
        let octets = number.checked_mul(unit_octets).filter(|&octets| octets > 0).ok_or_else(error)?;
        Ok(Self::Octets(octets))
    }
}

const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_number_and_a_unit() {
        for (text, octets) in [("1KiB", 1024), ("512MiB", 512 << 20), ("2 GiB", 2 << 30), ("3TiB", 3 << 40)] {
            assert_eq!(MemoryGuard::parse(text), Ok(MemoryGuard::Octets(octets)));
        }
        assert_eq!(MemoryGuard::parse("none"), Ok(MemoryGuard::Off));
        for text in ["", "2", "GiB", "2GB", "2.5GiB", "0GiB", "-1GiB", "99999999999999TiB", "2gib"] {
            assert!(MemoryGuard::parse(text).is_err(), "{text}");
        }
    }
}
