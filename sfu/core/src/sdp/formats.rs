//! What an answer says of each payload type: parameters and feedback, alike in all its sections.

use super::answer::AnswerSection;
use super::offer::{OfferedCodec, Section, SectionKind};
use crate::units::Codec;

/// Feedback that is answered for video.
const VIDEO_FEEDBACK: [&str; 5] = ["transport-cc", "goog-remb", "ccm fir", "nack", "nack pli"];
/// Feedback that is answered for sound. Browsers do not ask for lost sound by themselves; a client
/// that writes `nack` into its offer does, and a packet of sound costs little to send again.
const AUDIO_FEEDBACK: [&str; 2] = ["transport-cc", "nack"];

/// What is said of each payload type, alike in all sections of an answer: libwebrtc takes two
/// versions for a collision in the BUNDLE group.
pub(super) struct Formats<'a> {
    by_payload_type: Vec<Option<Format<'a>>>,
    opus: String,
}

struct Format<'a> {
    fmtp: &'a str,
    feedback: Vec<&'static str>,
    from_sender: bool,
}

impl<'a> Formats<'a> {
    pub(super) fn of(pairs: &[(&'a Section, &AnswerSection)]) -> Self {
        let mut formats = Self {
            by_payload_type: Vec::new(),
            opus: opus_fmtp(pairs),
        };
        formats.by_payload_type.resize_with(256, || None);
        for (section, answer) in pairs {
            if !matches!(answer, AnswerSection::Rejected) {
                formats.add(section);
            }
        }
        formats
    }

    /// What to say of a codec, which stands in a section these are made of.
    pub(super) fn of_codec(&self, offered: &OfferedCodec) -> (&str, &[&'static str]) {
        let format = self.by_payload_type[usize::from(offered.payload_type)]
            .as_ref()
            .expect("every section that is not rejected was added");
        let fmtp = match offered.codec {
            Codec::Opus => &self.opus,
            Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::H265 | Codec::Av1 => format.fmtp,
        };
        (fmtp, &format.feedback)
    }

    /// Of different parameters those count that the client names where it sends: it writes its
    /// start bitrate there, and libwebrtc reads that from the answer. Feedback must be offered in
    /// every section to be answered in any.
    fn add(&mut self, section: &'a Section) {
        let answered: &[&'static str] = match section.kind {
            SectionKind::Audio => &AUDIO_FEEDBACK,
            SectionKind::Video => &VIDEO_FEEDBACK,
            SectionKind::Application => &[],
        };
        let from_sender = section.direction.sends();
        for offered in &section.codecs {
            let has = |kind: &&str| offered.feedback.iter().any(|offered| offered == kind);
            let format = &mut self.by_payload_type[usize::from(offered.payload_type)];
            if let Some(known) = format {
                known.feedback.retain(has);
                if from_sender && !known.from_sender {
                    known.fmtp = &offered.fmtp;
                    known.from_sender = true;
                }
            } else {
                *format = Some(Format {
                    fmtp: &offered.fmtp,
                    feedback: answered.iter().copied().filter(has).collect(),
                    from_sender,
                });
            }
        }
    }
}

/// The parameters of Opus in this answer (RFC 7587, section 6.1). They tell the client how to send
/// and do not limit what it is sent. One track in stereo makes all of them stereo, which costs a
/// little rate at most; a track that must not stop in silence keeps all from stopping.
fn opus_fmtp(pairs: &[(&Section, &AnswerSection)]) -> String {
    let received = || {
        pairs.iter().filter_map(|(section, answer)| {
            let AnswerSection::Receive(receiving) = answer else {
                return None;
            };
            (section.kind == SectionKind::Audio).then_some(receiving)
        })
    };
    let sends_stereo = pairs.iter().any(|(section, answer)| {
        matches!(answer, AnswerSection::Send(sending) if sending.stereo)
            && section.kind == SectionKind::Audio
    });
    let mut fmtp = "minptime=10;useinbandfec=1".to_owned();
    if received().any(|receiving| receiving.stereo) {
        // The most that Opus has (RFC 7587, section 6.1): clients ask for less track by track.
        fmtp.push_str(";stereo=1;maxaveragebitrate=510000");
    }
    if sends_stereo {
        fmtp.push_str(";sprop-stereo=1");
    }
    if received().next().is_some() && received().all(|receiving| receiving.dtx) {
        fmtp.push_str(";usedtx=1");
    }
    fmtp
}
