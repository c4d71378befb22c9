//! The names of things: one type each, so that a track is never mistaken for a peer.
//!
//! An id is a random 64-bit number drawn by the signaling core. Its text form, used on the wire
//! and nowhere else, is a prefix and the number in base 62: `PA_3kTMd1oSDMh`.

use std::fmt;

/// Digits of the text form, most clients expect letters and digits only.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// `u64::MAX` needs eleven digits in base 62.
const DIGITS: usize = 11;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// Reads the text form; `None` if the prefix or a digit is wrong.
            pub fn parse(text: &str) -> Option<Self> {
                parse_digits(text.strip_prefix($prefix)?).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                write_digits(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id! {
    /// A room: one meeting on one engine.
    RoomId, "RM_"
}
id! {
    /// A peer: a participant's encrypted transport. The same number is the participant's sid.
    PeerId, "PA_"
}
id! {
    /// A track that somebody publishes: a camera, a microphone, a screen.
    TrackId, "TR_"
}

fn write_digits(mut number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [b'0'; DIGITS];
    for digit in text.iter_mut().rev() {
        let index = usize::try_from(number % 62).expect("a remainder of 62 fits");
        *digit = ALPHABET[index];
        number /= 62;
    }
    f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
}

fn parse_digits(text: &str) -> Option<u64> {
    if text.len() != DIGITS {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, digit| {
        let value = ALPHABET.iter().position(|&known| known == digit)?;
        number
            .checked_mul(62)?
            .checked_add(u64::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_survives_its_text_form(number: u64) {
            let id = TrackId(number);
            prop_assert_eq!(TrackId::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn parsing_any_text_never_panics(text: String) {
            let _ = PeerId::parse(&text);
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert_eq!(PeerId::parse(&TrackId(7).to_string()), None);
        assert_eq!(PeerId::parse("PA_zzzzzzzzzzz"), None, "more than 64 bits");
    }
}
