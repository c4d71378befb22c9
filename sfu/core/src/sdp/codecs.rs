//! The codecs of a section, from its `rtpmap`, `fmtp` and `rtcp-fb` lines: decides which of them are
//! forwarded here.

use super::error::{Refusal, within};
use super::fmtp::{parameter, profile};
use super::offer::{OfferedCodec, SectionKind};
use crate::units::Codec;

/// Payload types have seven bits (RFC 3550, section 5.1).
const PAYLOAD_TYPES: usize = 128;
/// Chromium 156 offers five.
const FEEDBACK_MAX: usize = 16;

/// What a section says of its payload types.
pub(super) struct Codecs<'a> {
    formats: Vec<Format<'a>>,
    feedback_for_all: Vec<&'a str>,
}

/// What is said of one payload type.
#[derive(Default, Clone)]
struct Format<'a> {
    rtpmap: Option<&'a str>,
    fmtp: Option<&'a str>,
    feedback: Vec<&'a str>,
}

impl Default for Codecs<'_> {
    fn default() -> Self {
        Self {
            formats: vec![Format::default(); PAYLOAD_TYPES],
            feedback_for_all: Vec::new(),
        }
    }
}

impl<'a> Codecs<'a> {
    pub(super) fn take_rtpmap(&mut self, value: &'a str) {
        if let Some((format, rest)) = self.format(value) {
            format.rtpmap = format.rtpmap.or(Some(rest));
        }
    }

    pub(super) fn take_fmtp(&mut self, value: &'a str) {
        if let Some((format, rest)) = self.format(value) {
            format.fmtp = format.fmtp.or(Some(rest));
        }
    }

    pub(super) fn take_feedback(&mut self, value: &'a str) -> Result<(), Refusal> {
        let list = if let Some(rest) = value.strip_prefix("* ") {
            self.feedback_for_all.push(rest.trim());
            &self.feedback_for_all
        } else if let Some((format, rest)) = self.format(value) {
            format.feedback.push(rest);
            &format.feedback
        } else {
            return Ok(());
        };
        within(
            list.len(),
            FEEDBACK_MAX,
            "rtcp-fb lines for one payload type",
        )
    }

    /// The payload type a value starts with, and the rest; `None` if it is none.
    fn format(&mut self, value: &'a str) -> Option<(&mut Format<'a>, &'a str)> {
        let (payload_type, rest) = value.split_once(' ')?;
        let payload_type: usize = payload_type.parse().ok()?;
        Some((self.formats.get_mut(payload_type)?, rest.trim()))
    }

    /// The codecs that are forwarded here, in order of the `m=` line.
    pub(super) fn forwarded(&self, kind: SectionKind, formats: &[String]) -> Vec<OfferedCodec> {
        let offered = self.named(formats);
        let mut codecs = Vec::new();
        for &(payload_type, format) in &offered {
            if let Some(codec) = format.codec(kind) {
                let feedback = self.feedback_for_all.iter().chain(&format.feedback);
                let repair = |(_, other): &&(u8, &Format<'_>)| other.repairs(payload_type);
                let carries = |(_, other): &&(u8, &Format<'_>)| {
                    codec == Codec::Opus && other.repeats(payload_type)
                };
                codecs.push(OfferedCodec {
                    payload_type,
                    codec,
                    fmtp: format.fmtp.unwrap_or_default().to_owned(),
                    feedback: feedback.map(|&kind| kind.to_owned()).collect(),
                    rtx: offered.iter().find(repair).map(|&(rtx, _)| rtx),
                    red: offered.iter().find(carries).map(|&(red, _)| red),
                });
            }
        }
        codecs
    }

    /// The payload types of an `m=` line, each once.
    fn named(&self, formats: &[String]) -> Vec<(u8, &Format<'a>)> {
        let mut left: Vec<Option<&Format<'a>>> = self.formats.iter().map(Some).collect();
        let payload_types = formats.iter().filter_map(|word| word.parse::<u8>().ok());
        payload_types
            .filter_map(|number| Some((number, left.get_mut(usize::from(number))?.take()?)))
            .collect()
    }
}

impl Format<'_> {
    /// What it is, if that is forwarded here.
    fn codec(&self, kind: SectionKind) -> Option<Codec> {
        let mut words = self.rtpmap?.split('/');
        let (name, clock_rate) = (words.next()?, words.next()?.parse::<u32>().ok()?);
        let codec = Codec::ALL
            .into_iter()
            .find(|codec| codec.encoding_name().eq_ignore_ascii_case(name))?;
        let fmtp = self.fmtp.unwrap_or_default();
        let usable = is_usable(codec, fmtp);
        let fits = Some(codec.kind()) == kind.media() && codec.clock_rate() == clock_rate;
        (fits && usable).then_some(codec)
    }

    /// Whether it carries frames of a payload type together with copies of earlier ones, all of that
    /// payload type (RFC 2198, section 5; the clock and channels are those of Opus).
    fn repeats(&self, payload_type: u8) -> bool {
        let mut words = self.rtpmap.unwrap_or_default().split('/');
        let name = words.next().unwrap_or_default();
        let clock_rate = words.next().and_then(|rate| rate.parse().ok());
        let mut blocks = self.fmtp.unwrap_or_default().split('/');
        name.eq_ignore_ascii_case("red")
            && clock_rate == Some(Codec::Opus.clock_rate())
            && blocks.all(|block| block.trim().parse() == Ok(payload_type))
    }

    /// Whether it carries the retransmissions of a payload type (RFC 4588, section 8.6).
    fn repairs(&self, payload_type: u8) -> bool {
        let name = self.rtpmap.and_then(|map| map.split('/').next());
        let apt = self.fmtp.and_then(|fmtp| parameter(fmtp, "apt"));
        name.is_some_and(|name| name.eq_ignore_ascii_case("rtx"))
            && apt.and_then(|apt| apt.parse().ok()) == Some(payload_type)
    }
}

/// Whether a codec in this form is forwarded.
fn is_usable(codec: Codec, fmtp: &str) -> bool {
    match codec {
        Codec::Opus | Codec::Vp8 | Codec::H265 => true,
        // The others have more colours than a camera gives, and few clients decode them.
        Codec::Vp9 => matches!(profile(codec, fmtp), "0" | "2"),
        Codec::Av1 => profile(codec, fmtp) == "0",
        // Mode 0 forbids to split a picture's slices over packets, which no camera stream fits.
        Codec::H264 => parameter(fmtp, "packetization-mode") == Some("1"),
    }
}
