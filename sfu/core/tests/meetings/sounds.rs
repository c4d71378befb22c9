//! Sound on lines that lose: copies of earlier frames, repair, and clients that can do only one of them.

use crate::sim::offer::Repair;
use crate::sim::{Link, Sim};
use sfu_core::ids::{PeerId, TrackId};
use std::time::Duration;

/// 30 % of everything is lost both ways, on a line with a round trip of 50 ms.
const TERRIBLE: Link = Link {
    one_way: Duration::from_millis(25),
    loss_up: 0.3,
    loss_down: 0.3,
    kbps_down: 0,
};
/// What a client's playout buffer adds to the way of the fastest packet, which is 35 ms: browsers
/// grow to about this on such a line.
const PATIENCE: Duration = Duration::from_millis(35 + 200);

#[test]
fn row_3_sound_goes_on_while_thirty_percent_are_lost_both_ways() {
    for seed in 71..74 {
        let (up, down) = through_loss(seed, (true, true), Repair::RtxAndSound);
        eprintln!(
            r#"quality row=3 target="more than 98 % of 20 ms frames played" measured="{:.1} % up, {:.1} % down""#,
            up * 100.0,
            down * 100.0
        );
        assert!(up > 0.98 && down > 0.98, "{up} up, {down} down");
    }
}

#[test]
fn copies_alone_save_most_of_what_is_lost() {
    let (plain, _) = through_loss(75, (false, false), Repair::Rtx);
    let (up, _) = through_loss(75, (true, true), Repair::Rtx);
    assert!(plain < 0.75 && up > 0.88, "{plain} without, {up} with");
}

#[test]
fn sound_goes_again_unasked_to_whoever_loses_much_of_it() {
    // Four times what takes no copies, six times what does; it must be measured first.
    for (abilities, enough) in [((false, false), 0.9), ((true, true), 0.96)] {
        let (_, down) = through_loss(82, abilities, Repair::Rtx);
        assert!(down > enough, "{down} with {abilities:?}");
    }
}

#[test]
fn whoever_takes_no_copies_gets_what_they_saved_on_the_way_to_the_server() {
    // Alice, on the bad line, sends copies; Bob takes none, so they must be unpacked for him.
    let (up, _) = through_loss(76, (true, false), Repair::Rtx);
    assert!(up > 0.88, "{up}");
}

#[test]
fn the_server_makes_copies_for_whoever_takes_them_of_a_publisher_who_sends_none() {
    // Two copies of each frame go to Alice: three losses in a row are one in 37.
    let (_, down) = through_loss(77, (true, false), Repair::Rtx);
    assert!(down > 0.95, "{down}");
}

#[test]
fn mixed_clients_hear_every_frame_once_and_in_its_place() {
    for abilities in [(true, true), (true, false), (false, true), (false, false)] {
        let mut sim = Sim::new(78);
        let call = a_call(&mut sim, abilities, Repair::Nack);
        sim.run_for(Duration::from_secs(3));
        for (speaker, mic, listener) in call.ways() {
            let takes = sim.client(listener).redundancy;
            let spoken = sim.client(speaker).sources[&mic].voice.spoken.len();
            let reception = &sim.client(listener).received[&mic];
            assert_eq!((reception.lost, reception.duplicates), (0, 0));
            assert_eq!(reception.discontinuities, Vec::<String>::new());
            let (heard, misplaced) = (reception.heard.frames.len(), reception.heard.misplaced);
            assert!(spoken - heard < 10, "{heard} of {spoken}");
            assert_eq!(misplaced, 0);
            assert_eq!(reception.heard.redundant > 100, takes, "{abilities:?}");
        }
    }
}

#[test]
fn repaired_sound_is_the_same_in_every_form() {
    for abilities in [(true, true), (true, false), (false, true)] {
        let mut sim = Sim::new(79);
        let call = a_call(&mut sim, abilities, Repair::Nack);
        sim.run_for(Duration::from_secs(1));
        let link = Link {
            loss_up: 0.1,
            loss_down: 0.1,
            ..TERRIBLE
        };
        sim.links.extend([(call.alice, link), (call.bob, link)]);
        sim.run_for(Duration::from_secs(20));
        let mended = Link {
            loss_up: 0.0,
            loss_down: 0.0,
            ..TERRIBLE
        };
        sim.links.extend([(call.alice, mended), (call.bob, mended)]);
        sim.run_for(Duration::from_secs(1));
        for (_, mic, listener) in call.ways() {
            // Each packet is authentic, or the client would have stopped the story.
            let reception = &sim.client(listener).received[&mic];
            assert!(reception.repaired > 50, "{} repaired", reception.repaired);
            assert!(reception.residual_loss() < 0.003, "{} lost", reception.lost);
            assert_eq!(reception.heard.misplaced, 0);
        }
    }
}

#[test]
fn silence_in_which_nothing_is_sent_is_neither_lost_nor_late() {
    let mut sim = Sim::new(80);
    let call = a_call(&mut sim, (false, false), Repair::Nack);
    sim.run_for(Duration::from_secs(1));
    let asked = sim.client(call.alice).packets_requested;
    for _ in 0..20 {
        for is_silent in [true, false] {
            sim.client(call.alice)
                .sources
                .get_mut(&call.alices)
                .unwrap()
                .muted = is_silent;
            sim.run_for(Duration::from_millis(400));
        }
    }
    assert_eq!(sim.client(call.alice).packets_requested, asked);
    let reception = &sim.client(call.bob).received[&call.alices];
    assert_eq!(
        (reception.lost, reception.repaired, reception.duplicates),
        (0, 0, 0)
    );
    assert_eq!(reception.discontinuities, Vec::<String>::new());
}

#[test]
fn whoever_wants_no_redundancy_is_asked_for_none() {
    let mut sim = Sim::new(81);
    sim.redundancy = false;
    let call = a_call(&mut sim, (true, true), Repair::Rtx);
    sim.run_for(Duration::from_secs(1));
    for (speaker, mic, listener) in call.ways() {
        assert!(!sim.client(speaker).sources[&mic].voice.redundant);
        assert_eq!(sim.client(listener).received[&mic].heard.redundant, 0);
    }
}

#[test]
fn a_narrow_line_gets_sound_without_copies_until_it_loses() {
    let mut sim = Sim::new(83);
    let call = a_call(&mut sim, (true, true), Repair::Rtx);
    let camera = sim.publish_camera(call.alice);
    crate::narrow::as_a_camera(&mut sim, call.alice, camera);
    sim.run_for(Duration::from_secs(3));
    let copies = |sim: &mut Sim, seconds| {
        let before = sim.client(call.bob).received[&call.alices].heard.redundant;
        sim.run_for(Duration::from_secs(seconds));
        let heard = &sim.client(call.bob).received[&call.alices].heard;
        assert_eq!(heard.misplaced, 0);
        (heard.redundant - before) / seconds
    };
    assert!(copies(&mut sim, 2) > 45, "on a wide line each has one");
    let narrow = Link {
        loss_up: 0.0,
        loss_down: 0.0,
        kbps_down: 300,
        ..TERRIBLE
    };
    sim.links.insert(call.bob, narrow);
    sim.run_for(Duration::from_secs(10));
    let few = copies(&mut sim, 10);
    assert!(few < 10, "{few} a second on a narrow line");
    let lossy = Link {
        loss_down: 0.1,
        ..narrow
    };
    sim.links.insert(call.bob, lossy);
    sim.run_for(Duration::from_secs(5));
    let many = copies(&mut sim, 10);
    assert!(many > 30, "{many} a second on one that loses");
    let heard = &sim.clients[&call.bob].received[&call.alices].heard;
    let spoken = sim.clients[&call.alice].sources[&call.alices]
        .voice
        .spoken
        .len();
    assert!(heard.frames.len() > spoken * 97 / 100, "of {spoken}");
}

/// Alice and Bob, each with a microphone.
struct Call {
    alice: PeerId,
    bob: PeerId,
    alices: TrackId,
    bobs: TrackId,
}

impl Call {
    /// Who speaks, by which track, to whom.
    fn ways(&self) -> [(PeerId, TrackId, PeerId); 2] {
        [
            (self.alice, self.alices, self.bob),
            (self.bob, self.bobs, self.alice),
        ]
    }
}

/// The first of the abilities is Alice's: whether she sends and takes copies.
fn a_call(sim: &mut Sim, abilities: (bool, bool), repair: Repair) -> Call {
    let (alice, bob) = (sim.join(2), sim.join(2));
    for (person, redundancy) in [(alice, abilities.0), (bob, abilities.1)] {
        sim.client(person).repair = repair;
        sim.client(person).redundancy = redundancy;
        sim.offer(person);
    }
    let (alices, bobs) = (sim.publish_audio(alice), sim.publish_audio(bob));
    sim.run_until("they hear each other", |sim| {
        sim.client(bob).received.contains_key(&alices)
            && sim.client(alice).received.contains_key(&bobs)
    });
    Call {
        alice,
        bob,
        alices,
        bobs,
    }
}

/// The shares of Alice's and of Bob's frames that the other one plays, while Alice's line is terrible
/// for ten seconds.
fn through_loss(seed: u8, abilities: (bool, bool), repair: Repair) -> (f64, f64) {
    let mut sim = Sim::new(seed);
    let call = a_call(&mut sim, abilities, repair);
    sim.links.insert(
        call.alice,
        Link {
            loss_up: 0.0,
            loss_down: 0.0,
            ..TERRIBLE
        },
    );
    sim.run_for(Duration::from_secs(3));
    sim.links.insert(call.alice, TERRIBLE);
    let from = sim.now;
    sim.run_for(Duration::from_secs(10));
    let span = (from, sim.now);
    sim.run_for(Duration::from_secs(1));
    let [up, down] = call.ways().map(|(speaker, mic, listener)| {
        let heard = &sim.clients[&listener].received[&mic].heard;
        heard.share(&sim.clients[&speaker].sources[&mic].voice, span, PATIENCE)
    });
    (up, down)
}
