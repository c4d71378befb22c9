//! Knows where the kernel would send from by itself, so that it need not be told with each datagram:
//! telling it makes a single datagram a quarter dearer. Decides nothing else.

use foldhash::fast::RandomState;
use sfu_core::outbox::Path;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Paths that are remembered: more than one worker can serve. Beyond it all are asked for again.
const PATHS_MAX: usize = 16_384;

/// What the kernel chose for each path so far.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    chosen: HashMap<Path, bool, RandomState>,
}

impl Sources {
    /// Whether what goes to the path's remote address leaves from its local one anyway.
    pub(crate) fn is_chosen_anyway(&mut self, path: Path) -> bool {
        let Some(local) = path.local else {
            return true;
        };
        if self.chosen.len() >= PATHS_MAX {
            self.chosen.clear();
        }
        *self
            .chosen
            .entry(path)
            .or_insert_with(|| source_towards(path.remote) == Some(local))
    }

    /// Routes change: asks the kernel again from here on.
    pub(crate) fn forget(&mut self) {
        self.chosen.clear();
    }
}

/// Connecting a datagram socket sends nothing: it only asks for the route.
fn source_towards(remote: SocketAddr) -> Option<IpAddr> {
    let any = match remote {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(remote).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(local: Option<[u8; 4]>) -> Path {
        Path {
            local: local.map(IpAddr::from),
            remote: SocketAddr::from(([127, 0, 0, 1], 9)),
        }
    }

    #[test]
    fn the_kernel_answers_loopback_from_its_usual_address_alone() {
        let mut sources = Sources::default();
        assert!(sources.is_chosen_anyway(path(None)));
        assert!(sources.is_chosen_anyway(path(Some([127, 0, 0, 1]))));
        assert!(!sources.is_chosen_anyway(path(Some([127, 0, 0, 2]))));
    }

    #[test]
    fn routes_are_asked_for_again_once_they_were_forgotten() {
        let mut sources = Sources::default();
        sources.chosen.insert(path(Some([127, 0, 0, 1])), false);
        assert!(!sources.is_chosen_anyway(path(Some([127, 0, 0, 1]))));
        sources.forget();
        assert!(sources.is_chosen_anyway(path(Some([127, 0, 0, 1]))));
    }
}
