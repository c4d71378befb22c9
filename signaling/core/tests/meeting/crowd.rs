//! Fifty people in one room.

use crate::sim::{Meeting, Person, camera, microphone, updates};
use livekit_protocol::MuteTrackRequest;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use sfu_core::ids::TrackId;
use std::collections::BTreeSet;
use std::time::Duration;

const PEOPLE: usize = 50;

#[test]
fn fifty_people_all_see_and_hear_each_other() {
    let mut meeting = Meeting::new();
    let people = assemble(&mut meeting);
    let tracks: Vec<[TrackId; 2]> = people
        .iter()
        .map(|&person| {
            let mic = meeting.publish(person, microphone("mic"));
            [mic, meeting.publish(person, camera("cam"))]
        })
        .collect();
    let all: BTreeSet<TrackId> = tracks.iter().flatten().copied().collect();
    for (person, own) in people.iter().zip(&tracks) {
        let mut others = all.clone();
        others.retain(|track| !own.contains(track));
        assert_eq!(meeting.receives(*person), others);
        let inbox = meeting.inbox(*person);
        let last_answer = inbox.iter().rev().find_map(|message| match message {
            Message::Answer(answer) => Some(answer),
            _ => None,
        });
        assert_eq!(last_answer.unwrap().mid_to_track_id.len(), 2 * (PEOPLE - 1));
    }
}

#[test]
fn everybody_knows_everybody_and_the_numbers_agree() {
    let mut meeting = Meeting::new();
    let people = assemble(&mut meeting);
    for &person in &people[..10] {
        meeting.publish(person, microphone("mic"));
    }
    meeting.wait(Duration::from_secs(5));
    for &person in &people {
        let inbox = meeting.inbox(person);
        let mut known: BTreeSet<String> = updates(&inbox)
            .into_iter()
            .map(|them| them.identity)
            .collect();
        if let Some(Message::Join(join)) = inbox.first() {
            known.extend(
                join.other_participants
                    .iter()
                    .map(|them| them.identity.clone()),
            );
        }
        assert_eq!(known.len(), PEOPLE);
        let room = inbox.iter().rev().find_map(|message| match message {
            Message::RoomUpdate(update) => update.room.clone(),
            _ => None,
        });
        let room = room.unwrap();
        assert_eq!((room.num_participants, room.num_publishers), (50, 10));
    }
}

#[test]
fn a_crowd_that_comes_in_a_second_shares_its_news() {
    let mut meeting = Meeting::new();
    let first = meeting.join("first");
    meeting.wait(Duration::from_secs(2));
    meeting.settle();
    assemble(&mut meeting);
    meeting.wait(Duration::from_secs(3));
    let inbox = meeting.inbox(first);
    let messages = inbox
        .iter()
        .filter(|message| matches!(message, Message::Update(_)))
        .count();
    assert!(messages <= 4, "{messages} updates for a hundred changes");
    let active = |them: &livekit_protocol::ParticipantInfo| them.state == i32::from(State::Active);
    let known: BTreeSet<String> = updates(&inbox)
        .into_iter()
        .filter(active)
        .map(|them| them.identity)
        .collect();
    assert_eq!(known.len(), PEOPLE);
}

#[test]
fn half_of_them_leave_and_nothing_of_theirs_remains() {
    let mut meeting = Meeting::new();
    let people = assemble(&mut meeting);
    for &person in &people {
        meeting.publish(person, camera("cam"));
    }
    meeting.settle();
    let (staying, leaving) = people.split_at(PEOPLE / 2);
    for &person in leaving {
        meeting.leave(person);
    }
    assert_eq!(meeting.room.participant_count(), PEOPLE / 2);
    for &person in staying {
        let gone = updates(&meeting.inbox(person))
            .into_iter()
            .filter(|them| them.state == i32::from(State::Disconnected))
            .count();
        assert_eq!(gone, PEOPLE / 2);
    }
    let newcomer = meeting.join("newcomer");
    assert_eq!(meeting.receives(newcomer).len(), PEOPLE / 2);
}

#[test]
fn the_same_meeting_twice_has_the_same_effects() {
    let run = || {
        let mut meeting = Meeting::new();
        meeting.log = Some(Vec::new());
        let people = assemble(&mut meeting);
        for &person in people.iter().step_by(7) {
            let track = meeting.publish(person, camera("cam"));
            let sid = track.to_string();
            meeting.ask(person, Asked::Mute(MuteTrackRequest { sid, muted: true }));
        }
        meeting.wait(Duration::from_mins(6));
        for &person in people.iter().step_by(3) {
            meeting.leave(person);
        }
        meeting.cut(people[1]);
        meeting.wait(Duration::from_secs(40));
        meeting.log.unwrap()
    };
    let (first, second) = (run(), run());
    assert!(first.len() > 5000);
    assert!(first == second, "the same inputs led to different effects");
}

fn assemble(meeting: &mut Meeting) -> Vec<Person> {
    (0..PEOPLE)
        .map(|number| {
            let person = meeting.join(&format!("person {number}"));
            meeting.wait(Duration::from_millis(20));
            person
        })
        .collect()
}
