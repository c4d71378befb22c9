//! Finds the peer a datagram belongs to: STUN requests by the ufrag they name, everything else by
//! the address that the peer sends from. Decides nothing about what the datagram says.

use crate::engine::PeerKey;
use crate::transport::stun_local_ufrag;
use std::collections::HashMap;
use std::net::SocketAddr;

/// First bytes of STUN, as told apart from DTLS, RTP and others (RFC 7983, section 7).
const STUN_FIRST_BYTE_MAX: u8 = 3;
/// The type of a binding success response, which names no ufrag (RFC 8489, section 18.1).
const BINDING_SUCCESS: [u8; 2] = [1, 1];

/// The two ways to a peer.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_address: HashMap<SocketAddr, PeerKey>,
    by_ufrag: HashMap<String, PeerKey>,
}

impl Demux {
    /// The peer a datagram is for.
    pub(crate) fn peer(&self, from: SocketAddr, datagram: &[u8]) -> Option<PeerKey> {
        if *datagram.first()? <= STUN_FIRST_BYTE_MAX && !datagram.starts_with(&BINDING_SUCCESS) {
            return self.by_ufrag.get(stun_local_ufrag(datagram)?).copied();
        }
        self.by_address.get(&from).copied()
    }

    /// Makes a peer known by the ufrag it was given.
    pub(crate) fn expect(&mut self, ufrag: &str, peer: PeerKey) {
        self.by_ufrag.insert(ufrag.to_owned(), peer);
    }

    /// Routes an address that the peer proved to be its own. The latest proof counts.
    pub(crate) fn learn(&mut self, address: SocketAddr, peer: PeerKey) {
        self.by_address.insert(address, peer);
    }

    /// Forgets one address of a peer, unless another peer has it by now.
    pub(crate) fn forget_address(&mut self, address: SocketAddr, peer: PeerKey) {
        if self.by_address.get(&address) == Some(&peer) {
            self.by_address.remove(&address);
        }
    }

    /// Forgets the ufrag.
    pub(crate) fn forget_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// Whether datagrams of this address belong here.
    pub(crate) fn knows(&self, address: SocketAddr) -> bool {
        self.by_address.contains_key(&address)
    }
}
