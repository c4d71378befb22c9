//! Sends a turn's runs, each in one call if the kernel can take it apart itself (UDP GSO).
//! A destination that fails loses its own datagrams and nobody else's. Knows nothing of what is in
//! a datagram.

use crate::metrics::Sent;
use crate::socket::Socket;
use crate::sources::Sources;
use quinn_udp::{Transmit, UdpSockRef};
use sfu_core::outbox::{Path, Run};
use std::io::{self, ErrorKind};
use tracing::warn;

/// So often in one turn a full socket is tried again before datagrams are dropped: long enough for
/// the kernel to send some, short enough not to delay everybody else.
const RETRIES_PER_TURN: u32 = 32;
/// A run can be refused for its destination alone, whose path takes smaller datagrams. So many
/// refusals without one success are the kernel's or the network card's.
const REFUSALS_MAX: u32 = 16;

/// Sends runs over a worker's sockets.
#[derive(Debug)]
pub(crate) struct Sender {
    segmentation: Segmentation,
    sources: Sources,
}

/// Whether the kernel takes whole runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segmentation {
    /// It is tried; so many runs on end were refused whose datagrams could then be sent.
    Used { refusals: u32 },
    /// It is not available.
    Off,
}

impl Sender {
    pub(crate) fn new(sockets: &[Socket]) -> Self {
        let is_known = sockets
            .iter()
            .all(|socket| socket.state.max_gso_segments() > 1);
        let segmentation = if is_known {
            Segmentation::Used { refusals: 0 }
        } else {
            warn_that_it_is_off();
            Segmentation::Off
        };
        Self {
            segmentation,
            sources: Sources::default(),
        }
    }

    /// Routes may have changed since the last time.
    pub(crate) fn forget_routes(&mut self) {
        self.sources.forget();
    }

    /// Sends all runs of a turn, and counts what became of them.
    pub(crate) fn send(&mut self, sockets: &[Socket], runs: &[Run], sent: &mut Sent) {
        let mut retries_left = RETRIES_PER_TURN;
        for run in runs {
            let Some(socket) = socket_for(sockets, run.path) else {
                sent.unreachable += count(run);
                continue;
            };
            let is_plain = run.path.local == Some(socket.bound().ip())
                || self.sources.is_chosen_anyway(run.path);
            self.send_run(run, sent, |contents, segment_size| {
                retry_if_full(&mut retries_left, || {
                    if is_plain && segment_size.is_none() {
                        // Without control messages, which make a single datagram a quarter dearer.
                        let sent = socket.io.send_to(contents, run.path.remote);
                        return sent.map(drop);
                    }
                    let transmit = Transmit {
                        destination: run.path.remote,
                        ecn: None,
                        contents,
                        segment_size,
                        src_ip: run.path.local,
                    };
                    let reference = UdpSockRef::from(&socket.io);
                    socket
                        .io
                        .try_io(|| socket.state.try_send(reference, &transmit))
                })
            });
        }
    }

    fn send_run(
        &mut self,
        run: &Run,
        sent: &mut Sent,
        mut transmit: impl FnMut(&[u8], Option<usize>) -> io::Result<()>,
    ) {
        let datagrams = count(run);
        let refusals = match self.segmentation {
            Segmentation::Used { refusals } if datagrams > 1 => refusals,
            Segmentation::Used { .. } | Segmentation::Off => {
                send_one_by_one(run, sent, transmit);
                return;
            }
        };
        match transmit(run.bytes(), Some(run.segment_len)) {
            Ok(()) => {
                self.segmentation = Segmentation::Used { refusals: 0 };
                sent.count_run(datagrams, run.bytes().len());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => sent.buffer_full += datagrams,
            Err(_) => {
                if send_one_by_one(run, sent, transmit) {
                    self.count_refusal(refusals + 1);
                }
            }
        }
    }

    fn count_refusal(&mut self, refusals: u32) {
        self.segmentation = if refusals < REFUSALS_MAX {
            Segmentation::Used { refusals }
        } else {
            warn_that_it_is_off();
            Segmentation::Off
        };
    }
}

fn warn_that_it_is_off() {
    warn!("this machine cannot send several datagrams in one call (UDP GSO): media costs more CPU");
}

/// The first socket of the path's kind that can send from its local address.
fn socket_for(sockets: &[Socket], path: Path) -> Option<&Socket> {
    sockets.iter().find(|socket| {
        let ip = socket.bound().ip();
        ip.is_ipv4() == path.remote.is_ipv4()
            && path
                .local
                .is_none_or(|local| ip.is_unspecified() || ip == local)
    })
}

/// Sends the datagrams of a run until one fails; true if none did.
fn send_one_by_one(
    run: &Run,
    sent: &mut Sent,
    mut transmit: impl FnMut(&[u8], Option<usize>) -> io::Result<()>,
) -> bool {
    let mut left = count(run);
    for datagram in run.datagrams() {
        if let Err(error) = transmit(datagram, None) {
            if error.kind() == ErrorKind::WouldBlock {
                sent.buffer_full += left;
            } else {
                sent.unreachable += left;
            }
            return false;
        }
        left -= 1;
        sent.count_run(1, datagram.len());
    }
    true
}

fn retry_if_full(left: &mut u32, mut send: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match send() {
            Err(error) if error.kind() == ErrorKind::WouldBlock && *left > 0 => {
                *left -= 1;
                std::thread::yield_now();
            }
            result => return result,
        }
    }
}

fn count(run: &Run) -> u64 {
    let datagrams = run.bytes().len().div_ceil(run.segment_len.max(1));
    u64::try_from(datagrams).expect("a length has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::open_all;
    use sfu_core::Outbox;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
    use std::time::Duration;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn outbox(to: SocketAddr, lengths: &[usize]) -> Outbox {
        let mut out = Outbox::default();
        add(&mut out, to, lengths);
        out
    }

    fn add(out: &mut Outbox, to: SocketAddr, lengths: &[usize]) {
        let path = Path {
            local: None,
            remote: to,
        };
        let mut last = None;
        for (index, len) in (1..).zip(lengths) {
            last = Some(out.append(last, path, *len, |bytes| bytes.fill(index)));
        }
    }

    fn somewhere() -> SocketAddr {
        SocketAddr::new(LOCALHOST, 9)
    }

    fn used(refusals: u32) -> Sender {
        Sender {
            segmentation: Segmentation::Used { refusals },
            sources: Sources::default(),
        }
    }

    /// Sends one run; `result` says what the kernel answers to (bytes, segment size).
    fn send_run(
        sender: &mut Sender,
        lengths: &[usize],
        mut result: impl FnMut(usize, Option<usize>) -> io::Result<()>,
    ) -> Sent {
        let out = outbox(somewhere(), lengths);
        let mut sent = Sent::default();
        let kernel = |contents: &[u8], segment: Option<usize>| result(contents.len(), segment);
        sender.send_run(&out.runs()[0], &mut sent, kernel);
        sent
    }

    #[test]
    fn runs_arrive_as_their_datagrams_and_a_bad_destination_disturbs_nobody() {
        let sockets = open_all(&[LOCALHOST], 0, 1).unwrap().remove(0);
        let client = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let to = client.local_addr().unwrap();
        let mut out = outbox(to, &[1200, 1200, 700]);
        // No socket of ours is of this kind, and broadcasts are not allowed.
        add(
            &mut out,
            SocketAddr::from((Ipv6Addr::LOCALHOST, 9)),
            &[10, 10],
        );
        add(&mut out, SocketAddr::from((Ipv4Addr::BROADCAST, 9)), &[10]);
        add(&mut out, to, &[40]);
        let mut sent = Sent::default();
        Sender::new(&sockets).send(&sockets, out.runs(), &mut sent);
        let mut buffer = [0; 2000];
        let mut received = Vec::new();
        for _ in 0..4 {
            let len = client.recv(&mut buffer).unwrap();
            received.push((len, buffer[len - 1]));
        }
        assert_eq!(received, [(1200, 1), (1200, 2), (700, 3), (40, 1)]);
        assert_eq!(
            (sent.datagrams, sent.unreachable, sent.buffer_full),
            (4, 3, 0)
        );
        assert_eq!(sent.bytes, 3140);
    }

    #[test]
    fn a_run_that_is_refused_goes_out_one_by_one() {
        let mut calls = Vec::new();
        let sent = send_run(&mut used(0), &[9, 9, 4], |len, segment| {
            calls.push((len, segment));
            match segment {
                Some(_) => Err(ErrorKind::InvalidInput.into()),
                None => Ok(()),
            }
        });
        assert_eq!(calls, [(22, Some(9)), (9, None), (9, None), (4, None)]);
        assert_eq!((sent.datagrams, sent.unreachable), (3, 0));
    }

    #[test]
    fn refusals_of_one_destination_do_not_switch_runs_off() {
        let mut sender = used(0);
        for turn in 0..10 * REFUSALS_MAX {
            send_run(&mut sender, &[9, 9], |_, segment| match segment {
                Some(_) if turn % 2 == 0 => Err(ErrorKind::InvalidInput.into()),
                _ => Ok(()),
            });
        }
        assert_ne!(sender.segmentation, Segmentation::Off);
        for _ in 0..10 * REFUSALS_MAX {
            send_run(&mut sender, &[9, 9], |_, _| {
                Err(ErrorKind::HostUnreachable.into())
            });
        }
        assert_ne!(sender.segmentation, Segmentation::Off);
    }

    #[test]
    fn refusals_of_every_run_switch_runs_off() {
        let mut sender = used(0);
        let mut runs = 0;
        for _ in 0..10 * REFUSALS_MAX {
            send_run(&mut sender, &[9, 9], |_, segment| match segment {
                Some(_) => {
                    runs += 1;
                    Err(ErrorKind::InvalidInput.into())
                }
                None => Ok(()),
            });
        }
        assert_eq!(sender.segmentation, Segmentation::Off);
        assert_eq!(runs, REFUSALS_MAX);
    }

    #[test]
    fn an_unreachable_destination_costs_two_calls_and_a_full_socket_one() {
        for (kind, expected) in [(ErrorKind::HostUnreachable, 2), (ErrorKind::WouldBlock, 1)] {
            let mut calls = 0;
            let sent = send_run(&mut used(0), &[9; 40], |_, _| {
                calls += 1;
                Err(kind.into())
            });
            assert_eq!(calls, expected);
            assert_eq!(sent.unreachable + sent.buffer_full, 40);
            assert_eq!(sent.datagrams, 0);
        }
    }

    #[test]
    fn a_full_socket_is_tried_again_within_the_turns_limit() {
        let mut left = 2;
        let mut calls = 0;
        let full = || {
            calls += 1;
            Err(ErrorKind::WouldBlock.into())
        };
        assert!(retry_if_full(&mut left, full).is_err());
        assert_eq!((calls, left), (3, 0));
        let mut results = [Err(ErrorKind::WouldBlock.into()), Ok(())].into_iter();
        assert!(retry_if_full(&mut 1, || results.next().unwrap()).is_ok());
    }
}
