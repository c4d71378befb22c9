//! What is noted of a simulated meeting as it goes on, and judged at once where that can be done:
//! everything the server sends is decrypted and looked into before the network has its way with it.

use crate::media::{StreamName, Tag};
use crate::pipe::{Carries, Pipe, first_sent, is_handshake, rtp_header};
use sfu_core::rtp::payload::vp8;
use sfu_core::rtp::{Extender, Packet, SequenceNumber, rtcp};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::time::{Duration, Instant};

/// An encoding is asked for a key frame at most so often.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);
/// How long before and after a disturbance what is lost may not be repaired: packets are asked for
/// during a second, and a few round trips go by.
pub(crate) const AFTERMATH: Duration = Duration::from_millis(1300);

pub(crate) struct Ledger {
    started_at: Instant,
    /// Everything the server sent and what became of it, in words, if it is wanted.
    pub(crate) log: Option<Vec<String>>,
    /// What the engines took from publishers: when, and in which turn.
    pub(crate) accepted: BTreeMap<(StreamName, u32), u64>,
    /// How often the network lost a packet, a repetition of it, or a request for it: by the session
    /// that sends or receives it, its SSRC and its number.
    pub(crate) tries_lost: BTreeMap<(u32, u32, u16), u32>,
    /// What the engines sent, by who gets it and under which SSRC.
    pub(crate) flows: BTreeMap<(u32, u32), Vec<Forwarded>>,
    /// What of it arrived.
    pub(crate) delivered: BTreeSet<(u32, u32, u16)>,
    pub(crate) violations: Vec<String>,
    pub(crate) trace: DefaultHasher,
    pub(crate) keyframe_requests: u64,
    pub(crate) repaired: u64,
    excuses: Vec<Excuse>,
    asked_at: BTreeMap<(u32, u32), Instant>,
    numbers: BTreeMap<(u32, u32), Extender>,
    /// What was sealed under which number.
    sealed: HashMap<(u32, u32, u64), u64>,
    sealed_reports: HashSet<(u32, [u8; 4], [u8; 4])>,
    /// What was sent to somebody whose keys are not known yet.
    unseen: BTreeMap<u32, Vec<(Instant, u64, Vec<u8>)>>,
    /// In this turn: to whom pictures went that had waited.
    waited: BTreeSet<u32>,
    turn: u64,
}

/// A packet on its way to a subscriber.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forwarded {
    pub(crate) at: Instant,
    pub(crate) number: u16,
    pub(crate) tag: Tag,
    pub(crate) timestamp: u32,
    /// Of pictures: their number, and whether the packet is the first of one.
    pub(crate) picture: Option<(u16, bool)>,
}

/// Why something may be missing for a while.
#[derive(Debug)]
struct Excuse {
    viewer: Option<u32>,
    publisher: Option<u32>,
    from: Instant,
    to: Instant,
}

impl Ledger {
    pub(crate) fn new(started_at: Instant) -> Self {
        Self {
            started_at,
            log: None,
            accepted: BTreeMap::new(),
            tries_lost: BTreeMap::new(),
            flows: BTreeMap::new(),
            delivered: BTreeSet::new(),
            violations: Vec::new(),
            trace: DefaultHasher::new(),
            keyframe_requests: 0,
            repaired: 0,
            excuses: Vec::new(),
            asked_at: BTreeMap::new(),
            numbers: BTreeMap::new(),
            sealed: HashMap::new(),
            sealed_reports: HashSet::new(),
            unseen: BTreeMap::new(),
            waited: BTreeSet::new(),
            turn: 0,
        }
    }

    pub(crate) fn next_turn(&mut self) {
        self.turn += 1;
        self.waited.clear();
    }

    pub(crate) fn turn(&self) -> u64 {
        self.turn
    }

    /// From `from` to `to`, what goes from `publisher` to `viewer` may be disturbed; `None` is
    /// anybody.
    pub(crate) fn excuse(
        &mut self,
        viewer: Option<u32>,
        publisher: Option<u32>,
        (from, to): (Instant, Instant),
    ) {
        self.excuses.push(Excuse {
            viewer,
            publisher,
            from: from.checked_sub(AFTERMATH).unwrap_or(from),
            to: to + AFTERMATH,
        });
    }

    pub(crate) fn is_excused(&self, at: Instant, viewer: u32, publisher: u32) -> bool {
        self.excuses.iter().any(|excuse| {
            excuse.viewer.is_none_or(|it| it == viewer)
                && excuse.publisher.is_none_or(|it| it == publisher)
                && (excuse.from..=excuse.to).contains(&at)
        })
    }

    /// The network lost a datagram to or from a session.
    pub(crate) fn lost(&mut self, session: u32, carries: &Carries) {
        let mut lose = |ssrc: u32, number: SequenceNumber| {
            *self
                .tries_lost
                .entry((session, ssrc, number.0))
                .or_default() += 1;
        };
        match carries {
            Carries::Other | Carries::Handshake => {}
            Carries::Media(_, ssrc, number) | Carries::Forwarded(ssrc, number) => {
                lose(*ssrc, *number);
            }
            Carries::Request(ssrc, numbers) => {
                for number in numbers {
                    lose(*ssrc, *number);
                }
            }
        }
    }

    pub(crate) fn lost_tries(&self, session: u32, ssrc: u32, number: u16) -> u32 {
        let tries = self.tries_lost.get(&(session, ssrc, number));
        tries.copied().unwrap_or(0)
    }

    /// Looks into a datagram that the server sends, and says what it carries.
    pub(crate) fn observe(
        &mut self,
        now: Instant,
        session: u32,
        pipe: &mut Pipe,
        datagram: &[u8],
    ) -> Carries {
        if is_handshake(datagram) {
            return Carries::Handshake;
        }
        if datagram[0] < 128 {
            self.note(now, session, &[datagram[0]]);
            return Carries::Other;
        }
        if pipe.keys.is_none() {
            let unseen = self.unseen.entry(session).or_default();
            unseen.push((now, self.turn, datagram.to_vec()));
            let header = rtp_header(datagram);
            return header.map_or(Carries::Other, |header| {
                Carries::Forwarded(header.ssrc.0, header.sequence)
            });
        }
        let turn = self.turn;
        self.catch_up(session, pipe);
        self.look_into(now, turn, session, pipe, datagram)
    }

    /// Looks into what was sent before the client's keys were known.
    pub(crate) fn catch_up(&mut self, session: u32, pipe: &mut Pipe) {
        if pipe.keys.is_none() {
            return;
        }
        for (at, turn, datagram) in self.unseen.remove(&session).unwrap_or_default() {
            self.look_into(at, turn, session, pipe, &datagram);
        }
    }

    fn look_into(
        &mut self,
        at: Instant,
        turn: u64,
        session: u32,
        pipe: &mut Pipe,
        datagram: &[u8],
    ) -> Carries {
        let keys = pipe.keys.as_mut().expect("the caller looked");
        let observer = keys.observing.as_mut().expect("it stays");
        let Some(header) = rtp_header(datagram) else {
            let Ok(compound) = observer.decrypt_rtcp(datagram) else {
                self.violate(at, format!("session {session}: an unreadable report"));
                return Carries::Other;
            };
            self.note(at, session, &compound);
            self.check_report_numbers(at, session, datagram);
            return self.look_into_report(at, session, &compound);
        };
        let numbers = (header.ssrc.0, header.sequence);
        let is_repeated = self.check_numbers(at, session, numbers, datagram);
        let Ok(plain) = observer.decrypt_rtp(datagram) else {
            self.violate(at, format!("session {session}: an unreadable packet"));
            return Carries::Other;
        };
        self.note(at, session, &plain);
        let packet = Packet::parse(&plain).expect("what was decrypted was a packet");
        let Some((ssrc, number, payload)) = first_sent(&packet, &pipe.rtx) else {
            return Carries::Other; // Padding.
        };
        let Some(tag) = Tag::of(payload) else {
            self.violate(at, format!("session {session}: a packet nobody sent"));
            return Carries::Other;
        };
        // Sound is sent again as it was; pictures are in a stream of their own.
        if packet.ssrc.0 == ssrc && !is_repeated {
            let picture = vp8::Descriptor::parse(payload).filter(|_| !tag.is_audio);
            let picture =
                picture.and_then(|it| Some((it.numbers.picture_id?.value(), it.start_of_frame)));
            let forwarded = Forwarded {
                at,
                number: number.0,
                tag,
                timestamp: packet.timestamp,
                picture,
            };
            self.forwarded(turn, session, ssrc, forwarded);
        } else {
            self.repaired += 1;
        }
        Carries::Forwarded(ssrc, number)
    }

    /// Sound waits for nothing, least of all for pictures.
    fn forwarded(&mut self, turn: u64, session: u32, ssrc: u32, forwarded: Forwarded) {
        let Forwarded { at, tag, .. } = forwarded;
        self.flows
            .entry((session, ssrc))
            .or_default()
            .push(forwarded);
        let Some(&accepted) = self.accepted.get(&(tag.stream, tag.number)) else {
            return self.violate(at, format!("{tag:?} was forwarded and never came"));
        };
        if tag.is_audio {
            if accepted != turn {
                self.violate(at, format!("sound waited: {tag:?} to session {session}"));
            }
            if self.waited.contains(&session) {
                self.violate(at, format!("sound behind pictures to session {session}"));
            }
        } else if accepted < turn && turn == self.turn {
            self.waited.insert(session);
        }
    }

    /// Under one number only one content is sealed: with AES-GCM two would give the keys away
    /// (RFC 7714, section 8.1). Whether it was sent before.
    fn check_numbers(
        &mut self,
        at: Instant,
        session: u32,
        (ssrc, number): (u32, SequenceNumber),
        datagram: &[u8],
    ) -> bool {
        let numbers = self.numbers.entry((session, ssrc)).or_default();
        let index = numbers.extend(number);
        let mut hasher = DefaultHasher::new();
        datagram.hash(&mut hasher);
        let hash = hasher.finish();
        let before = self.sealed.insert((session, ssrc, index), hash);
        if before.is_some_and(|before| before != hash) {
            let text = format!("session {session}, SSRC {ssrc}: {number:?} sealed twice");
            self.violate(at, text);
        }
        before.is_some()
    }

    /// Reports are numbered at their end (RFC 7714, section 9.2).
    fn check_report_numbers(&mut self, at: Instant, session: u32, datagram: &[u8]) {
        let ssrc = datagram[4..8].try_into().expect("four bytes");
        let index = *datagram.last_chunk().expect("it was decrypted");
        if !self.sealed_reports.insert((session, ssrc, index)) {
            self.violate(at, format!("session {session}: a report's number again"));
        }
    }

    fn look_into_report(&mut self, at: Instant, session: u32, compound: &[u8]) -> Carries {
        let mut carries = Carries::Other;
        for packet in rtcp::packets(compound) {
            match packet {
                rtcp::Rtcp::Pli { media, .. } => {
                    self.keyframe_requests += 1;
                    let before = self.asked_at.insert((session, media.0), at);
                    if before.is_some_and(|before| at < before + KEYFRAME_INTERVAL) {
                        let text = format!("session {session} asked for key frames too often");
                        self.violate(at, text);
                    }
                }
                rtcp::Rtcp::Nack { media, items, .. } => {
                    let numbers = items.flat_map(rtcp::NackItem::sequences).collect();
                    carries = Carries::Request(media.0, numbers);
                }
                _ => {}
            }
        }
        carries
    }

    pub(crate) fn violate(&mut self, at: Instant, text: impl fmt::Display) {
        let ms = (at - self.started_at).as_millis();
        self.violations.push(format!("{ms} ms: {text}"));
    }

    /// Adds something to the trace of the meeting.
    pub(crate) fn note(&mut self, at: Instant, session: u32, what: &[u8]) {
        let ms = (at - self.started_at).as_millis();
        (ms, session, what).hash(&mut self.trace);
        if let Some(log) = &mut self.log {
            log.push(format!("{ms} ms, session {session}: {what:02x?}"));
        }
    }

    /// Adds words to the log, if there is one.
    pub(crate) fn tell(&mut self, at: Instant, text: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            let ms = (at - self.started_at).as_millis();
            log.push(format!("{ms} ms, {}", text()));
        }
    }
}
