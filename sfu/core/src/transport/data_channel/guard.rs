//! Bounds what an authenticated but hostile client can make SCTP remember. Reads just enough of
//! the packets to count; the protocol is the engine's.

/// libwebrtc sends 1,191 bytes and usrsctp about as many.
const PACKET_LEN_MAX: usize = 1500;
/// Pieces received and not yet read as messages. The receive buffer counts bytes of content, but a
/// piece of one byte costs a hundred times that. A loss on a long path leaves a few hundred waiting.
const WAITING_MAX: usize = 2048;
/// Requests to reset streams: a client sends one for each channel it closes, and repeats it.
const RESETS_MAX: usize = 256;

const HEADER_LEN: usize = 12;
const DATA_HEADER_LEN: usize = 16;
const DATA: u8 = 0;
const INIT: u8 = 1;
const SACK: u8 = 3;
const RECONFIG: u8 = 130;

/// What one association has taken in.
#[derive(Debug, Default)]
pub(super) struct Guard {
    pub(super) waiting: usize,
    resets: usize,
}

impl Guard {
    /// Whether a packet may go on to the engine. Counts it if so.
    pub(super) fn admits(&mut self, packet: &[u8], is_established: bool) -> bool {
        if packet.len() > PACKET_LEN_MAX {
            return false;
        }
        let mut pieces = 0;
        let mut resets = 0;
        for chunk in chunks(packet) {
            match chunk[0] {
                // Without content it would cost memory but no window (RFC 9260, section 6.2).
                DATA if chunk.len() <= DATA_HEADER_LEN => return false,
                DATA => pieces += 1,
                // A repeated INIT that comes late: it would end the association.
                INIT if is_established => return false,
                RECONFIG => resets += 1,
                _ => {}
            }
        }
        self.waiting += pieces;
        self.resets += resets;
        true
    }

    /// Whether the client has sent what no honest one does.
    pub(super) fn is_exhausted(&self) -> bool {
        self.waiting > WAITING_MAX || self.resets > RESETS_MAX
    }

    /// A message of so many pieces was read.
    pub(super) fn delivered(&mut self, pieces: usize) {
        self.waiting = self.waiting.saturating_sub(pieces);
    }

    /// Looks at what we send: a report of the whole window as free says that nothing waits. That
    /// takes back the repetitions that were counted twice and the pieces the client gave up.
    pub(super) fn sent(&mut self, packet: &[u8], whole_window: u32) {
        let is_idle = chunks(packet)
            .filter(|chunk| chunk[0] == SACK)
            .any(|sack| sack.get(8..12) == Some(&whole_window.to_be_bytes()));
        if is_idle {
            self.waiting = 0;
        }
    }
}

/// The chunks of a packet, each with its header, as far as their lengths are right.
fn chunks(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = packet.get(HEADER_LEN..).unwrap_or_default();
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let chunk = rest.get(..len).filter(|chunk| chunk.len() >= 4)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_of_pieces_without_content_is_refused() {
        let mut guard = Guard::default();
        assert!(!guard.admits(&packet(&[data(0)]), true));
        assert!(guard.admits(&packet(&[data(1)]), true));
    }

    #[test]
    fn a_late_init_is_refused_only_once_the_association_stands() {
        let mut guard = Guard::default();
        let init = packet(&[vec![
            INIT, 0, 0, 20, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 7,
        ]]);
        assert!(guard.admits(&init, false));
        assert!(!guard.admits(&init, true));
    }

    #[test]
    fn pieces_that_are_never_read_exhaust_it_and_read_ones_do_not() {
        let mut hostile = Guard::default();
        let mut honest = Guard::default();
        for _ in 0..=WAITING_MAX {
            hostile.admits(&packet(&[data(1)]), true);
            honest.admits(&packet(&[data(1)]), true);
            honest.delivered(1);
        }
        assert!(hostile.is_exhausted());
        assert!(!honest.is_exhausted());
    }

    #[test]
    fn reporting_the_whole_window_as_free_forgets_repetitions() {
        let mut guard = Guard::default();
        for _ in 0..=WAITING_MAX {
            guard.admits(&packet(&[data(1)]), true);
        }
        let sack = |window: [u8; 4]| {
            let mut chunk = vec![SACK, 0, 0, 16, 0, 0, 0, 1];
            chunk.extend(window);
            chunk.extend([0; 4]);
            packet(&[chunk])
        };
        guard.sent(&sack([0, 0, 0, 1]), 512);
        assert!(guard.is_exhausted());
        guard.sent(&sack([0, 0, 2, 0]), 512);
        assert!(!guard.is_exhausted());
    }

    fn packet(chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut packet = vec![0; HEADER_LEN];
        for chunk in chunks {
            packet.extend(chunk);
            packet.resize(packet.len().next_multiple_of(4), 0);
        }
        packet
    }

    fn data(content: u8) -> Vec<u8> {
        let mut chunk = vec![DATA, 3, 0, 16 + content];
        chunk.resize(usize::from(16 + content), 0);
        chunk
    }
}
