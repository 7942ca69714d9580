//! Parsing with nom: the error type of all parsers, and the parsers that several files use.
//!
//! A parser takes octets and returns the remaining octets and the value. All parsers are of the complete
//! kind: truncated octets are malformed, because a message is decoded only when it is complete.

use std::iter;

use nom::bytes::complete::take;
use nom::error::{ErrorKind, FromExternalError, ParseError};
use nom::number::complete::{be_u8, be_u16};
use nom::{IResult, Parser};

/// Result of a parser: the octets after the value, and the value.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Malformed>;

/// The octets end early, or have a value that the format does not allow.
///
/// It carries nothing: only the caller knows what a malformed field means for the message or attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

impl<I> ParseError<I> for Malformed {
    fn from_error_kind(_: I, _: ErrorKind) -> Self {
        Self
    }

    fn append(_: I, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<I, E> FromExternalError<I, E> for Malformed {
    fn from_external_error(_: I, _: ErrorKind, _: E) -> Self {
        Self
    }
}

/// The value that all of the octets represent; `None` if they are malformed or too many.
#[inline]
pub(crate) fn whole<'a, T>(
    octets: &'a [u8],
    mut parser: impl Parser<&'a [u8], Output = T, Error = Malformed>,
) -> Option<T> {
    let (rest, value) = parser.parse_complete(octets).ok()?;
    rest.is_empty().then_some(value)
}

/// Whether the octets are a sequence of elements without a remainder.
#[inline]
pub(crate) fn is_row<'a>(octets: &'a [u8], mut element: impl Parser<&'a [u8], Error = Malformed>) -> bool {
    let mut rest = octets;
    while !rest.is_empty() {
        let Ok((after, _)) = element.parse_complete(rest) else { return false };
        rest = after;
    }
    true
}

/// The elements of a sequence, up to the end or the first malformed one.
#[inline]
pub(crate) fn row<'a, T, P>(octets: &'a [u8], element: P) -> impl Iterator<Item = T> + Clone + use<'a, T, P>
where
    P: Fn(&'a [u8]) -> Parsed<'a, T> + Clone,
{
    let mut rest = octets;
    iter::from_fn(move || {
        let (after, value) = element(rest).ok()?;
        rest = after;
        Some(value)
    })
}

/// A field preceded by its length in one octet.
#[inline]
pub(crate) fn u8_sized(octets: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, length_octets) = be_u8(octets)?;
    take(length_octets)(rest)
}

/// A field preceded by its length in two octets.
#[inline]
pub(crate) fn u16_sized(octets: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, length_octets) = be_u16(octets)?;
    take(length_octets)(rest)
}

#[cfg(test)]
mod tests {
    use nom::number::complete::be_u32;

    use super::*;

    #[test]
    fn a_sized_field_ends_where_its_length_says() {
        assert_eq!(u8_sized(&[2, 8, 9, 10]), Ok((&[10][..], &[8, 9][..])));
        assert_eq!(u16_sized(&[0, 1, 10, 11]), Ok((&[11][..], &[10][..])));
        for octets in [&[][..], &[0], &[0, 1], &[0, 2, 7]] {
            assert_eq!(u16_sized(octets), Err(nom::Err::Error(Malformed)), "{octets:?}");
        }
    }

    #[test]
    fn a_whole_value_neither_ends_early_nor_goes_on() {
        assert_eq!(whole(&[0, 0, 1, 2], be_u32), Some(258));
        assert_eq!(whole(&[0, 0, 1], be_u32), None);
        assert_eq!(whole(&[0, 0, 1, 2, 3], be_u32), None);
    }

    #[test]
    fn a_row_ends_with_its_last_element() {
        assert!(is_row(&[], u8_sized) && is_row(&[0, 1, 7], u8_sized));
        assert!(!is_row(&[0, 1], u8_sized));
        assert!(row(&[1, 7, 0, 2, 8], u8_sized).eq([&[7][..], &[]]));
    }
}
