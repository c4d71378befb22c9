//! What the signaling side asks of the media plane.
//!
//! A command never fails back to its sender: what comes of it is told by an [`Event`](crate::Event).
//! A command that names an unknown peer or track is dropped, because the thing may just have left.

pub use crate::bandwidth::allocator::Purpose;

use crate::ids::{PeerId, RoomId, TrackId};
use crate::units::{Bitrate, Codec, MediaKind, Quality, Size};
use bytes::Bytes;

/// One request to an engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Prepares a transport for a participant who is about to offer. An engine makes the room when
    /// its first peer comes and drops it with its last.
    AddPeer {
        /// The meeting.
        room: RoomId,
        /// The new transport.
        peer: PeerId,
    },
    /// Says that peers of a room are on other workers as well, whose tracks can be subscribed to from
    /// here on. To be said after the first peer came, on each of these workers, and to a worker again
    /// after each peer that is added there. It does nothing where the room has no peer.
    Spread {
        /// The meeting.
        room: RoomId,
        /// All workers that it is on; the receiver may be among them.
        workers: Vec<u8>,
    },
    /// Takes a peer away, with all it publishes and subscribes to.
    RemovePeer {
        /// Who leaves.
        peer: PeerId,
    },
    /// A session description of the client, who always is the offerer (RFC 8829).
    /// Answered by [`Event::Answer`](crate::Event::Answer) or
    /// [`Event::OfferRefused`](crate::Event::OfferRefused), always exactly one of them.
    Offer {
        /// Who offers.
        peer: PeerId,
        /// The client's number of this offer, echoed in the answer.
        id: u32,
        /// The text of the offer.
        sdp: String,
    },
    /// Announces a track before the media section that carries it is offered.
    Publish {
        /// Who publishes.
        peer: PeerId,
        /// The new track.
        track: TrackId,
        /// What it will be.
        spec: TrackSpec,
    },
    /// Announces that a track is sent in another codec as well, one of its
    /// [`backups`](TrackSpec::backups), in a section of its own.
    PublishBackup {
        /// Who publishes.
        peer: PeerId,
        /// The track.
        track: TrackId,
        /// The codec.
        codec: Codec,
        /// As in [`TrackSpec::client_ids`].
        client_ids: Vec<String>,
        /// As in [`TrackSpec::layers`].
        layers: Vec<LayerSpec>,
    },
    /// Ends a track for everyone.
    Unpublish {
        /// The track.
        track: TrackId,
    },
    /// The publisher muted or unmuted: nothing is forwarded while muted.
    MuteTrack {
        /// The track.
        track: TrackId,
        /// Whether it is silent from here on.
        muted: bool,
    },
    /// What a track's pictures are for changed.
    Dedicate {
        /// The track.
        track: TrackId,
        /// What it is for from here on.
        purpose: Purpose,
    },
    /// Starts to forward a track to a peer, in a free media section of the peer's next offer.
    Subscribe {
        /// Who receives.
        peer: PeerId,
        /// What they receive.
        track: TrackId,
        /// The media stream the client files it under: first word of `a=msid` (RFC 8830).
        stream: String,
    },
    /// Stops to forward a track to a peer and frees its media section.
    Unsubscribe {
        /// Who received.
        peer: PeerId,
        /// What they received.
        track: TrackId,
    },
    /// What a peer wants of a track it is subscribed to, in place of what it wanted before.
    Prefer {
        /// Who receives.
        peer: PeerId,
        /// Of which track.
        track: TrackId,
        /// How much of it.
        preference: Preference,
    },
    /// Says with whom a participant sits in one physical room. Neighbours get no sound of each
    /// other, because they hear each other there, and their loudspeakers would howl.
    Seat {
        /// Who.
        peer: PeerId,
        /// Their group; `None` for nobody.
        group: Option<Neighbours>,
    },
    /// Sends one message on a data channel.
    SendData {
        /// To whom.
        peer: PeerId,
        /// On which channel.
        channel: DataChannel,
        /// The message, at most 64,000 bytes.
        payload: Bytes,
    },
}

impl Command {
    /// The peer it names; `None` for those that name a track or a room alone.
    pub const fn peer(&self) -> Option<PeerId> {
        match self {
            Self::AddPeer { peer, .. }
            | Self::RemovePeer { peer }
            | Self::Offer { peer, .. }
            | Self::Publish { peer, .. }
            | Self::PublishBackup { peer, .. }
            | Self::Subscribe { peer, .. }
            | Self::Unsubscribe { peer, .. }
            | Self::Prefer { peer, .. }
            | Self::Seat { peer, .. }
            | Self::SendData { peer, .. } => Some(*peer),
            Self::Spread { .. }
            | Self::Unpublish { .. }
            | Self::MuteTrack { .. }
            | Self::Dedicate { .. } => None,
        }
    }
}

/// What a publisher says about a track before sending it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a wish of its own, as clients write them"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackSpec {
    /// Sound or pictures.
    pub kind: MediaKind,
    /// What it is for, which says what it may lose on a weak line.
    pub purpose: Purpose,
    /// The client's names of the track, any of which may stand in `a=msid` of its section.
    pub client_ids: Vec<String>,
    /// The codec it shall be sent in, if its section has it; else the first of the section.
    pub codec: Option<Codec>,
    /// The encodings, smallest first; empty for sound and for video of unknown layers.
    pub layers: Vec<LayerSpec>,
    /// Codecs it could be sent in besides the one it is sent in, best first, for those who cannot
    /// decode that.
    pub backups: Vec<Codec>,
    /// Whether it starts muted: then it may never send a packet, and is announced all the same.
    pub muted: bool,
    /// Two channels of sound.
    pub stereo: bool,
    /// Whether the sender may stop sending in silence.
    pub dtx: bool,
    /// Whether each packet of sound may carry copies of earlier frames (RFC 2198), to and from clients
    /// that can. Never if the payload is encrypted end to end.
    pub redundancy: bool,
    /// Whether it is somebody's voice, and not the sound of a shared screen: voices tell who speaks,
    /// and of many only the loudest are forwarded.
    pub voice: bool,
}

/// A group of participants who sit in one physical room. Its number means nothing but in its
/// meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Neighbours(u8);

impl Neighbours {
    /// Groups in one meeting: what fits into a word together with those who sit alone. A meeting of
    /// hundreds comes together from a few chambers.
    pub const MAX: u8 = 63;

    /// The group with that number, from 1 to [`Neighbours::MAX`].
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= Self::MAX {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// One encoding as the publisher announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSpec {
    /// Its rank.
    pub quality: Quality,
    /// Its picture.
    pub size: Size,
    /// Its rate at most; zero if the client does not say.
    pub bitrate: Bitrate,
}

/// How much of a track a subscriber wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preference {
    /// False while nothing of it is shown: nothing is forwarded then.
    pub enabled: bool,
    /// The best it can use.
    pub wanted: Wanted,
    /// More frames a second are of no use to it; `None` for any number.
    pub frames_max: Option<u8>,
    /// Whose turn it is among its pictures, as it says itself: 1 comes first. `None` leaves that to
    /// the engine.
    pub rank: Option<u32>,
}

impl Preference {
    /// Something that is shown, and about which nothing else is said.
    pub const fn shown(wanted: Wanted) -> Self {
        Self {
            enabled: true,
            wanted,
            frames_max: None,
            rank: None,
        }
    }
}

/// The best encoding a subscriber can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Up to this rank.
    Quality(Quality),
    /// The smallest encoding that fills this size.
    Size(Size),
}

/// The two channels that carry data packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataChannel {
    /// Ordered and repeated until it arrives; label `_reliable`.
    Reliable,
    /// Unordered and never repeated; label `_lossy`.
    Lossy,
}
