//! What an engine counts: datagrams, packets, and everything dropped by its reason.

use crate::relay::Workers;
use crate::transport::DropReason;
use crate::units::Bitrate;

/// Counters since the engine began, and the sizes of the moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams given to the engine.
    pub datagrams_received: u64,
    /// RTP packets that were authentic.
    pub packets_received: u64,
    /// RTP packets encrypted for subscribers.
    pub packets_forwarded: u64,
    /// RTP packets passed on to other workers, counted for each of them.
    pub packets_relayed: u64,
    /// RTP packets that other workers passed on.
    pub packets_relayed_in: u64,
    /// Lost packets asked of publishers, each request counted.
    pub packets_requested: u64,
    /// Packets of publishers that came as retransmissions.
    pub packets_repaired: u64,
    /// Packets of publishers of which a copy came within a later one.
    pub packets_restored: u64,
    /// Packets sent to subscribers again.
    pub packets_retransmitted: u64,
    /// Last packets of pictures sent to subscribers twice, because their lines lose packets.
    pub ends_repeated: u64,
    /// Packets of padding sent, to find out what lines carry.
    pub padding_sent: u64,
    /// What the narrowest line carries, of those that are known.
    pub lowest_estimate: Option<Bitrate>,
    /// Packets subscribers asked for that are not kept, or never were.
    pub retransmissions_unknown: u64,
    /// Packets subscribers asked for too soon, too often, or beyond their budget.
    pub retransmissions_limited: u64,
    /// Key frames asked of publishers.
    pub keyframe_requests: u64,
    /// Key frame requests that came from subscribers.
    pub keyframe_requests_received: u64,
    /// Subscriptions gone through to see what they want or wait for: the price of changes in large
    /// rooms.
    pub subscriptions_searched: u64,
    /// Messages that came on data channels.
    pub data_messages_received: u64,
    /// Messages for data channels that could not take them.
    pub data_messages_dropped: u64,
    /// Offers that could not be answered.
    pub offers_refused: u64,
    /// Peers whose ICE and DTLS came up.
    pub peers_connected: u64,
    /// Peers lost, for whatever reason.
    pub peers_lost: u64,
    /// Peers present.
    pub peers: u64,
    /// Tracks present.
    pub tracks: u64,
    /// Rooms present.
    pub rooms: u64,
    dropped_by_transport: Vec<(DropReason, u64)>,
    dropped: [u64; Drop::ALL.len()],
}

/// Why the engine itself dropped something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drop {
    /// A datagram of an address or ufrag that nobody has.
    UnknownSender,
    /// Decrypted bytes that are no RTP packet.
    MalformedRtp,
    /// Decrypted bytes that are no RTCP packet.
    MalformedRtcp,
    /// A packet that names no track that was negotiated.
    UnknownStream,
    /// A packet of another codec than negotiated, or one that cannot be read.
    UnusablePayload,
    /// A packet that came before, by itself or as a retransmission.
    Duplicate,
    /// A packet for other workers, of which this turn had too many already.
    RelayFull,
}

impl Drop {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::UnknownSender,
        Self::MalformedRtp,
        Self::MalformedRtcp,
        Self::UnknownStream,
        Self::UnusablePayload,
        Self::Duplicate,
        Self::RelayFull,
    ];

    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownSender => "unknown_sender",
            Self::MalformedRtp => "malformed_rtp",
            Self::MalformedRtcp => "malformed_rtcp",
            Self::UnknownStream => "unknown_stream",
            Self::UnusablePayload => "unusable_payload",
            Self::Duplicate => "duplicate",
            Self::RelayFull => "relay_full",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::UnknownSender => 0,
            Self::MalformedRtp => 1,
            Self::MalformedRtcp => 2,
            Self::UnknownStream => 3,
            Self::UnusablePayload => 4,
            Self::Duplicate => 5,
            Self::RelayFull => 6,
        }
    }
}

impl Stats {
    /// Everything dropped, by the label of its reason.
    pub fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let own = Drop::ALL
            .iter()
            .map(|reason| (reason.as_str(), self.dropped[reason.index()]));
        own.chain(
            self.dropped_by_transport
                .iter()
                .map(|(reason, count)| (reason.as_str(), *count)),
        )
    }

    /// A packet was passed on to these workers, or there was no room for it.
    pub(crate) fn relayed(&mut self, passed: bool, to: Workers) {
        if passed {
            self.packets_relayed += u64::from(to.len());
        } else {
            self.drop_because(Drop::RelayFull);
        }
    }

    pub(crate) fn drop_because(&mut self, reason: Drop) {
        self.dropped[reason.index()] += 1;
    }

    pub(crate) fn transport_dropped(&mut self, reason: DropReason) {
        match self
            .dropped_by_transport
            .iter_mut()
            .find(|(known, _)| *known == reason)
        {
            Some((_, count)) => *count += 1,
            // At most one entry per reason, so this allocates a handful of times in all.
            None => self.dropped_by_transport.push((reason, 1)),
        }
    }
}
