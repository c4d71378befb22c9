//! What publishers are told of the layers that somebody wants.

use crate::sim::{Meeting, Person, Visitor, camera};
use livekit_protocol::SubscribedQualityUpdate;
use livekit_protocol::signal_response::Message;
use sfu_core::Event;
use sfu_core::event::CodecWanted;
use sfu_core::ids::TrackId;
use sfu_core::units::{Codec, Quality};

#[test]
fn a_publisher_is_told_which_layers_somebody_wants() {
    let (mut meeting, ada, track) = a_camera();
    tell(&mut meeting, ada, track, Some(Quality::Medium));
    let update = updates(&mut meeting, ada).remove(0);
    assert_eq!(update.track_sid, track.to_string());
    let codec = &update.subscribed_codecs[0];
    assert_eq!(codec.codec, "vp8");
    let qualities: Vec<_> = codec
        .qualities
        .iter()
        .map(|known| (known.quality, known.enabled))
        .collect();
    assert_eq!(qualities, [(0, true), (1, true), (2, false)]);
    #[expect(deprecated, reason = "old clients read the field all the same")]
    let for_old_clients = update.subscribed_qualities;
    assert_eq!(for_old_clients, codec.qualities);
}

#[test]
fn nothing_wanted_switches_every_layer_off() {
    let (mut meeting, ada, track) = a_camera();
    tell(&mut meeting, ada, track, None);
    let update = updates(&mut meeting, ada).remove(0);
    let mut qualities = update.subscribed_codecs[0].qualities.iter();
    assert!(qualities.all(|known| !known.enabled));
}

#[test]
fn nobody_but_the_publisher_is_told() {
    let (mut meeting, ada, track) = a_camera();
    let ben = meeting.join("ben");
    tell(&mut meeting, ben, track, None);
    assert!(updates(&mut meeting, ben).is_empty());
    tell(&mut meeting, ada, track, None);
    assert!(updates(&mut meeting, ben).is_empty());
}

#[test]
fn a_publisher_who_comes_back_is_told_again_after_the_first_message() {
    let (mut meeting, ada, track) = a_camera();
    let place = meeting.peer(ada);
    tell(&mut meeting, ada, track, Some(Quality::Low));
    meeting.cut(ada);
    // While she is away, more is wanted.
    tell(&mut meeting, ada, track, Some(Quality::High));
    let ada = meeting.arrive(&Visitor::named("ada").resuming(place));
    let inbox = meeting.inbox(ada);
    assert!(matches!(inbox[0], Message::Reconnect(_)));
    let update = inbox.iter().find_map(quality_update).expect("told again");
    let mut qualities = update.subscribed_codecs[0].qualities.iter();
    assert!(qualities.all(|known| known.enabled));
}

#[test]
fn a_publisher_who_was_told_nothing_is_told_nothing_after_coming_back() {
    let (mut meeting, ada, _) = a_camera();
    let place = meeting.peer(ada);
    meeting.cut(ada);
    let ada = meeting.arrive(&Visitor::named("ada").resuming(place));
    assert!(updates(&mut meeting, ada).is_empty());
}

fn a_camera() -> (Meeting, Person, TrackId) {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let track = meeting.publish(ada, camera("cam"));
    meeting.settle();
    (meeting, ada, track)
}

fn tell(meeting: &mut Meeting, who: Person, track: TrackId, best: Option<Quality>) {
    let wanted = CodecWanted {
        codec: Codec::Vp8,
        best,
    };
    meeting.tell(Event::LayersWanted {
        peer: meeting.peer(who),
        track,
        codecs: vec![wanted],
    });
}

fn updates(meeting: &mut Meeting, who: Person) -> Vec<SubscribedQualityUpdate> {
    let inbox = meeting.inbox(who);
    inbox.iter().filter_map(quality_update).collect()
}

fn quality_update(message: &Message) -> Option<SubscribedQualityUpdate> {
    match message {
        Message::SubscribedQualityUpdate(update) => Some(update.clone()),
        _ => None,
    }
}
