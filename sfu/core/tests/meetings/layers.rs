//! Pictures in layers: everyone gets the size and the frame rate that fits, and no change of them leaves
//! a mark in what a decoder sees.

use crate::sim::layered::{Format, Layered};
use crate::sim::reception::Reception;
use crate::sim::{Link, Sim};
use crate::stories::tile;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::Codec;
use std::time::Duration;

const TILES: [(u32, u32); 3] = [(300, 160), (640, 360), (1280, 720)];

#[test]
fn row_8_a_hundred_switches_of_simulcast_with_frame_rates_leave_no_mark() {
    for (codec, format) in [
        (Codec::Vp8, Format::Vp8),
        (Codec::Vp9, Format::Vp9),
        (Codec::Vp9, Format::Vp9Plain),
        (Codec::Av1, Format::Av1),
    ] {
        let encodings = [1, 2, 3].map(|index| Layered::new(format, index, 1, false));
        switch_a_hundred_times(codec, encodings.to_vec());
    }
}

#[test]
fn row_8_a_hundred_switches_of_spatial_layers_leave_no_mark() {
    for (codec, format) in [
        (Codec::Vp9, Format::Vp9),
        (Codec::Vp9, Format::Vp9Plain),
        (Codec::Av1, Format::Av1),
    ] {
        for keyed in [true, false] {
            switch_a_hundred_times(codec, vec![Layered::new(format, 1, 3, keyed)]);
        }
    }
}

#[test]
fn row_10_three_subscribers_of_one_encoding_each_decode_their_size() {
    for (codec, format) in [(Codec::Vp9, Format::Vp9), (Codec::Av1, Format::Av1)] {
        let (mut sim, viewers, camera) =
            three_viewers(codec, vec![Layered::new(format, 1, 3, true)]);
        sim.run_for(Duration::from_secs(5));
        for (expected, &viewer) in (0..).zip(&viewers) {
            let decoder = &reception(&mut sim, viewer, camera).decoder;
            let last = &decoder.shown[decoder.shown.len() - 60..];
            assert!(
                last.iter().all(|shown| shown.spatial == expected),
                "{format:?}"
            );
        }
        for &viewer in &viewers {
            begin(&mut sim, viewer, camera);
        }
        // And now everybody wants what somebody else had.
        for (index, &viewer) in viewers.iter().enumerate() {
            let (width, height) = TILES[(index + 1) % 3];
            sim.prefer(viewer, camera, tile(width, height));
        }
        sim.run_for(Duration::from_secs(3));
        for (index, &viewer) in viewers.iter().enumerate() {
            let reception = reception(&mut sim, viewer, camera);
            let decoder = &reception.decoder;
            assert_eq!(decoder.problems, Vec::<String>::new(), "{format:?}");
            assert_eq!(decoder.pictures_missing(), 0, "{format:?}");
            assert_eq!(reception.lost, 0);
            let size = decoder.shown.last().map(|shown| usize::from(shown.spatial));
            assert_eq!(size, Some((index + 1) % 3), "{format:?}");
        }
    }
}

#[test]
fn who_wants_the_smallest_size_costs_the_line_no_more() {
    let encodings = vec![Layered::new(Format::Av1, 1, 3, true)];
    let (mut sim, viewers, camera) = three_viewers(Codec::Av1, encodings);
    sim.run_for(Duration::from_secs(2));
    let packets = |sim: &mut Sim| -> Vec<u64> {
        let of = |viewer: &PeerId| sim.client(*viewer).received[&camera].packets;
        viewers.iter().map(of).collect()
    };
    let before = packets(&mut sim);
    sim.run_for(Duration::from_secs(10));
    for (before, after) in before.into_iter().zip(packets(&mut sim)) {
        // 20 pictures a second of two packets, whatever their size.
        assert!(
            (395..=420).contains(&(after - before)),
            "{}",
            after - before
        );
    }
}

#[test]
fn lost_packets_of_layers_are_repaired_on_both_ways() {
    let encodings = vec![Layered::new(Format::Vp9, 1, 3, true)];
    let (mut sim, viewers, camera) = three_viewers(Codec::Vp9, encodings);
    sim.run_for(Duration::from_secs(3));
    for client in sim.clients.keys().copied().collect::<Vec<_>>() {
        let link = Link {
            loss_up: 0.05,
            loss_down: 0.05,
            ..Link::default()
        };
        sim.links.insert(client, link);
    }
    sim.run_for(Duration::from_secs(30));
    for &viewer in &viewers {
        let reception = reception(&mut sim, viewer, camera);
        assert!(reception.repaired > 20, "{} repaired", reception.repaired);
        let residual = reception.residual_loss();
        assert!(residual < 0.003, "{residual}");
    }
}

fn switch_a_hundred_times(codec: Codec, encodings: Vec<Layered>) {
    let what = format!("{:?}, {} encodings", encodings[0].format, encodings.len());
    let mut sim = Sim::new(51);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let camera = sim.publish_layered(alice, codec, encodings);
    sim.run_until("a picture", |sim| shown(sim, bob, camera) > 10);
    begin(&mut sim, bob, camera);
    // A few more, in case one is overtaken by the next.
    for round in 0..105 {
        let (width, height) = TILES[[0, 2, 1, 2][round % 4]];
        sim.prefer(bob, camera, tile(width, height));
        sim.run_for(Duration::from_millis(700));
    }
    let reception = reception(&mut sim, bob, camera);
    assert_eq!(reception.decoder.problems, Vec::<String>::new(), "{what}");
    assert_eq!(reception.discontinuities, Vec::<String>::new(), "{what}");
    assert_eq!(
        (reception.lost, reception.decoder.pictures_missing()),
        (0, 0),
        "{what}"
    );
    let changes = reception.decoder.changes();
    assert!(changes >= 100, "{what}: {changes} changes");
    let longest = reception.longest_gap;
    assert!(
        longest < Duration::from_millis(120),
        "{what}: {longest:?} without a packet"
    );
}

/// Alice shows herself to three people, with tiles of three sizes.
fn three_viewers(codec: Codec, encodings: Vec<Layered>) -> (Sim, [PeerId; 3], TrackId) {
    let mut sim = Sim::new(52);
    let alice = sim.join(1);
    let viewers = [sim.join(1), sim.join(1), sim.join(1)];
    let camera = sim.publish_layered(alice, codec, encodings);
    for (viewer, (width, height)) in viewers.into_iter().zip(TILES) {
        sim.run_until("a picture", |sim| shown(sim, viewer, camera) > 0);
        sim.prefer(viewer, camera, tile(width, height));
    }
    (sim, viewers, camera)
}

/// From here on each picture counts: at first, while nothing is known of a line, only every fourth
/// is sent.
fn begin(sim: &mut Sim, viewer: PeerId, track: TrackId) {
    sim.run_for(Duration::from_secs(4));
    let reception = sim.client(viewer).received.get_mut(&track);
    let reception = reception.expect("it was seen");
    reception.decoder.shown.clear();
    reception.longest_gap = Duration::ZERO;
}

fn shown(sim: &mut Sim, viewer: PeerId, track: TrackId) -> usize {
    let received = &sim.client(viewer).received;
    received.get(&track).map_or(0, |it| it.decoder.shown.len())
}

fn reception(sim: &mut Sim, viewer: PeerId, track: TrackId) -> &Reception {
    &sim.client(viewer).received[&track]
}
