//! People who say that they sit in one physical room.

use crate::sim::{Meeting, Person, Visitor, updates};
use livekit_protocol::UpdateParticipantMetadata;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use sfu_core::Command;
use sfu_core::command::Neighbours;
use sfu_core::ids::PeerId;

const ATTRIBUTE: &str = "saal.neighbours";

#[test]
fn whoever_names_the_same_group_sits_together_and_everybody_is_told() {
    let mut meeting = Meeting::new();
    let people = ["ada", "ben", "cleo"].map(|name| guest(&mut meeting, name));
    let [ada, ben, cleo] = people;
    meeting.settle();
    sit(&mut meeting, ada, "Ratssaal");
    sit(&mut meeting, ben, " Ratssaal ");
    sit(&mut meeting, cleo, "Bauamt");
    assert_eq!(
        seats(&mut meeting),
        [(ada, 1), (ben, 1), (cleo, 2)]
            .map(|(who, group)| (meeting.peer(who), Neighbours::new(group)))
    );
    let told = updates(&meeting.inbox(cleo));
    assert_eq!(told[0].attributes[ATTRIBUTE], "Ratssaal");
}

#[test]
fn whoever_leaves_a_group_sits_alone_and_its_number_is_free_again() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (guest(&mut meeting, "ada"), guest(&mut meeting, "ben"));
    sit(&mut meeting, ada, "Ratssaal");
    meeting.settle();
    sit(&mut meeting, ada, "");
    sit(&mut meeting, ben, "Bauamt");
    assert_eq!(
        seats(&mut meeting),
        [
            (meeting.peer(ada), None),
            (meeting.peer(ben), Neighbours::new(1))
        ]
    );
}

#[test]
fn a_group_in_the_token_counts_from_the_beginning() {
    let mut meeting = Meeting::new();
    let visitor = Visitor::named("ada").with(|claims| {
        claims
            .attributes
            .insert(ATTRIBUTE.into(), "Ratssaal".into());
    });
    let ada = meeting.arrive(&visitor);
    let seated = meeting.media.commands.iter().position(
        |command| matches!(command, Command::Seat { group, .. } if *group == Neighbours::new(1)),
    );
    let offered = meeting
        .media
        .commands
        .iter()
        .position(|command| matches!(command, Command::Offer { .. }));
    assert!(
        seated < offered && seated.is_some(),
        "{:?}",
        meeting.peer(ada)
    );
}

#[test]
fn another_attribute_moves_nobody() {
    let mut meeting = Meeting::new();
    let ada = guest(&mut meeting, "ada");
    sit(&mut meeting, ada, "Ratssaal");
    meeting.settle();
    change(&mut meeting, ada, "hand", "up");
    assert_eq!(seats(&mut meeting), []);
}

#[test]
fn a_group_with_a_name_of_65_characters_is_refused() {
    let mut meeting = Meeting::new();
    let ada = guest(&mut meeting, "ada");
    meeting.settle();
    sit(&mut meeting, ada, &"ä".repeat(64));
    sit(&mut meeting, ada, &"ä".repeat(65));
    let outcomes = meeting
        .inbox(ada)
        .into_iter()
        .filter_map(|message| match message {
            Message::RequestResponse(outcome) => Some(outcome.reason),
            _ => None,
        });
    let expected = [Reason::Ok, Reason::LimitExceeded].map(i32::from);
    assert_eq!(outcomes.collect::<Vec<_>>(), expected);
    assert_eq!(
        seats(&mut meeting),
        [(meeting.peer(ada), Neighbours::new(1))]
    );
}

#[test]
fn one_group_too_many_leaves_its_people_alone_until_another_is_given_up() {
    let mut settings = crate::sim::settings();
    settings.limits.participants = 100;
    let mut meeting = Meeting::with_settings(settings);
    let people: Vec<Person> = (0..=Neighbours::MAX)
        .map(|index| {
            let person = guest(&mut meeting, &format!("guest {index}"));
            sit(&mut meeting, person, &format!("room {index}"));
            person
        })
        .collect();
    let last = *people.last().unwrap();
    let of_last = meeting.peer(last);
    let seated = seats(&mut meeting);
    assert_eq!(seated.len(), usize::from(Neighbours::MAX));
    assert!(seated.iter().all(|(peer, _)| *peer != of_last));
    sit(&mut meeting, people[6], "");
    meeting.settle();
    sit(&mut meeting, last, "room 63");
    assert_eq!(seats(&mut meeting), [(of_last, Neighbours::new(7))]);
}

/// Somebody who may change what is said about them.
fn guest(meeting: &mut Meeting, identity: &str) -> Person {
    meeting.arrive(&Visitor::named(identity).with(|claims| {
        claims.grants.can_update_own_metadata = true;
    }))
}

fn sit(meeting: &mut Meeting, person: Person, group: &str) {
    change(meeting, person, ATTRIBUTE, group);
}

fn change(meeting: &mut Meeting, person: Person, attribute: &str, value: &str) {
    let request = UpdateParticipantMetadata {
        attributes: [(attribute.to_owned(), value.to_owned())].into(),
        request_id: 9,
        ..UpdateParticipantMetadata::default()
    };
    meeting.ask(person, Asked::UpdateMetadata(request));
}

/// What the media plane was told, since it was asked last.
fn seats(meeting: &mut Meeting) -> Vec<(PeerId, Option<Neighbours>)> {
    let commands = std::mem::take(&mut meeting.media.commands);
    let seat = |command| match command {
        Command::Seat { peer, group } => Some((peer, group)),
        _ => None,
    };
    commands.into_iter().filter_map(seat).collect()
}
