//! People in rooms, over real connections.

use crate::http::get;
use crate::trial::{Client, PATIENCE, Trial, join_request};
use futures_util::SinkExt;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Reply;
use livekit_protocol::{JoinResponse, LeaveRequest, ParticipantInfo, participant_info};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn the_join_response_comes_first_and_names_a_version() {
    let trial = Trial::start().await;
    let mut alice = trial.join("alice", "room").await;
    let joined = joined(&mut alice).await;
    let server = joined
        .server_info
        .expect("clients refuse a server that does not name itself");
    assert_eq!(server.version, "1.13.5");
    let participant = joined.participant.expect("clients learn who they are");
    assert_eq!(participant.identity, "alice");
    assert!(participant.sid.starts_with("PA_"), "{}", participant.sid);
}

#[tokio::test]
async fn a_single_connection_over_the_old_path_joins_as_well() {
    let trial = Trial::start().await;
    let token = trial.token("alice", "room");
    let request = join_request();
    let url = format!(
        "ws://{}//rtc?access_token={token}&join_request={request}",
        trial.address
    );
    let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    joined(&mut Client { socket }).await;
}

#[tokio::test]
async fn two_people_see_each_other_come_and_go_and_nobody_in_another_room() {
    let trial = Trial::start().await;
    let mut alice = trial.join("alice", "room").await;
    assert!(joined(&mut alice).await.other_participants.is_empty());
    let mut elsewhere = trial.join("carol", "another room").await;
    assert!(joined(&mut elsewhere).await.other_participants.is_empty());

    let mut bob = trial.join("bob", "room").await;
    let others = joined(&mut bob).await.other_participants;
    assert_eq!(
        others
            .iter()
            .map(|other| other.identity.as_str())
            .collect::<Vec<_>>(),
        ["alice"]
    );
    news_of(&mut alice, "bob", |bob| {
        bob.state() != participant_info::State::Disconnected
    })
    .await;

    bob.send(Request::Leave(LeaveRequest::default())).await;
    news_of(&mut alice, "bob", |bob| {
        bob.state() == participant_info::State::Disconnected
    })
    .await;
}

#[tokio::test]
async fn a_client_that_writes_json_is_answered_in_json() {
    let trial = Trial::start().await;
    let mut alice = trial.join("alice", "room").await;
    joined(&mut alice).await;
    alice
        .socket
        .send(Message::text(r#"{"ping":"1"}"#))
        .await
        .unwrap();
    loop {
        if let Message::Text(text) = alice.frame().await {
            let reply: serde_json::Value = serde_json::from_str(&text).unwrap();
            if reply.get("pong").is_some() {
                return;
            }
        }
    }
}

#[tokio::test]
async fn the_second_of_the_same_name_replaces_the_first() {
    let trial = Trial::start().await;
    let mut first = trial.join("alice", "room").await;
    joined(&mut first).await;
    let mut second = trial.join("alice", "room").await;
    assert!(
        joined(&mut second).await.other_participants.is_empty(),
        "no ghost is left"
    );
    let leave = first.wait_for(|reply| match reply {
        Reply::Leave(leave) => Some(leave),
        _ => None,
    });
    let reason = leave.await.reason();
    assert_eq!(
        reason,
        livekit_protocol::DisconnectReason::DuplicateIdentity
    );
    assert!(
        first.closing().await.is_some(),
        "the first is closed with a frame"
    );
}

#[tokio::test]
async fn ten_thousand_mutated_frames_leave_the_server_serving() {
    let trial = Trial::start_with(saal::Mode::Dev, |settings| {
        settings.signal.requests_per_second_max = 1_000_000;
        settings.signal.requests_burst_max = 1_000_000;
    })
    .await;
    let mut rng = StdRng::seed_from_u64(7);
    let seeds = requests();
    let mut sent = 0;
    while sent < 10_000 {
        // A mutated frame may be a valid `leave`; then the next client goes on.
        let mut mallory = trial.join("mallory", "room").await;
        while sent < 10_000 {
            let seed = &seeds[rng.random_range(0..seeds.len())];
            let frame = mutate(&mut rng, seed);
            sent += 1;
            if mallory.socket.feed(frame).await.is_err() {
                break;
            }
        }
        mallory.socket.flush().await.ok();
    }
    let mut alice = trial.join("alice", "room").await;
    joined(&mut alice).await;
    alice.send(Request::Ping(1)).await;
    alice
        .wait_for(|reply| matches!(reply, Reply::Pong(_)).then_some(()))
        .await;
    let metrics = get(trial.address, "/metrics").await.body;
    assert!(metrics.contains("saal_rooms_crashed_total 0"), "{metrics}");
}

#[tokio::test]
async fn stopping_tells_everyone_and_ends() {
    let trial = Trial::start().await;
    let mut alice = trial.join("alice", "room").await;
    joined(&mut alice).await;
    let stopped = tokio::spawn(trial.server.stop());
    let is_leave = |reply| matches!(reply, Reply::Leave(_)).then_some(());
    alice.wait_for(is_leave).await;
    assert!(
        alice.closing().await.is_some(),
        "the connection is closed with a frame"
    );
    tokio::time::timeout(PATIENCE, stopped)
        .await
        .expect("it stops in time")
        .unwrap();
    assert!(
        tokio::net::TcpStream::connect(trial.address).await.is_err(),
        "nobody listens"
    );
}

async fn joined(client: &mut Client) -> JoinResponse {
    match client.reply().await {
        Reply::Join(joined) => joined,
        other => panic!("the first message must be the join response, not {other:?}"),
    }
}

async fn news_of(client: &mut Client, identity: &str, wanted: impl Fn(&ParticipantInfo) -> bool) {
    client
        .wait_for(|reply| match reply {
            Reply::Update(update) => update
                .participants
                .iter()
                .any(|participant| participant.identity == identity && wanted(participant))
                .then_some(()),
            _ => None,
        })
        .await;
}

/// One of each kind of request that a client sends first.
fn requests() -> Vec<Vec<u8>> {
    use livekit_protocol::{
        AddTrackRequest, MuteTrackRequest, SessionDescription, SignalRequest, TrickleRequest,
        UpdateParticipantMetadata, UpdateSubscription, UpdateTrackSettings,
    };
    let messages = [
        Request::Offer(SessionDescription {
            r#type: "offer".to_owned(),
            sdp: "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_owned(),
            ..SessionDescription::default()
        }),
        Request::Trickle(TrickleRequest {
            candidate_init: "{\"candidate\":\"\"}".to_owned(),
            ..TrickleRequest::default()
        }),
        Request::AddTrack(AddTrackRequest {
            cid: "camera".to_owned(),
            width: 1280,
            height: 720,
            ..AddTrackRequest::default()
        }),
        Request::Mute(MuteTrackRequest {
            sid: "TR_00000000001".to_owned(),
            muted: true,
        }),
        Request::Subscription(UpdateSubscription::default()),
        Request::TrackSetting(UpdateTrackSettings::default()),
        Request::UpdateMetadata(UpdateParticipantMetadata {
            metadata: "text".to_owned(),
            ..UpdateParticipantMetadata::default()
        }),
        Request::Ping(7),
    ];
    let encode = |message| {
        SignalRequest {
            message: Some(message),
        }
        .encode_to_vec()
    };
    messages.into_iter().map(encode).collect()
}

fn mutate(rng: &mut StdRng, seed: &[u8]) -> Message {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..bytes.len().max(1));
        match rng.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 => bytes.insert(at.min(bytes.len()), rng.random()),
            2 => bytes.truncate(at),
            _ => bytes.extend_from_within(at.min(bytes.len())..),
        }
    }
    if rng.random_ratio(1, 8) {
        Message::text(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        Message::Binary(bytes.into())
    }
}
