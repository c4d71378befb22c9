//! One participant's transport with all that goes up and down on it.

use crate::demux::Demux;
use crate::downlink::line::Line;
use crate::downlink::repair::RepairLimits;
use crate::engine::{PeerKey, TrackKey};
use crate::ids::{PeerId, RoomId};
use crate::negotiation::Negotiation;
use crate::quality::QualityWindow;
use crate::transport::Transport;
use crate::units::Bitrate;
use crate::uplink::Uplink;
use crate::uplink::audience::Ear;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

/// Addresses of one peer that are routed; the oldest is forgotten. A phone with two networks and
/// both IP versions has four; a NAT may add some.
const ADDRESSES_MAX: usize = 16;
/// The ufrag in use and the one before it: checks of the old session keep its path alive until the
/// new one is up (RFC 8445, section 9).
const UFRAGS_MAX: usize = 2;

/// One peer.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) room: RoomId,
    pub(crate) transport: Transport,
    pub(crate) uplink: Uplink,
    /// Which of its subscriptions has which SSRC, of media or of retransmissions, for the feedback
    /// it sends.
    pub(crate) downlink: HashMap<u32, TrackKey>,
    /// `None` until it gets something that it tells the arrival of.
    pub(crate) line: Option<Box<Line>>,
    pub(crate) repair_limits: RepairLimits,
    pub(crate) negotiation: Negotiation,
    /// Where it listens and speaks: in a group of neighbours, or alone.
    pub(crate) ear: Ear,
    pub(crate) added_at: Instant,
    /// Whether `Connected` was told.
    pub(crate) connected: bool,
    pub(crate) quality: QualityWindow,
    addresses: Vec<SocketAddr>,
    ufrags: Vec<String>,
}

impl Peer {
    pub(crate) fn new(now: Instant, id: PeerId, room: RoomId, transport: Transport) -> Self {
        Self {
            id,
            room,
            transport,
            uplink: Uplink::default(),
            downlink: HashMap::new(),
            line: None,
            repair_limits: RepairLimits::new(),
            negotiation: Negotiation::default(),
            ear: Ear::default(),
            added_at: now,
            connected: false,
            quality: QualityWindow::default(),
            addresses: Vec::new(),
            ufrags: Vec::new(),
        }
    }

    /// What its line carries, if that is known.
    pub(crate) fn estimate(&self) -> Option<Bitrate> {
        let line = self.line.as_ref().filter(|line| line.bandwidth.is_known());
        line.map(|line| line.bandwidth.estimator().estimate())
    }

    /// Routes checks that name the transport's present ufrag to this peer.
    pub(crate) fn learn_ufrag(&mut self, key: PeerKey, demux: &mut Demux) {
        let ufrag = self.transport.local().ufrag.clone();
        demux.expect(&ufrag, key);
        if self.ufrags.len() == UFRAGS_MAX {
            demux.forget_ufrag(&self.ufrags.remove(0));
        }
        self.ufrags.push(ufrag);
    }

    /// Routes an address that ICE validated to this peer.
    pub(crate) fn learn_address(&mut self, key: PeerKey, address: SocketAddr, demux: &mut Demux) {
        demux.learn(address, key);
        if self.addresses.contains(&address) {
            return;
        }
        if self.addresses.len() == ADDRESSES_MAX {
            demux.forget_address(self.addresses.remove(0), key);
        }
        self.addresses.push(address);
    }

    /// Ends the routing of everything that was this peer's.
    pub(crate) fn forget_addresses(&self, key: PeerKey, demux: &mut Demux) {
        for ufrag in &self.ufrags {
            demux.forget_ufrag(ufrag);
        }
        for &address in &self.addresses {
            demux.forget_address(address, key);
        }
    }
}
