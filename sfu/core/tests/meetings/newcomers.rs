//! People who come while a meeting is under way.

use crate::sim::{Link, Sim};
use std::time::Duration;

#[test]
fn whoever_connects_long_after_the_answer_begins_with_a_key_frame() {
    let mut sim = Sim::new(81);
    let alice = sim.join(1);
    let camera = sim.publish_camera(alice);
    sim.run_for(Duration::from_secs(2));
    // His sections carry her picture from his first offer on; ICE and DTLS take another second.
    let bob = sim.join(2);
    let link = Link {
        one_way: Duration::from_millis(200),
        ..Link::default()
    };
    sim.links.insert(bob, link);
    sim.run_until("something of alice", |sim| {
        let reception = sim.client(bob).received.get(&camera);
        reception.is_some_and(|reception| reception.packets > 0)
    });
    let reception = &sim.client(bob).received[&camera];
    assert!(reception.width.is_some(), "he can decode what comes first");
}
