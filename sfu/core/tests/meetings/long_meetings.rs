//! A meeting of four hours in which people come and go: nothing grows, and no number that wraps is
//! ever read wrong.

use crate::allocations::bytes_in_use;
use crate::sim::Sim;
use sfu_core::ids::{PeerId, TrackId};
use std::time::{Duration, Instant};

const LENGTH: Duration = Duration::from_hours(4);
/// Everybody sends five packets a second on each stream: enough for 72,000 of them, which is more
/// than a sequence number holds, and as few as leave a stream alive.
const STRIDE: Duration = Duration::from_millis(200);
/// Between two guests.
const CHURN: Duration = Duration::from_mins(2);
/// A guest stays for so long.
const VISIT: Duration = Duration::from_secs(80);
/// What the allocator may hold at the end over what it held after the first hour: less than a
/// fifth of what one forgotten peer takes.
const GROWTH_BYTES_MAX: usize = 16 * 1024;

#[test]
fn row_11_four_hours_of_coming_and_going_leave_nothing_behind_and_no_wrap_is_misread() {
    let mut meeting = Meeting::new();
    let began = meeting.sim.now;
    let mut after_an_hour = None;
    let mut highest = 0;
    while meeting.sim.now - began < LENGTH {
        meeting.let_a_guest_come_and_go();
        let bytes = meeting.bytes_at_rest();
        if meeting.sim.now - began >= Duration::from_hours(1) {
            after_an_hour.get_or_insert(bytes);
        }
        highest = highest.max(bytes);
    }
    let after_an_hour = after_an_hour.expect("it is longer than an hour");
    let growth = highest.saturating_sub(after_an_hour);
    let faults = meeting.faults();
    let wraps = meeting.wraps();
    eprintln!(
        r#"quality row=11 target="no growth of memory in 4 h after the first" measured="{growth} bytes over {after_an_hour}, {} guests""#,
        meeting.guests
    );
    eprintln!(
        r#"quality row=11 target="no wrap error (sequence, timestamp, ROC, TWCC, picture id)" measured="{} errors in {wraps}""#,
        faults.len()
    );
    assert_eq!(faults, Vec::<String>::new());
    assert!(
        growth <= GROWTH_BYTES_MAX,
        "{after_an_hour} bytes in use after an hour, {highest} later"
    );
    assert!(meeting.guests >= 110, "{} guests", meeting.guests);
    let stats = meeting.sim.engine.stats();
    assert_eq!((stats.peers, stats.tracks, stats.rooms), (3, 6, 1));
}

/// Alice and Bob stay for the whole meeting, and so does Carol, who numbers her pictures with seven
/// bits; guests come and go.
struct Meeting {
    sim: Sim,
    members: Vec<PeerId>,
    tracks: Vec<(PeerId, TrackId)>,
    guests: u32,
    /// What guests saw that should not have been.
    faults: Vec<String>,
}

impl Meeting {
    fn new() -> Self {
        let mut sim = Sim::new(71);
        sim.stride = STRIDE;
        sim.scale = Some(bytes_in_use);
        let members: Vec<PeerId> = (0..3).map(|_| sim.join(4)).collect();
        let mut tracks = Vec::new();
        for &member in &members {
            tracks.push((member, sim.publish_audio(member)));
            tracks.push((member, sim.publish_camera(member)));
        }
        for source in sim.client(members[2]).sources.values_mut() {
            for encoding in &mut source.encodings {
                encoding.short_picture_ids = true;
            }
        }
        sim.run_for(Duration::from_secs(30));
        let mut meeting = Self {
            sim,
            members,
            tracks,
            guests: 0,
            faults: Vec::new(),
        };
        meeting.forget_the_beginning();
        meeting
    }

    /// Gaps of the time before everybody was there are none.
    fn forget_the_beginning(&mut self) {
        for client in self.sim.clients.values_mut() {
            for reception in client.received.values_mut() {
                reception.longest_gap = Duration::ZERO;
            }
        }
    }

    /// A guest shows themselves, everybody looks at everybody in some other size, and the guest
    /// leaves; every fourth one without a word.
    fn let_a_guest_come_and_go(&mut self) {
        let began = self.sim.now;
        let sizes = [(300, 160), (640, 360), (1280, 720)];
        let size = sizes[usize::try_from(self.guests).expect("few") % sizes.len()];
        let guest = self.sim.join(4);
        self.sim.publish_audio(guest);
        self.sim.publish_camera(guest);
        for viewer in self.members.clone() {
            for (publisher, track) in self.tracks.clone() {
                if viewer != publisher {
                    let tile = crate::stories::tile(size.0, size.1);
                    self.sim.prefer(viewer, track, tile);
                }
            }
        }
        self.run_until(began + VISIT);
        self.judge(guest);
        if self.guests % 4 == 3 {
            self.sim.client(guest).silent = true;
            self.sim.run_until("the silent guest is gone", |sim| {
                sim.engine.stats().peers == 3
            });
        }
        self.sim.leave(guest);
        self.guests += 1;
        self.run_until(began + CHURN);
    }

    fn run_until(&mut self, end: Instant) {
        self.sim.run_for(end - self.sim.now);
    }

    fn judge(&mut self, guest: PeerId) {
        let received = &self.sim.client(guest).received;
        let mut faults = Vec::new();
        for (publisher, track) in &self.tracks {
            match received.get(track) {
                Some(reception) if reception.packets > 200 => {
                    faults.extend(reception.discontinuities.iter().cloned());
                    if reception.lost > 0 {
                        faults.push(format!("{} packets lost", reception.lost));
                    }
                }
                reception => {
                    let packets = reception.map_or(0, |reception| reception.packets);
                    faults.push(format!("{packets} packets of {track} by {publisher}"));
                }
            }
        }
        let number = self.guests;
        let named = faults
            .into_iter()
            .map(|fault| format!("guest {number}: {fault}"));
        self.faults.extend(named);
    }

    /// What the engine holds while only the members are there. Forgets what this test notes of
    /// guests who left.
    fn bytes_at_rest(&mut self) -> usize {
        self.sim.events.clear();
        let tracks: Vec<TrackId> = self.tracks.iter().map(|(_, track)| *track).collect();
        for client in self.sim.clients.values_mut() {
            client.received.retain(|track, _| tracks.contains(track));
        }
        self.sim.weight
    }

    /// Everything that should not have been.
    fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        for (&viewer, client) in &self.sim.clients {
            for &(publisher, track) in self.tracks.iter().filter(|(it, _)| *it != viewer) {
                let reception = &client.received[&track];
                let mut fault = |text: String| {
                    faults.push(format!("{track} of {publisher} to {viewer}: {text}"));
                };
                for text in &reception.discontinuities {
                    fault(text.clone());
                }
                if reception.lost + reception.duplicates > 0 {
                    let (lost, twice) = (reception.lost, reception.duplicates);
                    fault(format!("{lost} lost, {twice} came twice"));
                }
                if reception.longest_gap > Duration::from_secs(1) {
                    fault(format!("a gap of {:?}", reception.longest_gap));
                }
                if reception.packets < 71_000 {
                    fault(format!("only {} packets", reception.packets));
                }
            }
        }
        faults
    }

    /// How often each number came round, at least.
    fn wraps(&self) -> String {
        let fewest = |count: fn(&crate::sim::reception::Reception) -> u64| {
            let clients = self.sim.clients.values();
            let receptions = clients.flat_map(|client| client.received.values());
            receptions.map(count).min().unwrap_or(0)
        };
        let packets = fewest(|reception| reception.packets);
        format!(
            "{} wraps of sequence numbers and rollovers, {} of 15-bit and {} of 7-bit picture ids",
            packets >> 16,
            packets >> 15,
            packets >> 7
        )
    }
}
