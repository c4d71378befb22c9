//! What a peer sends: which stream is which encoding of which track, and the feedback it gets.

pub(crate) mod audience;
pub(crate) mod audio_level;
pub(crate) mod demand;
pub(crate) mod encoding;
pub(crate) mod encoding_rate;
pub(crate) mod keyframe_requester;
pub(crate) mod keyframe_requests;
pub(crate) mod layers;
pub(crate) mod loudness;
pub(crate) mod nack_generator;
pub(crate) mod opening;
pub(crate) mod receive_statistics;
pub(crate) mod redundancy;
pub(crate) mod rungs;
pub(crate) mod spread;
pub(crate) mod track;
pub(crate) mod twcc_feedback;
pub(crate) mod understanding;
pub(crate) mod waking;

use crate::engine::{TrackKey, Tracks};
use crate::rtp::{Packet, Ssrc, extension};
use crate::sdp::{Extension, OfferedCodec, Section};
use crate::units::Codec;
use std::collections::HashMap;
use std::time::Instant;
use track::TrackSection;
use twcc_feedback::TwccFeedback;

/// Streams one peer may have at a time: twenty tracks of three encodings with their retransmissions.
/// More are not taken.
const STREAMS_MAX: usize = 128;

/// The streams of one peer.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    streams: HashMap<Ssrc, Stream>,
    sections: Vec<(String, TrackKey)>,
    declared_repairs: Vec<DeclaredRepair>,
    ids: ExtensionIds,
    pub(crate) twcc: TwccFeedback,
}

/// Where a stream belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) track: TrackKey,
    pub(crate) encoding: usize,
    /// Whether it carries the encoding's retransmissions (RFC 4588) and not the encoding itself.
    pub(crate) repairs: bool,
}

/// Two streams of which an offer says that one repairs the other (RFC 5576, section 4.2).
#[derive(Debug, Clone, Copy)]
struct DeclaredRepair {
    track: TrackKey,
    media: Ssrc,
    rtx: Ssrc,
}

/// The numbers under which the client sends header extensions; the same in all bundled sections
/// (RFC 8843, section 9.1).
#[derive(Debug, Default)]
struct ExtensionIds {
    mid: Option<u8>,
    rid: Option<u8>,
    repaired_rid: Option<u8>,
    transport_cc: Option<u8>,
}

/// A media section in which the client sends, as far as forwarding needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SendingSection {
    pub(crate) section: TrackSection,
    /// What the client can send in it, as long as the answer has not chosen.
    codecs: Vec<OfferedCodec>,
    pub(crate) rids: Vec<String>,
    pub(crate) ssrcs: Vec<u32>,
    /// Which SSRC is repaired by which.
    pub(crate) repairs: Vec<(u32, u32)>,
}

impl SendingSection {
    /// Takes the first codec until another is chosen.
    pub(crate) fn of(section: &Section) -> Option<Self> {
        let codec = section.codecs.first()?;
        let id_of = |wanted: Extension| {
            section
                .extensions
                .iter()
                .find(|(_, known)| *known == wanted)
                .map(|(id, _)| *id)
        };
        Some(Self {
            section: TrackSection {
                mid: section.mid.clone(),
                codec: codec.codec,
                payload_type: codec.payload_type,
                fmtp: codec.fmtp.clone(),
                fir: codec.takes_fir_alone(),
                nack: codec.takes_nack(),
                rtx: codec.rtx,
                red: codec.red,
                audio_level_id: id_of(Extension::AudioLevel),
                dependency_id: id_of(Extension::DependencyDescriptor),
            },
            rids: section
                .encodings
                .iter()
                .map(|encoding| encoding.rid.clone())
                .collect(),
            ssrcs: section.ssrcs.clone(),
            repairs: section.repairs.clone(),
            codecs: section.codecs.clone(),
        })
    }

    /// Takes another codec, if the client can send it: the answer puts it first, and the client will
    /// therefore send it.
    pub(crate) fn choose(&mut self, codec: Codec) {
        let chosen = self.codecs.iter().find(|offered| offered.codec == codec);
        if let Some(chosen) = chosen {
            self.section = TrackSection {
                codec: chosen.codec,
                payload_type: chosen.payload_type,
                fmtp: chosen.fmtp.clone(),
                fir: chosen.takes_fir_alone(),
                nack: chosen.takes_nack(),
                rtx: chosen.rtx,
                ..self.section.clone()
            };
        }
    }

    /// The answer left the order as it was: the client will send the first.
    pub(crate) fn settle(&mut self) {
        self.codecs.clear();
    }
}

impl Uplink {
    /// Learns the numbers of the header extensions.
    pub(crate) fn learn_extensions(&mut self, extensions: &[(u8, Extension)]) {
        for &(id, extension) in extensions {
            match extension {
                Extension::Mid => self.ids.mid = Some(id),
                Extension::RtpStreamId => self.ids.rid = Some(id),
                Extension::TransportCc => self.ids.transport_cc = Some(id),
                Extension::RepairedRtpStreamId => self.ids.repaired_rid = Some(id),
                Extension::AudioLevel
                | Extension::AbsSendTime
                | Extension::DependencyDescriptor => {}
            }
        }
    }

    /// Ties a section to a track. Declared SSRCs count only without RIDs, because with them the
    /// order of the declaration says nothing.
    pub(crate) fn bind(&mut self, key: TrackKey, sending: &SendingSection, tracks: &mut Tracks) {
        self.unbind(key);
        self.sections.push((sending.section.mid.clone(), key));
        let repairs = sending.repairs.iter().map(|&(media, rtx)| DeclaredRepair {
            track: key,
            media: Ssrc(media),
            rtx: Ssrc(rtx),
        });
        self.declared_repairs.extend(repairs);
        if let (true, Some(&ssrc)) = (sending.rids.is_empty(), sending.ssrcs.first()) {
            self.bind_stream(
                Ssrc(ssrc),
                Stream {
                    track: key,
                    encoding: 0,
                    repairs: false,
                },
                tracks,
            );
        }
    }

    /// Forgets a track.
    pub(crate) fn unbind(&mut self, key: TrackKey) {
        self.sections.retain(|(_, track)| *track != key);
        self.declared_repairs.retain(|repair| repair.track != key);
        self.streams.retain(|_, stream| stream.track != key);
    }

    /// Accounts a packet for congestion feedback and finds its stream. The first packets of a
    /// stream name it by MID and RID, those of a retransmission stream by MID and repaired RID
    /// (RFC 8843, RFC 8852); later ones by SSRC alone.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        tracks: &mut Tracks,
    ) -> Option<Stream> {
        let data = self
            .ids
            .transport_cc
            .and_then(|id| packet.extensions.find(id));
        if let Some(sequence) = data.and_then(extension::transport_sequence) {
            self.twcc.record(now, sequence, packet.ssrc);
        }
        if let Some(stream) = self.streams.get(&packet.ssrc) {
            return Some(*stream);
        }
        let stream = self
            .declared_repair(packet.ssrc)
            .or_else(|| self.named_by(packet, tracks))?;
        self.bind_stream(packet.ssrc, stream, tracks)
            .then_some(stream)
    }

    /// The tracks this peer sends.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = TrackKey> + '_ {
        self.sections.iter().map(|(_, track)| *track)
    }

    /// The stream of an SSRC that was seen before.
    pub(crate) fn stream(&self, ssrc: Ssrc) -> Option<Stream> {
        self.streams.get(&ssrc).copied()
    }

    fn named_by(&self, packet: &Packet<'_>, tracks: &Tracks) -> Option<Stream> {
        let data = |id: Option<u8>| id.and_then(|id| packet.extensions.find(id));
        let mid = data(self.ids.mid).and_then(extension::mid)?;
        let (_, key) = self.sections.iter().find(|(known, _)| known == mid)?;
        let track = tracks.get(*key)?;
        let repairs = track.section.as_ref()?.rtx == Some(packet.payload_type);
        let rid = data(if repairs {
            self.ids.repaired_rid
        } else {
            self.ids.rid
        });
        Some(Stream {
            track: *key,
            encoding: track.encoding_of(rid.and_then(extension::rid))?,
            repairs,
        })
    }

    /// The stream of a declared SSRC whose other half was seen.
    fn declared_repair(&self, ssrc: Ssrc) -> Option<Stream> {
        let declared = self
            .declared_repairs
            .iter()
            .find(|repair| repair.rtx == ssrc)?;
        let repaired = self.streams.get(&declared.media)?;
        (declared.track == repaired.track && !repaired.repairs).then_some(Stream {
            repairs: true,
            ..*repaired
        })
    }

    fn bind_stream(&mut self, ssrc: Ssrc, stream: Stream, tracks: &mut Tracks) -> bool {
        let Some(track) = tracks.get_mut(stream.track) else {
            return false;
        };
        let Some(encoding) = track.encodings.get_mut(stream.encoding) else {
            return false;
        };
        if self.streams.len() >= STREAMS_MAX {
            return false;
        }
        if stream.repairs {
            if let Some(old) = encoding.rtx_ssrc.replace(ssrc) {
                self.streams.remove(&old);
            }
        } else {
            for old in [encoding.ssrc, encoding.rtx_ssrc].into_iter().flatten() {
                self.streams.remove(&old);
            }
            track.begin_stream(stream.encoding, ssrc);
        }
        self.streams.insert(ssrc, stream);
        true
    }
}
