//! What the media plane tells the signaling side.

pub use crate::bandwidth::allocator::PauseReason;

use crate::command::DataChannel;
use crate::ids::{PeerId, RoomId, TrackId};
use crate::units::{Codec, Quality};
use bytes::Bytes;

/// One thing that happened in an engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer to an offer.
    Answer {
        /// Whose offer.
        peer: PeerId,
        /// The client's number of the offer.
        id: u32,
        /// The text of the answer.
        sdp: String,
        /// Which section carries which track to the client: (mid, track).
        tracks: Vec<(String, TrackId)>,
    },
    /// An offer that could not be answered. The peer stays as it was before.
    OfferRefused {
        /// Whose offer.
        peer: PeerId,
        /// The client's number of the offer.
        id: u32,
        /// What is wrong, and in which section, in plain words.
        reason: String,
    },
    /// The peer must offer again: with so many more sections to receive in, or, with two zeros,
    /// because sections it already offers will carry something new.
    SectionsNeeded {
        /// Who must offer.
        peer: PeerId,
        /// More sections for sound.
        audio: u32,
        /// More sections for pictures.
        video: u32,
    },
    /// ICE and DTLS are up: the peer can send and receive.
    Connected {
        /// Who.
        peer: PeerId,
    },
    /// The peer is gone. It has been removed; no command is needed.
    Lost {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: LostReason,
    },
    /// A published track has its media section: it can be announced to the others.
    TrackReady {
        /// Who publishes.
        peer: PeerId,
        /// The track.
        track: TrackId,
        /// The negotiated codec.
        codec: Codec,
        /// The section's identification (RFC 8843).
        mid: String,
    },
    /// A track has a section for another codec as well.
    BackupReady {
        /// Who publishes.
        peer: PeerId,
        /// The track.
        track: TrackId,
        /// The codec.
        codec: Codec,
        /// The section's identification (RFC 8843).
        mid: String,
    },
    /// A subscriber decodes none of the codecs that a track is or could be sent in. The
    /// subscription has been removed.
    Undecodable {
        /// Who should have received.
        peer: PeerId,
        /// The track.
        track: TrackId,
    },
    /// The publisher took the track's section away; the track has been removed.
    TrackEnded {
        /// Who published.
        peer: PeerId,
        /// The track.
        track: TrackId,
    },
    /// A subscription is paused, or goes on again.
    StreamState {
        /// Who receives.
        peer: PeerId,
        /// What they receive.
        track: TrackId,
        /// Why nothing of it is sent; `None` if something is again. What a subscriber paused itself
        /// is not told.
        paused: Option<PauseReason>,
    },
    /// What of a published track anybody wants has changed: the publisher may send more, or less.
    /// Until it is told the first time, a publisher sends all it has.
    LayersWanted {
        /// Who publishes.
        peer: PeerId,
        /// The track.
        track: TrackId,
        /// All codecs it is or could be published in, the one it is published in first.
        codecs: Vec<CodecWanted>,
    },
    /// A data channel is open, so that messages can be sent on it.
    DataOpen {
        /// Whose.
        peer: PeerId,
        /// Which.
        channel: DataChannel,
    },
    /// A message came in on a data channel.
    Data {
        /// From whom.
        peer: PeerId,
        /// On which channel.
        channel: DataChannel,
        /// The message.
        payload: Bytes,
    },
    /// Who speaks in a room, loudest first; sent about every 400 ms when anything changed.
    /// Whoever is not named does not speak.
    Speakers {
        /// The meeting.
        room: RoomId,
        /// Who, and how loud from 0.0 to 1.0.
        levels: Vec<(PeerId, f32)>,
    },
    /// How well a peer's media gets through; sent every 5 s when it changed.
    Quality {
        /// Whose.
        peer: PeerId,
        /// From bad to good.
        quality: ConnectionQuality,
    },
}

/// What is wanted of a track in one codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecWanted {
    /// The codec.
    pub codec: Codec,
    /// Up to which rank encodings should be sent; `None` for nothing at all.
    pub best: Option<Quality>,
}

impl Event {
    /// Whose it is; `None` for those of a whole room.
    pub const fn peer(&self) -> Option<PeerId> {
        match self {
            Self::Answer { peer, .. }
            | Self::OfferRefused { peer, .. }
            | Self::SectionsNeeded { peer, .. }
            | Self::Connected { peer }
            | Self::Lost { peer, .. }
            | Self::TrackReady { peer, .. }
            | Self::TrackEnded { peer, .. }
            | Self::BackupReady { peer, .. }
            | Self::Undecodable { peer, .. }
            | Self::StreamState { peer, .. }
            | Self::LayersWanted { peer, .. }
            | Self::DataOpen { peer, .. }
            | Self::Data { peer, .. }
            | Self::Quality { peer, .. } => Some(*peer),
            Self::Speakers { .. } => None,
        }
    }
}

/// Why a peer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LostReason {
    /// It never finished ICE and DTLS in the time given.
    NeverConnected,
    /// Nothing came from it for longer than it may be silent.
    Silent,
    /// DTLS failed: a wrong fingerprint, a broken handshake, or closed by the client.
    Dtls,
    /// Its engine failed and was started afresh: the client may join again at once.
    EngineFailed,
}

/// How well media gets through, as the user is shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionQuality {
    /// Hardly usable.
    Poor,
    /// Noticeably disturbed.
    Good,
    /// As it should be.
    Excellent,
}
