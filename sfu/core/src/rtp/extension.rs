//! Header extensions of RTP packets (RFC 8285): the list of them, and what stands inside those
//! that Saal uses. Which id means which extension is negotiated elsewhere.

use super::big_endian::u16_at;
use super::sequence::SequenceNumber;

/// What a list of extensions begins with: its profile and its length (RFC 3550, section 5.3.1).
pub(super) const PREFIX_LEN: usize = 4;
const ONE_BYTE_PROFILE: u16 = 0xbede;
/// The low four bits are up to the application and ignored (RFC 8285, section 4.3).
const TWO_BYTE_PROFILE: u16 = 0x1000;
const ONE_BYTE_ID_MAX: u8 = 14;
const ONE_BYTE_DATA_LEN_MAX: usize = 16;

/// The header extensions of one packet (RFC 8285).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions<'a> {
    form: Form,
    data: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    OneByte,
    TwoByte,
}

impl<'a> Extensions<'a> {
    /// No extensions at all.
    pub const NONE: Self = Self {
        form: Form::OneByte,
        data: &[],
    };

    pub(super) fn of_profile(profile: u16, data: &'a [u8]) -> Self {
        if profile == ONE_BYTE_PROFILE {
            Self {
                form: Form::OneByte,
                data,
            }
        } else if profile & 0xfff0 == TWO_BYTE_PROFILE {
            Self {
                form: Form::TwoByte,
                data,
            }
        } else {
            Self::NONE
        }
    }

    /// The data of the extension that was negotiated under `id` (1 to 255).
    pub fn find(&self, id: u8) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(other, data)| (other == id).then_some(data))
    }

    /// The extensions in their order, as (id, data).
    pub fn iter(&self) -> ExtensionsIter<'a> {
        ExtensionsIter {
            form: self.form,
            rest: self.data,
        }
    }
}

impl<'a> IntoIterator for &Extensions<'a> {
    type Item = (u8, &'a [u8]);
    type IntoIter = ExtensionsIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Walks through header extensions; ends at the first that is broken.
#[derive(Debug, Clone)]
pub struct ExtensionsIter<'a> {
    form: Form,
    rest: &'a [u8],
}

impl<'a> Iterator for ExtensionsIter<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, mut rest) = self.rest.split_first()?;
            if first == 0 {
                // Padding stands alone in both forms.
                self.rest = rest;
                continue;
            }
            let (id, len) = match self.form {
                Form::OneByte => (first >> 4, usize::from(first & 0x0f) + 1),
                Form::TwoByte => {
                    let (&len, after) = rest.split_first()?;
                    rest = after;
                    (first, usize::from(len))
                }
            };
            // Ids 0 and 15 end the list (RFC 8285, section 4.2).
            if self.form == Form::OneByte && (id == 0 || id > ONE_BYTE_ID_MAX) {
                self.rest = &[];
                return None;
            }
            let Some((data, rest)) = rest.split_at_checked(len) else {
                self.rest = &[];
                return None;
            };
            self.rest = rest;
            return Some((id, data));
        }
    }
}

/// Writes a list of extensions with its prefix, padded to whole words, and returns its length. The
/// buffer has whole words and room for at least the prefix. Left out is an extension with the
/// id 0, with more than 255 bytes, or beyond the buffer.
pub(super) fn write(buffer: &mut [u8], extensions: &[(u8, &[u8])]) -> usize {
    let (form, profile) = if extensions.iter().all(|(id, data)| fits_one_byte(*id, data)) {
        (Form::OneByte, ONE_BYTE_PROFILE)
    } else {
        (Form::TwoByte, TWO_BYTE_PROFILE)
    };
    let mut end = PREFIX_LEN;
    for (id, data) in extensions {
        end += write_one(&mut buffer[end..], form, *id, data);
    }
    let padded = end.next_multiple_of(4);
    buffer[end..padded].fill(0);
    let words = u16::try_from((padded - PREFIX_LEN) / 4).expect("headers are shorter than that");
    buffer[..2].copy_from_slice(&profile.to_be_bytes());
    buffer[2..4].copy_from_slice(&words.to_be_bytes());
    padded
}

fn fits_one_byte(id: u8, data: &[u8]) -> bool {
    id <= ONE_BYTE_ID_MAX && (1..=ONE_BYTE_DATA_LEN_MAX).contains(&data.len())
}

fn write_one(buffer: &mut [u8], form: Form, id: u8, data: &[u8]) -> usize {
    let Ok(len) = u8::try_from(data.len()) else {
        return 0;
    };
    let prefix_len = match form {
        Form::OneByte => 1,
        Form::TwoByte => 2,
    };
    let end = prefix_len + data.len();
    if id == 0 || end > buffer.len() {
        return 0;
    }
    match form {
        Form::OneByte => buffer[0] = id << 4 | (len - 1),
        Form::TwoByte => buffer[..2].copy_from_slice(&[id, len]),
    }
    buffer[prefix_len..end].copy_from_slice(data);
    end
}

/// How loud a packet of sound is (RFC 6464).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    /// Whether the sender takes it for speech.
    pub voice: bool,
    /// How far below the loudest possible, in decibels: 0 is loudest, 127 is silence.
    pub level_dbov: u8,
}

impl AudioLevel {
    /// Reads the extension's data; `None` if it is empty.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let first = data.first()?;
        Some(Self {
            voice: first & 0x80 != 0,
            level_dbov: first & 0x7f,
        })
    }

    /// The extension's data.
    pub const fn to_bytes(self) -> [u8; 1] {
        [(self.level_dbov & 0x7f) | if self.voice { 0x80 } else { 0 }]
    }
}

/// Reads the transport-wide sequence number
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 2).
pub fn transport_sequence(data: &[u8]) -> Option<SequenceNumber> {
    u16_at(data, 0).map(SequenceNumber)
}

/// The data of a transport-wide sequence number.
pub const fn transport_sequence_bytes(number: SequenceNumber) -> [u8; 2] {
    number.0.to_be_bytes()
}

/// What fits the one-byte form; no known sender makes longer ones.
const IDENTIFIER_LEN_MAX: usize = 16;

/// Reads the identification of a media section (RFC 8843, section 15): 1 to 16 characters of a
/// token (RFC 4566).
pub fn mid(data: &[u8]) -> Option<&str> {
    identifier(data, |byte| {
        byte.is_ascii_graphic() && !br#""(),/:;<=>?@[\]"#.contains(&byte)
    })
}

/// Reads the identifier of an encoding, plain or repaired (RFC 8852, section 3.1): 1 to 16 letters
/// and digits, and the `-` and `_` that RFC 8851 allows besides.
pub fn rid(data: &[u8]) -> Option<&str> {
    identifier(data, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
    })
}

fn identifier(data: &[u8], allowed: impl Fn(u8) -> bool) -> Option<&str> {
    let fits = (1..=IDENTIFIER_LEN_MAX).contains(&data.len());
    if !fits || !data.iter().all(|&byte| allowed(byte)) {
        return None;
    }
    std::str::from_utf8(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn read(profile: u16, data: &[u8]) -> Vec<(u8, &[u8])> {
        Extensions::of_profile(profile, data).iter().collect()
    }

    #[test]
    fn the_examples_of_rfc_8285_are_read() {
        // Section 4.2, one-byte form, with padding before the third element.
        let one = [0x10, 1, 0x21, 1, 2, 0, 0, 0x33, 1, 2, 3, 4];
        let expected: [(u8, &[u8]); 3] = [(1, &[1]), (2, &[1, 2]), (3, &[1, 2, 3, 4])];
        assert_eq!(read(0xbede, &one), expected);
        // Section 4.3, two-byte form, with an empty element, padding and four application bits.
        let two = [1, 0, 2, 1, 9, 0, 3, 4, 1, 2, 3, 4];
        let expected: [(u8, &[u8]); 3] = [(1, &[]), (2, &[9]), (3, &[1, 2, 3, 4])];
        assert_eq!(read(0x1005, &two), expected);
    }

    #[test]
    fn ids_0_with_a_length_and_15_end_the_list() {
        assert_eq!(read(0xbede, &[0x10, 1, 0xf0, 1, 0x20, 1]), [(1, &[1][..])]);
        assert_eq!(read(0xbede, &[0x10, 1, 0x01, 1, 0x20, 1]), [(1, &[1][..])]);
    }

    #[test]
    fn an_element_longer_than_the_list_ends_it() {
        assert_eq!(read(0xbede, &[0x10, 1, 0x22, 1]), [(1, &[1][..])]);
        assert_eq!(read(0x1000, &[1, 1, 7, 2, 9]), [(1, &[7][..])]);
        assert_eq!(read(0x1000, &[1, 1, 7, 2]), [(1, &[7][..])]);
    }

    #[test]
    fn an_unknown_profile_has_no_extensions() {
        assert_eq!(read(0xabac, &[0x10, 1]), []);
    }

    #[test]
    fn short_data_takes_the_one_byte_form_and_any_other_the_two_byte_form() {
        let mut buffer = [0xff; 32];
        assert_eq!(write(&mut buffer, &[(1, &[7]), (14, &[8, 9])]), 12);
        assert_eq!(
            buffer[..12],
            [0xbe, 0xde, 0, 2, 0x10, 7, 0xe1, 8, 9, 0, 0, 0]
        );
        for (id, data) in [(15, &[7][..]), (1, &[]), (1, &[7; 17])] {
            let len = write(&mut buffer, &[(id, data)]);
            assert_eq!(buffer[..2], [0x10, 0]);
            assert_eq!(read(0x1000, &buffer[4..len]), [(id, data)]);
        }
    }

    #[test]
    fn what_does_not_fit_the_buffer_is_left_out() {
        let mut buffer = [0; 20];
        let len = write(
            &mut buffer,
            &[(1, &[1; 10]), (2, &[2; 10]), (0, &[1]), (3, &[3; 4])],
        );
        assert_eq!(len, 20);
        assert_eq!(
            read(0xbede, &buffer[4..]),
            [(1, &[1; 10][..]), (3, &[3; 4][..])]
        );
    }

    #[test]
    fn identifiers_are_short_and_of_the_allowed_characters() {
        assert_eq!(mid(b"0"), Some("0"));
        assert_eq!(rid(b"q"), Some("q"));
        assert_eq!(mid(b"a+b"), Some("a+b"));
        assert_eq!(rid(b"a+b"), None);
        assert_eq!(mid(b"a b"), None);
        assert_eq!(mid(b""), None);
        assert_eq!(rid(&[b'a'; 17]), None);
        assert_eq!(mid("\u{e4}".as_bytes()), None);
    }

    proptest! {
        #[test]
        fn a_level_survives_its_byte(voice: bool, level_dbov in 0..128_u8) {
            let level = AudioLevel { voice, level_dbov };
            prop_assert_eq!(AudioLevel::parse(&level.to_bytes()), Some(level));
        }

        #[test]
        fn a_transport_sequence_number_survives_its_bytes(number: u16) {
            let number = SequenceNumber(number);
            prop_assert_eq!(transport_sequence(&transport_sequence_bytes(number)), Some(number));
        }

        #[test]
        fn any_bytes_make_a_list_no_longer_than_they_are(
            one_byte: bool,
            data in vec(any::<u8>(), 0..64),
        ) {
            let profile = if one_byte { 0xbede } else { 0x1000 };
            let total: usize = read(profile, &data).iter().map(|(_, data)| data.len()).sum();
            prop_assert!(total <= data.len());
        }
    }
}
