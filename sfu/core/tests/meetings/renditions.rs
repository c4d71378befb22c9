//! A camera in a codec that not everybody decodes.

use crate::sim::media::Source;
use crate::sim::offer::Content;
use crate::sim::{Link, Sim, camera};
use sfu_core::Command;
use sfu_core::command::TrackSpec;
use sfu_core::event::Event;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{Codec, MediaKind, Quality};
use std::time::Duration;

const CAMERA: TrackId = TrackId(90);
const BACKUP: Codec = Codec::Vp8;

#[test]
fn who_cannot_decode_the_first_codec_gets_another_once_its_publisher_sends_it() {
    let mut sim = Sim::new(81);
    let alice = in_h264(&mut sim, &[BACKUP]);
    let bob = sim.join(1);
    sim.run_until("the other codec is asked for", |sim| {
        wanted(sim).last() == Some(&(Some(Quality::High), Some(Quality::High)))
    });
    assert!(undecodable(&sim).is_empty(), "he may yet be served");

    add_backup(&mut sim, alice);
    sim.run_until("bob sees alice", |sim| width(sim, bob) == Some(1280));
    sim.run_for(Duration::from_secs(2));
    let last = sim.events.iter().rev().find_map(|event| match event {
        Event::Answer { peer, tracks, .. } if *peer == bob => Some(tracks.clone()),
        _ => None,
    });
    let carried: Vec<TrackId> = last.unwrap().into_iter().map(|(_, track)| track).collect();
    assert_eq!(carried, [CAMERA], "under the id he knows");
    assert_eq!(
        sim.client(bob).received[&CAMERA].discontinuities,
        Vec::<String>::new()
    );
}

#[test]
fn each_gets_the_codec_they_decode_and_neither_is_sent_for_nobody() {
    let mut sim = Sim::new(82);
    let alice = in_h264(&mut sim, &[BACKUP]);
    let bob = sim.join(1);
    let carol = joins_with_h264(&mut sim);
    sim.run_for(Duration::from_secs(1));
    add_backup(&mut sim, alice);
    sim.run_until("bob sees alice", |sim| width(sim, bob) == Some(1280));
    assert!(is_carried(&sim, carol), "and Carol has a section for her");
    sim.run_for(Duration::from_secs(6));
    let everything = (Some(Quality::High), Some(Quality::High));
    assert_eq!(wanted(&sim).last(), Some(&everything));

    sim.command(Command::RemovePeer { peer: bob });
    sim.run_for(Duration::from_secs(6));
    assert_eq!(wanted(&sim).last(), Some(&(Some(Quality::High), None)));
    sim.command(Command::RemovePeer { peer: carol });
    sim.run_for(Duration::from_secs(6));
    assert_eq!(wanted(&sim).last(), Some(&(None, None)));
}

#[test]
fn who_decodes_no_codec_of_a_track_is_told_so_and_waits_no_longer() {
    let mut sim = Sim::new(83);
    in_h264(&mut sim, &[]);
    let bob = sim.join(1);
    sim.run_for(Duration::from_secs(10));
    assert_eq!(undecodable(&sim), [(bob, CAMERA)]);
    let asked = sim
        .events
        .iter()
        .filter(|event| matches!(event, Event::SectionsNeeded { peer, .. } if *peer == bob));
    assert_eq!(asked.count(), 0, "no offer could change it");
}

#[test]
fn a_codec_that_never_comes_costs_no_offers() {
    let mut sim = Sim::new(84);
    in_h264(&mut sim, &[BACKUP]);
    let bob = sim.join(1);
    sim.run_for(Duration::from_secs(20));
    assert!(sim.client(bob).offers < 4);
}

#[test]
fn a_backup_that_ends_is_asked_for_again() {
    let mut sim = Sim::new(85);
    let alice = in_h264(&mut sim, &[BACKUP]);
    let bob = sim.join(1);
    sim.run_for(Duration::from_secs(1));
    add_backup(&mut sim, alice);
    sim.run_until("bob sees alice", |sim| width(sim, bob) == Some(1280));
    sim.events.clear();
    let client = sim.client(alice);
    client.sources.clear();
    let last = client.sections.last_mut();
    last.expect("the backup's").content = Content::Stopped("video");
    sim.offer(alice);
    sim.run_until("the other codec is asked for", |sim| {
        wanted(sim).last() == Some(&(Some(Quality::High), Some(Quality::High)))
            || wanted(sim).last() == Some(&(None, Some(Quality::High)))
    });
    let ended = |event: &Event| matches!(event, Event::TrackEnded { .. });
    assert!(!sim.events.iter().any(ended), "the track goes on");
}

#[test]
fn a_publisher_who_leaves_takes_every_codec_along() {
    let mut sim = Sim::new(86);
    let alice = in_h264(&mut sim, &[BACKUP]);
    let bob = sim.join(1);
    sim.run_for(Duration::from_secs(1));
    add_backup(&mut sim, alice);
    sim.run_until("bob sees alice", |sim| width(sim, bob) == Some(1280));
    assert_eq!(sim.engine.stats().tracks, 2);
    sim.command(Command::RemovePeer { peer: alice });
    assert_eq!(sim.engine.stats().tracks, 0);
    sim.command(Command::RemovePeer { peer: bob });
    assert_eq!(sim.engine.stats().rooms, 0);
}

/// Alice shows herself in H264, of which no packet is looked at.
fn in_h264(sim: &mut Sim, backups: &[Codec]) -> PeerId {
    let alice = sim.join(0);
    sim.links.insert(alice, Link::default());
    let spec = TrackSpec {
        backups: backups.to_vec(),
        ..camera("first", [180, 360, 720])
    };
    sim.command(Command::Publish {
        peer: alice,
        track: CAMERA,
        spec,
    });
    h264_section(
        sim,
        alice,
        "a=sendonly\r\na=msid:- first\r\na=ssrc:77 cname:a\r\n",
    );
    sim.offer(alice);
    sim.run_for(Duration::from_secs(1));
    alice
}

fn joins_with_h264(sim: &mut Sim) -> PeerId {
    let who = sim.join(0);
    h264_section(sim, who, "a=recvonly\r\n");
    sim.offer(who);
    who
}

fn h264_section(sim: &mut Sim, who: PeerId, own: &str) {
    let mid = sim.client(who).sections.len();
    let text = format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=rtcp-mux\r\n\
         a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n{own}"
    );
    sim.client(who).add_section(Content::Written(text));
}

/// Alice does as she was asked.
fn add_backup(sim: &mut Sim, alice: PeerId) {
    let spec = camera("second", [180, 360, 720]);
    assert_eq!(spec.kind, MediaKind::Video);
    sim.command(Command::PublishBackup {
        peer: alice,
        track: CAMERA,
        codec: BACKUP,
        client_ids: spec.client_ids,
        layers: spec.layers,
    });
    let rids = ["q", "h", "f"];
    let now = sim.now;
    let client = sim.client(alice);
    let mid = client.add_section(Content::SendVideo {
        track: "second".to_owned(),
        rids: rids.to_vec(),
    });
    let source = Source::new(now, mid, 9000, &rids);
    client.sources.insert(CAMERA, source);
    sim.offer(alice);
}

/// What Alice was told of both codecs, each time.
fn wanted(sim: &Sim) -> Vec<(Option<Quality>, Option<Quality>)> {
    let told = sim.events.iter().filter_map(|event| match event {
        Event::LayersWanted { codecs, .. } => Some((codecs[0].best, codecs[1].best)),
        _ => None,
    });
    told.collect()
}

fn undecodable(sim: &Sim) -> Vec<(PeerId, TrackId)> {
    let told = sim.events.iter().filter_map(|event| match event {
        Event::Undecodable { peer, track } => Some((*peer, *track)),
        _ => None,
    });
    told.collect()
}

fn is_carried(sim: &Sim, who: PeerId) -> bool {
    sim.events.iter().any(|event| match event {
        Event::Answer { peer, tracks, .. } if *peer == who => {
            tracks.iter().any(|(_, track)| *track == CAMERA)
        }
        _ => false,
    })
}

fn width(sim: &mut Sim, who: PeerId) -> Option<u32> {
    sim.client(who).received.get(&CAMERA)?.width
}
