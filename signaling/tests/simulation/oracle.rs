//! What must hold of every meeting, whatever went wrong in it: judged when it is over.

use crate::ledger::{AFTERMATH, Forwarded, Ledger};
use crate::media::StreamName;
use crate::session::Session;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Losses that are as many as this, of a packet, its repetitions and the requests for it, explain
/// that it never came: a server that asks or answers only once or twice has more such gaps.
const TRIES_MIN: u32 = 3;
/// What was sent so late may still be under way at the end.
const UNDER_WAY: Duration = Duration::from_millis(200);
/// The longest silence in a meeting in which nothing is wrong: a few packets.
const SOUND_GAP_MAX: Duration = Duration::from_millis(120);
/// Longer, because a larger picture begins with a key frame.
const PICTURE_GAP_MAX: Duration = Duration::from_millis(400);
/// No client sleeps so long between two pictures (see `Rewriter`).
const TIMESTAMP_STEP_MAX: u32 = 90_000 * 20;

/// Adds what does not hold to the ledger's violations.
pub(crate) fn judge(world: &mut World) {
    let mut faults = Vec::new();
    let end = world.ends_at();
    for (&flow, packets) in &world.ledger.flows {
        let mut sorted: Vec<&Forwarded> = packets.iter().collect();
        let first = packets.first().map_or(0, |packet| packet.number);
        // Numbered from a little before the first one sent, for what came late.
        sorted.sort_by_key(|packet| packet.number.wrapping_sub(first).wrapping_add(1000));
        for (index, pair) in sorted.windows(2).enumerate() {
            let ends_soon = ends_soon(&sorted[index + 1..]);
            faults.extend(follows(world, flow, (pair[0], pair[1]), ends_soon));
        }
        if let Some(first) = packets.first()
            && !first.tag.starts
        {
            let at = (first.at - world.started_at).as_millis();
            faults.push(format!("{at} ms: {flow:?} begins in mid-picture"));
        }
        // What was lost before the first packet that came, nobody can know of.
        let came = |packet: &&&Forwarded| {
            let key = (flow.0, flow.1, packet.number);
            !world.ledger.delivered.contains(&key)
        };
        let unknown = sorted.iter().take_while(came).count();
        for packet in sorted[unknown..]
            .iter()
            .filter(|packet| packet.at + UNDER_WAY < end)
        {
            let at = packet.at - world.started_at;
            let fault = arrived(&world.ledger, flow, packet);
            faults.extend(fault.map(|text| format!("{} ms: {text}", at.as_millis())));
        }
    }
    faults.extend(converged(world));
    faults.extend(settled(world));
    world.ledger.violations.extend(faults);
}

/// The longest time without sound, or without a picture, once all was settled.
pub(crate) fn longest_gap(world: &World, of_sound: bool) -> Duration {
    let of_kind = world.heard.iter().filter(|((_, publisher, track), _)| {
        let publisher = world.sessions.get(publisher);
        let track = publisher.and_then(|it| it.tracks.get(usize::from(*track)));
        track.is_some_and(|track| track.is_audio == of_sound)
    });
    of_kind.map(|(_, (_, gap))| *gap).max().unwrap_or_default()
}

/// How often a subscriber got another encoding than before.
pub(crate) fn switches(world: &World) -> usize {
    let flows = world.ledger.flows.values();
    let pairs = flows.flat_map(|packets| packets.windows(2));
    pairs
        .filter(|pair| pair[0].tag.stream != pair[1].tag.stream)
        .count()
}

/// Whether one packet of a stream may come after another: nothing between them is missing that was
/// there, no picture is skipped, and no number jumps.
fn follows(
    world: &World,
    (viewer, ssrc): (u32, u32),
    (before, after): (&Forwarded, &Forwarded),
    ends_soon: bool,
) -> Option<String> {
    let (old, new) = (before.tag, after.tag);
    let publisher = new.stream.session;
    let step = u32::from(after.number.wrapping_sub(before.number));
    let fault = |text: &str| {
        Some(format!(
            "{} ms: to session {viewer}, SSRC {ssrc}, from {old:?} to {new:?}: {text}",
            (after.at - world.started_at).as_millis()
        ))
    };
    let moved = after.timestamp.wrapping_sub(before.timestamp);
    if moved > TIMESTAMP_STEP_MAX {
        return fault("the timestamp jumps");
    }
    if step == 0 {
        return fault("the same number for two packets");
    }
    if step == 1
        && let Some(((earlier, _), (later, begins))) = before.picture.zip(after.picture)
        && later.wrapping_sub(earlier) & 0x7fff != u16::from(begins)
    {
        return fault("the picture id jumps");
    }
    if old.stream != new.stream || new.number.wrapping_sub(old.number) != step {
        if !new.starts {
            return fault("a stream is entered in mid-picture");
        }
        let is_excused =
            world.ledger.is_excused(after.at, viewer, publisher) || world.plan.congestion_control;
        if old.stream == new.stream && !is_excused {
            return fault("pictures are skipped");
        }
        return None;
    }
    // What is lost just before a switch is not asked for after it.
    let lost = if ends_soon {
        0..0
    } else {
        old.number + 1..new.number
    };
    for missing in lost {
        if let Some(text) = missing_is_unexplained(world, viewer, after, missing) {
            return fault(&text);
        }
    }
    None
}

/// Whether the encoding of the first of these packets is left before losses of then are repaired.
fn ends_soon(packets: &[&Forwarded]) -> bool {
    let first = packets[0];
    let soon = packets
        .iter()
        .take_while(|packet| packet.at <= first.at + AFTERMATH);
    soon.into_iter()
        .any(|packet| packet.tag.stream != first.tag.stream)
}

/// A packet that was not sent to a viewer who got those before and after it.
fn missing_is_unexplained(
    world: &World,
    viewer: u32,
    after: &Forwarded,
    missing: u32,
) -> Option<String> {
    let StreamName {
        session: publisher, ..
    } = after.tag.stream;
    if world
        .ledger
        .accepted
        .contains_key(&(after.tag.stream, missing))
    {
        let excused = world.ledger.is_excused(after.at, viewer, publisher);
        return (!excused).then(|| format!("{missing} came and was not sent on"));
    }
    if after.tag.is_audio || world.ledger.is_excused(after.at, viewer, publisher) {
        return None; // Sound is not sent again.
    }
    let session = world.sessions.get(&publisher)?;
    let tracks = session
        .tracks
        .iter()
        .filter_map(|track| track.source.as_ref());
    let mut encodings = tracks.flat_map(|source| &source.encodings);
    let mut tag = after.tag;
    tag.number = missing;
    let (ssrc, number) = encodings.find_map(|encoding| encoding.number(tag))?;
    let tries = world.ledger.lost_tries(publisher, ssrc, number.0);
    (tries < TRIES_MIN).then(|| format!("{missing} never came, after {tries} losses"))
}

/// What was sent arrives, if not at the first try.
fn arrived(ledger: &Ledger, (viewer, ssrc): (u32, u32), packet: &Forwarded) -> Option<String> {
    let tries_min = if packet.tag.is_audio { 1 } else { TRIES_MIN };
    let tries = ledger.lost_tries(viewer, ssrc, packet.number);
    let explained = ledger.delivered.contains(&(viewer, ssrc, packet.number))
        || tries >= tries_min
        || ledger.is_excused(packet.at, viewer, packet.tag.stream.session);
    (!explained).then(|| {
        let tag = packet.tag;
        format!("{tag:?} did not arrive at session {viewer}, after {tries} losses")
    })
}

/// When all is quiet, everybody sees exactly those who are there and what they publish, and the
/// server holds nobody else.
fn converged(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    for (room, seat) in world.server.rooms.iter().enumerate() {
        let members = members(world, room);
        if seat.room.participant_count() != members.len() {
            let count = seat.room.participant_count();
            faults.push(format!("room {room} has {count} of {}", members.len()));
        }
        for member in &members {
            let others = members.iter().filter(|other| other.id != member.id);
            let there: BTreeMap<String, (String, BTreeSet<String>)> = others
                .map(|other| {
                    let sid = other.peer.map(|peer| peer.to_string());
                    let stay = (sid.unwrap_or_default(), published(other));
                    (world.people[other.person].name.clone(), stay)
                })
                .collect();
            let seen = member.view.seen();
            if seen != there {
                let id = member.id;
                faults.push(format!("session {id} sees {seen:?}, there are {there:?}"));
            }
        }
    }
    let there: BTreeSet<_> = world.sessions.values().filter_map(|it| it.peer).collect();
    let held = world.server.peers();
    if held != there {
        faults.push(format!("the engines hold {held:?}, there are {there:?}"));
    }
    let absent = world
        .people
        .iter()
        .filter(|person| person.takes_part && person.session.is_none());
    faults.extend(absent.map(|person| format!("{} is not there", person.name)));
    faults
}

/// When all is quiet, everybody gets everything, without a gap.
fn settled(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    for room in 0..world.server.rooms.len() {
        let members = members(world, room);
        for viewer in &members {
            for publisher in members.iter().filter(|other| other.id != viewer.id) {
                for (index, track) in publisher.tracks.iter().enumerate() {
                    if track.is_over || track.muted {
                        continue;
                    }
                    let number = u8::try_from(index).expect("a few tracks");
                    let key = (viewer.id, publisher.id, number);
                    let settled_at = world.settled_at();
                    let (last, gap) = world
                        .heard
                        .get(&key)
                        .copied()
                        .unwrap_or((settled_at, Duration::ZERO));
                    let gap = gap.max(world.now - last);
                    let most = if track.is_audio {
                        SOUND_GAP_MAX
                    } else {
                        PICTURE_GAP_MAX
                    };
                    if gap > most {
                        let (cid, id) = (&track.cid, viewer.id);
                        faults.push(format!("session {id} gets nothing of {cid} for {gap:?}"));
                    }
                }
            }
        }
    }
    faults
}

fn members(world: &World, room: usize) -> Vec<&Session> {
    let sessions = world.sessions.values();
    sessions
        .filter(|session| world.people[session.person].plan.room == room)
        .collect()
}

fn published(session: &Session) -> BTreeSet<String> {
    let published = session.tracks.iter().filter(|track| !track.is_over);
    published.filter_map(|track| track.sid.clone()).collect()
}
