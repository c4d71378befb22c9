//! Clients that send too much, read too little or say nothing: they go, the others stay.

use crate::trial::{Client, PATIENCE, Trial};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Reply;
use livekit_protocol::{ParticipantInfo, UpdateSubscription, participant_info};
use saal::Mode;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

#[tokio::test]
async fn a_message_over_two_mebibytes_is_closed_with_1009() {
    let trial = Trial::start().await;
    for size in [2 * 1024 * 1024 + 1, 8 * 1024 * 1024] {
        let client = trial.join("alice", "room").await;
        let (mut sending, mut receiving) = client.socket.split();
        // The server stops reading, so sending may never finish.
        let sent = tokio::spawn(async move {
            sending
                .send(Message::Binary(vec![0; size].into()))
                .await
                .ok();
            sending
        });
        let closed = tokio::time::timeout(PATIENCE, async {
            loop {
                match receiving.next().await {
                    Some(Ok(Message::Close(frame))) => return frame,
                    Some(Ok(_)) => {}
                    other => panic!("closed without a frame: {other:?}"),
                }
            }
        });
        let frame = closed
            .await
            .expect("it is closed in time")
            .expect("with a code");
        assert_eq!(frame.code, CloseCode::Size, "{size} bytes");
        sent.abort();
    }
}

#[tokio::test]
async fn a_message_of_just_the_limit_is_read() {
    let trial = Trial::start().await;
    let mut alice = trial.join("alice", "room").await;
    alice.reply().await;
    alice
        .socket
        .send(Message::Binary(vec![0; 2 * 1024 * 1024].into()))
        .await
        .unwrap();
    alice.send(Request::Ping(1)).await;
    alice.wait_for(is_pong).await;
}

#[tokio::test]
async fn a_client_that_floods_is_removed_and_the_others_are_served() {
    let trial = Trial::start_with(Mode::Dev, |settings| {
        settings.signal.requests_per_second_max = 10;
        settings.signal.requests_burst_max = 50;
    })
    .await;
    let mut alice = trial.join("alice", "room").await;
    alice.reply().await;
    let mut mallory = trial.join("mallory", "room").await;
    mallory.reply().await;

    for frame in 0..1000_i64 {
        let request = livekit_protocol::SignalRequest {
            message: Some(Request::Ping(frame)),
        };
        let bytes = prost::Message::encode_to_vec(&request);
        if mallory
            .socket
            .send(Message::Binary(bytes.into()))
            .await
            .is_err()
        {
            break;
        }
    }
    gone(&mut alice, "mallory").await;
    alice.send(Request::Ping(1)).await;
    alice.wait_for(is_pong).await;
}

#[tokio::test]
async fn a_client_that_sends_only_rubbish_without_end_is_closed() {
    let trial = Trial::start_with(Mode::Dev, |settings| {
        settings.signal.requests_per_second_max = 10;
        settings.signal.requests_burst_max = 50;
    })
    .await;
    let mut mallory = trial.join("mallory", "room").await;
    for _ in 0..1000 {
        if mallory
            .socket
            .send(Message::Ping(bytes::Bytes::new()))
            .await
            .is_err()
        {
            break;
        }
    }
    if let Some(frame) = mallory.closing().await {
        assert_eq!(frame.code, CloseCode::Policy);
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_removed_and_the_others_are_served() {
    let trial = Trial::start_with(Mode::Dev, |settings| {
        settings.signal.queue_len_max = 8;
        settings.signal.requests_per_second_max = 100_000;
        settings.signal.requests_burst_max = 100_000;
        settings.room.reconnect_grace = Duration::from_millis(10);
        settings.room.update_interval = Duration::from_millis(1);
    })
    .await;
    let mut alice = trial.join("alice", "room").await;
    alice.reply().await;
    let mut mallory = trial.join("mallory", "room").await;

    // Each request is answered with the name it asks for, until nothing more fits anywhere.
    let flood = async {
        for _ in 0..10_000 {
            let asked = UpdateSubscription {
                track_sids: vec!["x".repeat(32 * 1024)],
                subscribe: true,
                ..UpdateSubscription::default()
            };
            let request = livekit_protocol::SignalRequest {
                message: Some(Request::Subscription(asked)),
            };
            let bytes = prost::Message::encode_to_vec(&request);
            let sent = mallory.socket.send(Message::Binary(bytes.into())).await;
            if sent.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = gone(&mut alice, "mallory") => {}
        () = flood => {}
    }
    alice.send(Request::Ping(1)).await;
    alice.wait_for(is_pong).await;
    drop(mallory);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_removed() {
    let trial = Trial::start_with(Mode::Dev, |settings| {
        settings.signal.ping_interval = Duration::from_millis(50);
        settings.signal.ping_timeout = Duration::from_millis(500);
        settings.signal.requests_per_second_max = 100_000;
        settings.signal.requests_burst_max = 100_000;
        settings.room.reconnect_grace = Duration::from_millis(10);
    })
    .await;
    // It does not read, so it answers no ping.
    let silent = trial.join("silent", "room").await;
    let mut alice = trial.join("alice", "room").await;
    let pings = async {
        loop {
            alice.send(Request::Ping(1)).await;
            let mut is_gone = false;
            alice
                .wait_for(|reply| {
                    is_gone |= tells_departure(&reply, "silent");
                    is_pong(reply)
                })
                .await;
            if is_gone {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, pings)
        .await
        .expect("silent is removed in time");
    drop(silent);
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `wait_for` hands out"
)]
fn is_pong(reply: Reply) -> Option<()> {
    matches!(reply, Reply::Pong(_)).then_some(())
}

async fn gone(client: &mut Client, identity: &str) {
    client
        .wait_for(|reply| tells_departure(&reply, identity).then_some(()))
        .await;
}

fn tells_departure(reply: &Reply, identity: &str) -> bool {
    let departed = |participant: &ParticipantInfo| {
        participant.identity == identity
            && participant.state() == participant_info::State::Disconnected
    };
    matches!(reply, Reply::Update(update) if update.participants.iter().any(departed))
}
