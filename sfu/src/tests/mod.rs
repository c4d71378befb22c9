//! Stories of the event loop: workers on real threads and real loopback sockets, with an engine
//! that echoes and fails when it is told to.

mod echo_engine;
mod scenery;

use crate::handover::binding_request;
use crate::inbox::{COMMANDS_MAX, DATA_COMMANDS_MAX};
use crate::load::Work;
use crate::media::{Media, MediaSettings};
use crate::worker::OnEvent;
use echo_engine::{DELAY, EchoEngine, POISON, POISON_DATAGRAM, SLOW_DATAGRAM};
use scenery::{client_of, settings};
use sfu_core::command::DataChannel;
use sfu_core::event::LostReason;
use sfu_core::ids::{PeerId, RoomId};
use sfu_core::{Command, Event};
use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Far longer than anything here takes: only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_client_reaches_the_worker_it_names_wherever_its_datagrams_land() {
    let (media, _events) = start(4);
    // Enough clients that the kernel surely gives some of them to each worker.
    for client in 0..32_u8 {
        let worker = client % 4;
        let client = client_of(&media);
        assert_eq!(validate(&client, worker)[0], worker);
        for count in 0..3 {
            assert_eq!(exchange(&client, &[0x80, count]), [worker, 0x80, count]);
        }
    }
    media.shutdown();
    assert!(total(&media, "datagrams_handed_over_total") > 0);
    assert_eq!(total(&media, "handover_dropped_total"), 0);
}

#[test]
fn an_engine_that_panics_over_a_datagram_takes_only_its_own_rooms_with_it() {
    let (media, events) = start(2);
    let (first, second) = (media.worker(0), media.worker(1));
    first.send(add(1));
    first.send(add(2));
    second.send(add(3));
    let connected: BTreeSet<_> = (0..3).map(|_| connected(&events)).collect();
    assert_eq!(connected, [PeerId(1), PeerId(2), PeerId(3)].into());
    let (doomed, other) = (client_of(&media), client_of(&media));
    validate(&doomed, 0);
    validate(&other, 1);
    doomed.send(POISON_DATAGRAM).unwrap();
    assert_eq!([lost(&events), lost(&events)], [PeerId(1), PeerId(2)]);
    assert_eq!(exchange(&other, b"\x80 still here"), b"\x01\x80 still here");
    first.send(add(4));
    assert_eq!(self::connected(&events), PeerId(4));
    assert_eq!(
        validate(&doomed, 0)[0],
        0,
        "the fresh engine serves the same client"
    );
    media.shutdown();
    assert_eq!(total(&media, "engine_failures_total"), 1);
}

#[test]
fn when_an_engine_is_replaced_all_other_workers_hear_of_it_and_nobody_else() {
    let (media, events) = start(3);
    media.worker(1).send(Command::RemovePeer { peer: POISON });
    media.worker(1).send(add(7));
    assert_eq!(connected(&events), PeerId(7), "the fresh engine works");
    media.shutdown();
    assert_eq!(total(&media, "engine_failures_total"), 1);
    assert_eq!(total(&media, "packets_relayed_in_total"), 2);
}

#[test]
fn commands_behind_the_one_that_panics_are_done_by_the_fresh_engine() {
    let (media, events) = start(1);
    let worker = media.worker(0);
    for command in [add(1), Command::RemovePeer { peer: POISON }, add(2)] {
        worker.send(command);
    }
    assert_eq!(connected(&events), PeerId(1));
    assert_eq!(lost(&events), PeerId(1));
    assert_eq!(connected(&events), PeerId(2));
}

#[test]
fn a_worker_that_missed_commands_gives_up_all_its_peers() {
    let (told, events) = channel();
    let (release, held) = channel::<()>();
    let held = std::sync::Mutex::new(held);
    let media = start_telling(1, move |event| {
        let is_first = event == Event::Connected { peer: PeerId(1) };
        told.send(event).unwrap();
        if is_first {
            // The worker hangs until the test lets it go on.
            held.lock().unwrap().recv().unwrap();
        }
    });
    let worker = media.worker(0);
    worker.send(add(1));
    assert_eq!(connected(&events), PeerId(1));
    worker.send(add(2));
    for _ in 0..COMMANDS_MAX {
        worker.send(Command::RemovePeer { peer: PeerId(9) });
    }
    worker.send(add(3));
    release.send(()).unwrap();
    let lost: Vec<_> = (0..3).map(|_| lost(&events)).collect();
    assert_eq!(lost, [PeerId(1), PeerId(2), PeerId(3)]);
    worker.send(add(4));
    assert_eq!(connected(&events), PeerId(4));
}

#[test]
fn a_flood_of_messages_costs_messages_and_no_rooms() {
    let (told, events) = channel();
    let (release, held) = channel::<()>();
    let held = std::sync::Mutex::new(held);
    let media = start_telling(1, move |event| {
        told.send(event).unwrap();
        let _ = held.lock().unwrap().recv();
    });
    let worker = media.worker(0);
    worker.send(add(1));
    assert_eq!(connected(&events), PeerId(1));
    for _ in 0..2 * DATA_COMMANDS_MAX {
        worker.send(Command::SendData {
            peer: PeerId(1),
            channel: DataChannel::Reliable,
            payload: bytes::Bytes::from_static(b"flood"),
        });
    }
    worker.send(add(2));
    drop(release);
    assert_eq!(connected(&events), PeerId(2));
    media.shutdown();
    assert_eq!(total(&media, "engine_failures_total"), 0);
    let dropped = u64::try_from(DATA_COMMANDS_MAX).unwrap();
    assert_eq!(total(&media, "data_commands_dropped_total"), dropped);
}

#[test]
fn what_is_due_is_done_without_any_input() {
    let (media, _events) = start(1);
    let client = client_of(&media);
    validate(&client, 0);
    let asked_at = Instant::now();
    assert_eq!(exchange(&client, SLOW_DATAGRAM), [0]);
    assert!(asked_at.elapsed() >= DELAY);
    media.shutdown();
    let waited = total(&media, "turns_total");
    assert!(
        (3..20).contains(&waited),
        "{waited} turns: it must sleep, not spin"
    );
}

#[test]
fn commands_sent_before_the_shutdown_are_done() {
    let (media, events) = start(1);
    for peer in 0..1000 {
        media.worker(0).send(add(peer));
    }
    media.shutdown();
    let peers: Vec<_> = events.try_iter().collect();
    let expected: Vec<_> = (0..1000)
        .map(|peer| Event::Connected { peer: PeerId(peer) })
        .collect();
    assert_eq!(peers, expected);
    assert_eq!(total(&media, "peers"), 1000);
}

#[test]
fn a_port_is_free_again_after_the_shutdown() {
    let (media, _events) = start(2);
    let address = media.candidates()[0];
    let again = || Media::start_with::<EchoEngine>(settings(2, address.port()), &nobody());
    let refused = again().unwrap_err().to_string();
    assert!(refused.contains(&address.port().to_string()), "{refused}");
    media.shutdown();
    assert_eq!(again().unwrap().candidates(), [address]);
}

#[test]
fn among_equally_busy_workers_a_new_room_goes_to_the_one_with_the_fewest_peers() {
    let (media, _events) = start(3);
    for (worker, peers) in [(0, 3), (1, 1), (2, 2)] {
        for peer in 0..peers {
            media
                .worker(worker)
                .send(add(10 * peer + u64::try_from(worker).unwrap()));
        }
    }
    // A room that would begin at another worker if all had the same.
    assert_eq!(media.number_of(&media.assign(RoomId(0))), 1);
}

#[test]
fn a_new_room_goes_to_the_worker_with_the_least_load_however_many_its_peers() {
    let (media, _events) = start(3);
    for (worker, permille) in [(0, 300), (1, 200), (2, 400)] {
        let work = Work {
            permille,
            ..Work::default()
        };
        media.worker(worker).load().tell(work);
    }
    for peer in 0..100 {
        media.worker(1).send(add(peer));
    }
    let placed = |room| media.number_of(&media.assign(RoomId(room)));
    let first: Vec<_> = (0..5).map(placed).collect();
    assert_eq!(first, [1; 5]);
    let next: BTreeSet<_> = (0..9).map(placed).collect();
    assert_eq!(next, [0, 1].into(), "what was placed is expected to weigh");
    media.shutdown();
    assert!(total(&media, "cpu_microseconds_total") > 0);
}

#[test]
fn peers_that_left_or_were_lost_no_longer_weigh() {
    let (media, events) = start(2);
    let (first, second) = (media.worker(0), media.worker(1));
    second.send(add(1));
    for command in [
        add(2),
        add(2),
        add(3),
        Command::RemovePeer { peer: PeerId(2) },
    ] {
        first.send(command);
    }
    first.send(Command::RemovePeer { peer: POISON });
    while events.recv_timeout(PATIENCE).unwrap() != engine_failed(3) {}
    assert_eq!(media.number_of(&media.assign(RoomId(1))), 0);
}

#[test]
fn rooms_that_begin_at_once_spread_evenly_over_the_workers() {
    let (media, _events) = start(3);
    let mut rooms = [0; 3];
    // All of them would begin at the same worker.
    for room in 0..30 {
        rooms[media.number_of(&media.assign(RoomId(3 * room)))] += 1;
    }
    assert_eq!(rooms, [10, 10, 10]);
}

#[test]
fn a_listener_that_panics_does_not_stop_the_worker() {
    let (told, events) = channel();
    let media = start_telling(1, move |event| {
        assert!(
            event != Event::Connected { peer: PeerId(1) },
            "a fault of the listener"
        );
        told.send(event).unwrap();
    });
    media.worker(0).send(add(1));
    media.worker(0).send(add(2));
    assert_eq!(connected(&events), PeerId(2));
}

fn start(workers: usize) -> (Media, Receiver<Event>) {
    let (told, events) = channel();
    // A test that looked at its events may end before the worker does.
    let media = start_telling(workers, move |event| drop(told.send(event)));
    (media, events)
}

fn start_telling(workers: usize, tell: impl Fn(Event) + Send + Sync + 'static) -> Media {
    let on_event: OnEvent = Arc::new(tell);
    Media::start_with::<EchoEngine>(settings(workers, 0), &on_event).unwrap()
}

fn nobody() -> OnEvent {
    Arc::new(drop)
}

fn validate(client: &UdpSocket, worker: u8) -> Vec<u8> {
    exchange(client, &binding_request(&format!("{worker:02x}abc:def")))
}

fn exchange(client: &UdpSocket, datagram: &[u8]) -> Vec<u8> {
    client.send(datagram).unwrap();
    let mut answer = [0; 2000];
    let len = client.recv(&mut answer).unwrap();
    answer[..len].to_vec()
}

fn add(peer: u64) -> Command {
    Command::AddPeer {
        room: RoomId(1),
        peer: PeerId(peer),
    }
}

fn connected(events: &Receiver<Event>) -> PeerId {
    let event = events.recv_timeout(PATIENCE).unwrap();
    let Event::Connected { peer } = event else {
        panic!("{event:?}");
    };
    peer
}

fn lost(events: &Receiver<Event>) -> PeerId {
    let event = events.recv_timeout(PATIENCE).unwrap();
    let Event::Lost { peer, .. } = event else {
        panic!("{event:?}");
    };
    assert_eq!(event, engine_failed(peer.0));
    peer
}

fn engine_failed(peer: u64) -> Event {
    Event::Lost {
        peer: PeerId(peer),
        reason: LostReason::EngineFailed,
    }
}

/// The sum over all workers.
fn total(media: &Media, name: &str) -> u64 {
    let prefix = format!("saal_media_{name}{{");
    let text = media.metrics();
    let values = text.lines().filter(|line| line.starts_with(&prefix));
    values
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
        .sum()
}
