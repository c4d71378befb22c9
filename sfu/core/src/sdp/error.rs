//! Why an offer cannot be answered, in words for the person who wrote the client.
//!
//! No variant repeats a line of the offer: lines carry addresses and keys.

use super::offer::SectionKind;
use std::fmt;

/// What is wrong with an offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// The text is longer than any real offer.
    #[error("the offer has {len} bytes, more than the {max} that are read")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// There is more of something than any real offer has.
    #[error("{place} has more than {max} {what}")]
    TooMany {
        /// Where.
        place: Place,
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// A line is not SDP, or stands where it may not.
    #[error("line {line} of the offer is malformed or out of place")]
    Syntax {
        /// Counted from one.
        line: usize,
    },
    /// There is nothing to negotiate.
    #[error("the offer has no media section")]
    NoSections,
    /// Something required is not there.
    #[error("{place} has no {what}")]
    Missing {
        /// Where.
        place: Place,
        /// What is missing.
        what: &'static str,
    },
    /// Something is there and cannot be meant.
    #[error("{place} has an invalid {what}")]
    Invalid {
        /// Where.
        place: Place,
        /// What is wrong.
        what: &'static str,
    },
    /// Two sections have one name.
    #[error("{place} has the mid of an earlier section")]
    DuplicateMid {
        /// The later one.
        place: Place,
    },
    /// The client wants to send in a section, but nothing that is forwarded here.
    #[error("{place} sends {kind} in none of the codecs {known}")]
    NoCommonCodec {
        /// Which section.
        place: Place,
        /// What it carries.
        kind: SectionKind,
        /// The codecs that would do.
        known: &'static str,
    },
    /// The section asks for a transport of its own; there is one per client.
    #[error("{place} is not in the BUNDLE group")]
    NotBundled {
        /// Which section.
        place: Place,
    },
    /// One payload type stands for two codecs in one BUNDLE group (RFC 9143, section 9.1).
    #[error("{place} uses payload type {payload_type} for another codec than an earlier section")]
    PayloadTypeConflict {
        /// The later section.
        place: Place,
        /// The number.
        payload_type: u8,
    },
}

/// Where in an offer something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Before the first media section.
    Session,
    /// In a media section.
    Section {
        /// Counted from zero.
        index: usize,
        /// Its name, once it is known to have a valid one.
        mid: Option<String>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => f.write_str("the offer"),
            Self::Section { index, mid: None } => write!(f, "media section number {index}"),
            Self::Section { mid: Some(mid), .. } => write!(f, "the media section with mid {mid}"),
        }
    }
}

/// A [`SdpError`] that does not know yet where it is.
pub(super) enum Refusal {
    Invalid(&'static str),
    TooMany(&'static str, usize),
}

impl Refusal {
    pub(super) fn at(self, index: usize, mid: &str) -> SdpError {
        let place = Place::Section {
            index,
            mid: Some(mid.to_owned()),
        };
        match self {
            Self::Invalid(what) => SdpError::Invalid { place, what },
            Self::TooMany(what, max) => SdpError::TooMany { place, what, max },
        }
    }
}

/// Refuses more of something than `max`.
pub(super) fn within(count: usize, max: usize, what: &'static str) -> Result<(), Refusal> {
    if count > max {
        return Err(Refusal::TooMany(what, max));
    }
    Ok(())
}
