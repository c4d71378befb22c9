//! From the text of an offer to its types. Decides what is refused, never what is answered.

use super::attributes::Transport;
use super::error::{Place, SdpError};
use super::offer::{Direction, Offer, Section, Setup};
use super::section;
use crate::units::Codec;
use rtc_sdp::description::common::Attribute;
use rtc_sdp::description::session::SessionDescription;
use std::collections::HashSet;
use std::io::Cursor;

/// Chromium 156 spends 5.4 kB on a section for video and 1.0 kB on one for sound (measured
/// 2026-11-21), so this is room for 160 of each. Longer text is refused unread.
pub const SDP_LEN_MAX: usize = 1 << 20;
/// About 28 bytes a line, as in real offers; keeps what the parser allocates below 8 MB.
const LINES_MAX: usize = 40_000;
/// More sections than fit [`SDP_LEN_MAX`] with a codec each; bounds the engine's work.
const SECTIONS_MAX: usize = 1_000;

/// Reads an offer.
pub fn parse_offer(text: &str) -> Result<Offer, SdpError> {
    bounded(text)?;
    let description = unmarshal(text)?;
    let media = &description.media_descriptions;
    if media.is_empty() {
        return Err(SdpError::NoSections);
    }
    if media.len() > SECTIONS_MAX {
        return Err(SdpError::TooMany {
            place: Place::Session,
            what: "media sections",
            max: SECTIONS_MAX,
        });
    }
    let session = Session::read(&description.attributes);
    let mut transport = Transport::default();
    let mut sections = Vec::with_capacity(media.len());
    for (index, media) in media.iter().enumerate() {
        let (section, of_section) = section::read(index, media, session.direction)?;
        if !section.rejected {
            transport.fill_from(of_section);
        }
        sections.push(section);
    }
    transport.fill_from(session.transport);
    let bundled = unite(&sections, session.group)?;
    Ok(Offer {
        ice_ufrag: ice_word(transport.ufrag, 4, "ice-ufrag")?,
        ice_pwd: ice_word(transport.pwd, 22, "ice-pwd")?,
        fingerprint: fingerprint(transport.fingerprint)?,
        setup: setup(transport.setup)?,
        bundled,
        extmap_allow_mixed: session.extmap_allow_mixed,
        sections,
    })
}

/// Refuses what is too long, and every control character, so that whatever is copied from an offer
/// into an answer or a track's description is one line of visible text.
fn bounded(text: &str) -> Result<(), SdpError> {
    if text.len() > SDP_LEN_MAX {
        return Err(SdpError::TooLong {
            len: text.len(),
            max: SDP_LEN_MAX,
        });
    }
    for (index, line) in text.split('\n').enumerate() {
        if index > LINES_MAX {
            return Err(SdpError::TooMany {
                place: Place::Session,
                what: "lines",
                max: LINES_MAX,
            });
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(SdpError::Syntax { line: index + 1 });
        }
    }
    Ok(())
}

fn unmarshal(text: &str) -> Result<SessionDescription, SdpError> {
    let mut reader = Cursor::new(text.as_bytes());
    SessionDescription::unmarshal(&mut reader).map_err(|_| {
        // The reader stands behind the line it stumbled over, or within it.
        let read = usize::try_from(reader.position()).unwrap_or(text.len());
        let before = text.get(..read).unwrap_or(text);
        SdpError::Syntax {
            line: before
                .strip_suffix('\n')
                .unwrap_or(before)
                .split('\n')
                .count(),
        }
    })
}

/// What stands before the first media section.
#[derive(Default)]
struct Session<'a> {
    transport: Transport<'a>,
    direction: Option<Direction>,
    group: Option<&'a str>,
    extmap_allow_mixed: bool,
}

impl<'a> Session<'a> {
    fn read(attributes: &'a [Attribute]) -> Self {
        let mut session = Self::default();
        for attribute in attributes {
            let value = attribute.value.as_deref().unwrap_or_default();
            match attribute.key.as_str() {
                "group" => {
                    let mids = value.strip_prefix("BUNDLE");
                    session.group = session.group.or(mids);
                }
                "extmap-allow-mixed" => session.extmap_allow_mixed = true,
                key => match Direction::from_name(key) {
                    Some(direction) => session.direction = Some(direction),
                    None => session.transport.read(key, value),
                },
            }
        }
        session
    }
}

/// Checks what must hold between sections that share a transport; true if there is a BUNDLE group.
fn unite(sections: &[Section], group: Option<&str>) -> Result<bool, SdpError> {
    let group: Option<HashSet<&str>> = group.map(|mids| mids.split_whitespace().collect());
    let mut mids = HashSet::new();
    let mut codecs: [Option<Codec>; 128] = [None; 128];
    let mut open = 0;
    for (index, section) in sections.iter().enumerate() {
        let place = || Place::Section {
            index,
            mid: Some(section.mid.clone()),
        };
        if !mids.insert(section.mid.as_str()) {
            return Err(SdpError::DuplicateMid { place: place() });
        }
        if section.rejected {
            continue;
        }
        open += 1;
        let alone = group.is_none() && open == 1;
        let named = group
            .as_ref()
            .is_some_and(|group| group.contains(section.mid.as_str()));
        if !alone && !named {
            return Err(SdpError::NotBundled { place: place() });
        }
        for offered in &section.codecs {
            let known = &mut codecs[usize::from(offered.payload_type)];
            if *known.get_or_insert(offered.codec) != offered.codec {
                return Err(SdpError::PayloadTypeConflict {
                    place: place(),
                    payload_type: offered.payload_type,
                });
            }
        }
    }
    Ok(group.is_some())
}

/// An ICE user name fragment or password (RFC 8839, section 5.4).
fn ice_word(word: Option<&str>, len_min: usize, what: &'static str) -> Result<String, SdpError> {
    const LEN_MAX: usize = 256;
    let place = Place::Session;
    let Some(word) = word else {
        return Err(SdpError::Missing { place, what });
    };
    // Besides letters, digits, `+` and `/` of the RFC, some clients use URL-safe base64.
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    if !(len_min..=LEN_MAX).contains(&word.len()) || !word.bytes().all(legal) {
        return Err(SdpError::Invalid { place, what });
    }
    Ok(word.to_owned())
}

/// The SHA-256 of a certificate in 32 pairs of hexadecimal digits (RFC 8122, section 5).
fn fingerprint(value: Option<&str>) -> Result<String, SdpError> {
    let place = Place::Session;
    let what = "sha-256 fingerprint";
    let Some(value) = value else {
        return Err(SdpError::Missing { place, what });
    };
    let hash = value.split_once(' ').map(|(_, hash)| hash.trim());
    let pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    match hash {
        Some(hash) if hash.split(':').count() == 32 && hash.split(':').all(pair) => {
            Ok(format!("sha-256 {}", hash.to_ascii_uppercase()))
        }
        _ => Err(SdpError::Invalid { place, what }),
    }
}

fn setup(value: Option<&str>) -> Result<Setup, SdpError> {
    match value {
        Some("actpass") => Ok(Setup::ActPass),
        // An offer without the attribute means active (RFC 4145, section 4.1).
        Some("active") | None => Ok(Setup::Active),
        Some("passive") => Ok(Setup::Passive),
        Some(_) => Err(SdpError::Invalid {
            place: Place::Session,
            what: "setup",
        }),
    }
}
