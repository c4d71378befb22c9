//! Format parameters, and which of a subscriber's payload types fits a publisher's codec.
//!
//! H.264 is the reason: a client offers it once per profile, and two clients rarely offer the same.

use super::offer::{OfferedCodec, Section};
use crate::units::Codec;

/// The offered codec, with its payload type, as which a section can receive what a publisher sends.
///
/// `fmtp_of_publisher` are the format parameters of the publisher's payload type. Opus and VP8
/// need none. VP9, AV1 and H.265 need the same profile. For H.264 the same profile is best, then one
/// whose decoders understand it too, then constrained baseline, then whatever H.264 there is:
/// browsers' decoders take any profile.
pub fn codec_for<'a>(
    section: &'a Section,
    codec: Codec,
    fmtp_of_publisher: &str,
) -> Option<&'a OfferedCodec> {
    let mut candidates = section
        .codecs
        .iter()
        .filter(|offered| offered.codec == codec);
    match codec {
        Codec::Opus | Codec::Vp8 => candidates.next(),
        Codec::Vp9 | Codec::Av1 | Codec::H265 => {
            let sent = profile(codec, fmtp_of_publisher);
            candidates.find(|offered| profile(codec, &offered.fmtp) == sent)
        }
        Codec::H264 => {
            let sent = H264Profile::of(fmtp_of_publisher);
            candidates.min_by_key(|offered| sent.distance_to(H264Profile::of(&offered.fmtp)))
        }
    }
}

/// The value of a parameter, its name compared without regard to case.
pub(super) fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The profile of a codec that names it by a number: of VP9 (RFC 9628, section 7), AV1 (the AV1 RTP
/// specification, section 7.2.1) or H.265 (RFC 7798, section 7.1).
pub(super) fn profile(codec: Codec, fmtp: &str) -> &str {
    match codec {
        Codec::Vp9 => parameter(fmtp, "profile-id").unwrap_or("0"),
        Codec::Av1 => parameter(fmtp, "profile").unwrap_or("0"),
        Codec::H265 => parameter(fmtp, "profile-id").unwrap_or("1"),
        Codec::Opus | Codec::Vp8 | Codec::H264 => "",
    }
}

/// What a decoder must understand (RFC 6184, section 8.1, table 5). The level does not matter:
/// every browser allows levels to differ, and decodes beyond the level it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum H264Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    ConstrainedHigh,
    High,
    Other,
}

impl H264Profile {
    fn of(fmtp: &str) -> Self {
        // RFC 6184, section 8.1: without the parameter it is baseline, level 1.
        let id = parameter(fmtp, "profile-level-id").unwrap_or("42000a");
        let Some(bytes) = u32::from_str_radix(id, 16)
            .ok()
            .filter(|_| id.len() == 6)
            .map(u32::to_be_bytes)
        else {
            return Self::Other;
        };
        let [_, profile_idc, constraints, _] = bytes;
        let set = |bit: u8| constraints & (0x80 >> bit) != 0;
        match profile_idc {
            0x42 if set(1) => Self::ConstrainedBaseline,
            0x4d if set(0) => Self::ConstrainedBaseline,
            0x42 => Self::Baseline,
            0x4d => Self::Main,
            0x64 if set(4) && set(5) => Self::ConstrainedHigh,
            0x64 => Self::High,
            _ => Self::Other,
        }
    }

    /// Orders what a subscriber offers: smaller is the better home for a stream of this profile.
    fn distance_to(self, offered: Self) -> u8 {
        if self == offered {
            return 0;
        }
        match (self.rank(), offered.rank()) {
            (Some(sent), Some(decoded)) if sent < decoded => decoded - sent,
            _ if offered == Self::ConstrainedBaseline => 10,
            _ => 20,
        }
    }

    /// Whoever decodes a rank decodes the lower ones, nearly: streams of real encoders in baseline
    /// stay within constrained baseline.
    fn rank(self) -> Option<u8> {
        match self {
            Self::ConstrainedBaseline => Some(0),
            Self::Baseline => Some(1),
            Self::Main => Some(2),
            Self::ConstrainedHigh => Some(3),
            Self::High => Some(4),
            Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::H264Profile::{Baseline, ConstrainedBaseline, ConstrainedHigh, High, Main, Other};
    use super::*;

    #[test]
    fn profiles_are_told_apart_by_their_constraint_bits() {
        for (id, profile) in [
            ("42e01f", ConstrainedBaseline),
            ("42C02A", ConstrainedBaseline),
            ("42001f", Baseline),
            ("4d001f", Main),
            ("640c1f", ConstrainedHigh),
            ("640032", High),
            ("f4001f", Other),
            ("banana", Other),
            ("42", Other),
        ] {
            let fmtp = format!("packetization-mode=1;profile-level-id={id}");
            assert_eq!(H264Profile::of(&fmtp), profile, "{id}");
        }
        assert_eq!(H264Profile::of("packetization-mode=1"), Baseline);
    }

    #[test]
    fn a_stream_goes_to_its_own_profile_then_to_a_larger_one_then_to_constrained_baseline() {
        assert_eq!(choice(Main, &[High, Main]), Main);
        assert_eq!(choice(ConstrainedBaseline, &[High, Main]), Main);
        assert_eq!(
            choice(High, &[Main, ConstrainedBaseline]),
            ConstrainedBaseline
        );
        assert_eq!(choice(High, &[Main, Baseline]), Main);
    }

    #[test]
    fn parameters_are_found_between_spaces_and_in_any_case() {
        let fmtp = "level-asymmetry-allowed=1; Packetization-Mode=1";
        assert_eq!(parameter(fmtp, "packetization-mode"), Some("1"));
        assert_eq!(parameter(fmtp, "mode"), None);
        assert_eq!(parameter("111/111", "111/111"), None);
    }

    fn choice(sent: H264Profile, offered: &[H264Profile]) -> H264Profile {
        let best = offered
            .iter()
            .min_by_key(|&&offered| sent.distance_to(offered));
        *best.unwrap()
    }
}
