//! A relay between real sockets on this machine.

use super::*;
use std::net::{Ipv4Addr, UdpSocket as StdSocket};
use tokio::net::UdpSocket;

/// Keeps a test from hanging; what is measured is far below.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn datagrams_go_both_ways_and_take_the_delay() {
    let server = socket();
    let relay = relay("delay=25ms", &server);
    let client = socket();
    let sent_at = Instant::now();
    client.send_to(b"ping", relay.address).await.unwrap();
    let (question, via) = receive(&server).await;
    assert_eq!(question, b"ping");
    server.send_to(b"pong", via).await.unwrap();
    assert_eq!(receive(&client).await, (b"pong".to_vec(), relay.address));
    assert!(sent_at.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn the_server_tells_two_clients_apart() {
    let server = socket();
    let relay = relay("", &server);
    let (anna, bela) = (socket(), socket());
    anna.send_to(b"anna", relay.address).await.unwrap();
    let (_, via_anna) = receive(&server).await;
    bela.send_to(b"bela", relay.address).await.unwrap();
    let (_, via_bela) = receive(&server).await;
    assert_ne!(via_anna, via_bela);
    server.send_to(b"to bela", via_bela).await.unwrap();
    assert_eq!(receive(&bela).await.0, b"to bela");
}

#[tokio::test]
async fn a_change_on_the_way_loses_everything_in_its_direction_alone() {
    let server = socket();
    let relay = relay("", &server);
    let client = socket();
    client.send_to(b"first", relay.address).await.unwrap();
    let (_, via) = receive(&server).await;
    let change = "down loss=100%".parse().unwrap();
    relay.changes.send(change).await.unwrap();
    // The relay applies changes in its own time: the answer to a second question is lost for sure
    // only once the figures tell that one was.
    let mut reports = relay.reports;
    let mut lost = 0;
    while lost == 0 {
        server.send_to(b"answer", via).await.unwrap();
        lost = reports.recv().await.unwrap().down.lost;
    }
    client.send_to(b"second", relay.address).await.unwrap();
    assert_eq!(receive(&server).await.0, b"second");
}

#[tokio::test]
async fn a_planned_change_holds_from_its_time_on() {
    let server = socket();
    let mut plan = plan("", &server);
    plan.planned = vec!["0s up loss=100%".parse().unwrap()];
    let relay = start(&plan);
    let client = socket();
    client.send_to(b"lost", relay.address).await.unwrap();
    let mut reports = relay.reports;
    let counted = async {
        loop {
            let report = reports.recv().await.unwrap();
            if report.up != Tally::default() {
                return report.up;
            }
        }
    };
    let counted = tokio::time::timeout(PATIENCE, counted).await.unwrap();
    assert_eq!((counted.lost, counted.datagrams), (1, 0));
}

#[tokio::test]
async fn after_a_rebind_the_server_sees_another_address_and_the_old_one_leads_nowhere() {
    let server = socket();
    let relay = relay("", &server);
    let client = socket();
    client.send_to(b"before", relay.address).await.unwrap();
    let (_, old) = receive(&server).await;
    relay.changes.send(Change::Rebind).await.unwrap();
    // The relay rebinds in its own time.
    let new = loop {
        client.send_to(b"after", relay.address).await.unwrap();
        let (_, via) = receive(&server).await;
        if via != old {
            break via;
        }
    };
    // The old one may refuse this at once, which is as good.
    let _refused = server.send_to(b"to the old", old).await;
    server.send_to(b"to the new", new).await.unwrap();
    assert_eq!(receive(&client).await.0, b"to the new");
}

struct Running {
    address: SocketAddr,
    changes: mpsc::Sender<Change>,
    reports: mpsc::UnboundedReceiver<Report>,
}

fn relay(words: &str, server: &UdpSocket) -> Running {
    start(&plan(words, server))
}

fn plan(words: &str, server: &UdpSocket) -> Plan {
    let mut conditions = Conditions::CLEAN;
    for word in words.split_whitespace() {
        let setting: conditions::Setting = word.parse().unwrap();
        setting.apply(&mut conditions);
    }
    Plan {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        to: server.local_addr().unwrap(),
        conditions,
        planned: Vec::new(),
        seed: 1,
        report_every: Some(Duration::from_millis(20)),
    }
}

fn start(plan: &Plan) -> Running {
    let relay = Relay::open(plan).unwrap();
    let address = relay.address().unwrap();
    let (changes, to_come) = mpsc::channel(1);
    let (report, reports) = mpsc::unbounded_channel();
    tokio::spawn(relay.run(to_come, plan.report_every, move |told| {
        let _test_is_over = report.send(told);
    }));
    Running {
        address,
        changes,
        reports,
    }
}

fn socket() -> UdpSocket {
    let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    UdpSocket::from_std(socket).unwrap()
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; DATAGRAM_LEN_MAX];
    let received = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
    let (len, from) = received.expect("a datagram comes").unwrap();
    (buffer[..len].to_vec(), from)
}
