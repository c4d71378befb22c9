//! What goes wrong in a meeting and what people do in it, when its plan says so.

use crate::fault::Site;
use crate::plan::Action;
use crate::session::Session;
use crate::world::{Later, World};
use livekit_protocol::LeaveRequest;
use livekit_protocol::signal_request::Message as Asked;
use std::time::{Duration, Instant};

/// Until a client notices a new address, or a restarted ICE is through.
const MOVE: Duration = Duration::from_secs(1);

impl World {
    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::DeadLine(who, time) => {
                self.people[who].dead_until = Some(self.now + time);
                self.excuse(who, time);
            }
            Action::Rebind(who) => self.rebind(who),
            Action::RestartIce(who) => self.restart_ice(who),
            Action::Die(who) => self.die(who),
            Action::Leave(who) => self.leave(who),
            Action::CutSignal(who, time) => self.cut_signal(who, time),
            Action::BeginAnew(who) => self.begin_anew(who),
            Action::StopReading(who, time) => {
                let from = self.now + time * 2;
                self.with(who, Site::ClientStopsReading, |session| {
                    session.reads_from = Some(from);
                    true
                });
                // Of streams that it was not told of, it asks for nothing.
                self.excuse(who, time * 2);
            }
            Action::SlowSignal(who, time) => {
                self.people[who].slow_until = Some(self.now + time);
                self.excuse(who, time);
            }
            Action::StallLayer(who, time) => {
                let until = self.now + time;
                self.with(who, Site::PublisherStallsLayer, |session| {
                    stall(session, until)
                });
            }
            Action::Mute(who, time) => self.mute(who, time),
            Action::Unpublish(who) => {
                if self.with(who, Site::PublisherUnpublishes, Session::unpublish) {
                    self.excuse(who, Duration::ZERO);
                }
            }
            Action::Publish(who) => {
                self.with(who, Site::PublisherPublishes, |session| {
                    let few = session.tracks.len() < 4;
                    if few {
                        session.publish(session.tracks.len() % 2 == 0);
                    }
                    few
                });
            }
            Action::Hide(who, time) => self.hide(who, time),
            Action::Resize(who, height) => self.resize(who, height),
            Action::Unsubscribe(who, time) => self.unsubscribe(who, time),
            Action::Flood(who, time) => {
                let until = self.now + time;
                self.with(who, Site::SubscriberFloods, |session| {
                    session.pipe.floods_until = Some(until);
                    true
                });
            }
            Action::DelayCommands(worker, time) => {
                self.server.delay_commands(worker, self.now + time);
            }
            Action::DelayEvents(worker, time) => {
                self.server.workers[worker].events_wait_until = Some(self.now + time);
            }
            Action::RestartEngine(worker) => {
                self.reached.hit(Site::EngineRestarted);
                self.server.restart(self.now, worker, &mut self.reached);
                let window = (self.now, self.now + MOVE);
                self.ledger.excuse(None, None, window);
            }
        }
    }

    pub(crate) fn do_what_was_put_off(&mut self) {
        for who in 0..self.people.len() {
            let now = self.now;
            let person = &mut self.people[who];
            let (due, later) = person.later.drain(..).partition(|(at, _)| *at <= now);
            let due: Vec<(Instant, Later)> = due;
            person.later = later;
            for (_, later) in due {
                self.do_later(who, later);
            }
        }
    }

    fn do_later(&mut self, who: usize, later: Later) {
        if !self.people[who].takes_part {
            return;
        }
        match later {
            Later::Join => self.join(who),
            Later::Resume => self.resume(who),
            Later::Unmute(id, track) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.mute(track, false);
                }
            }
            Later::Show(id) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.hides = false;
                    session.show(None);
                }
            }
            Later::Subscribe(id) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.refuses = false;
                    session.subscribe();
                }
            }
        }
    }

    fn rebind(&mut self, who: usize) {
        let Some(id) = self.connected(who) else {
            return;
        };
        self.move_to_new_address(who, id);
        self.reached.hit(Site::ClientRebinds);
    }

    fn restart_ice(&mut self, who: usize) {
        let Some(id) = self.connected(who) else {
            return;
        };
        let moves = self.move_to_new_address(who, id);
        self.reached.hit(Site::ClientRestartsIce);
        let session = self.sessions.get_mut(&id).expect("it moved");
        let address = session.pipe.address;
        session.pipe.restart_ice(address, moves);
        session.offer_soon();
    }

    /// A person's session whose handshake is through: one that was lost would be repeated by
    /// DTLS's own luck.
    fn connected(&mut self, who: usize) -> Option<u32> {
        let session = self.session_of(who)?;
        session.pipe.keys.is_some().then_some(session.id)
    }

    fn move_to_new_address(&mut self, who: usize, id: u32) -> usize {
        let session = self
            .sessions
            .get_mut(&id)
            .expect("a person's session is there");
        session.moves += 1;
        let moves = session.moves;
        let address = self.address(id, moves);
        let session = self.sessions.get_mut(&id).expect("it was there");
        session.pipe.address = address;
        self.excuse(who, MOVE);
        usize::from(moves)
    }

    fn die(&mut self, who: usize) {
        if self.people[who].session.is_some() {
            self.reached.hit(Site::ClientDies);
        }
        self.people[who].takes_part = false;
        self.drop_session(who);
    }

    fn leave(&mut self, who: usize) {
        let left = self.with(who, Site::ClientLeaves, |session| {
            // Before it is heard of by the server, there is nothing to leave.
            let may_ask = session.may_ask() && session.connection.is_some();
            if may_ask {
                let leave = Asked::Leave(LeaveRequest::default());
                session.requests.push(leave);
            }
            may_ask
        });
        if left {
            self.send_requests();
        }
        self.people[who].takes_part = false;
        self.drop_session(who);
    }

    fn cut_signal(&mut self, who: usize, time: Duration) {
        let at = self.now + time;
        let mut cut = None;
        self.with(who, Site::ClientSignalCut, |session| {
            cut = session.connection.take();
            cut.is_some()
        });
        if let Some(connection) = cut {
            self.close(who, connection);
            self.people[who].later.push((at, Later::Resume));
            self.excuse(who, time);
        }
    }

    /// The page is loaded again: the old client vanishes, and often enough its WebSocket closes
    /// only after the new one is open.
    fn begin_anew(&mut self, who: usize) {
        let Some(session) = self.session_of(who) else {
            return;
        };
        let connection = session.connection;
        self.reached.hit(Site::ClientBeginsAnew);
        self.join(who);
        if let Some(connection) = connection {
            self.close(who, connection);
        }
    }

    fn mute(&mut self, who: usize, time: Duration) {
        let at = self.now + time;
        let mut muted = None;
        self.with(who, Site::PublisherMutes, |session| {
            let track = session
                .tracks
                .iter()
                .position(|track| track.sid.is_some() && !track.is_over && !track.muted);
            if let Some(track) = track {
                session.mute(track, true);
                muted = Some(Later::Unmute(session.id, track));
            }
            track.is_some()
        });
        if let Some(unmute) = muted {
            self.excuse(who, time);
            self.people[who].later.push((at, unmute));
        }
    }

    fn hide(&mut self, who: usize, time: Duration) {
        let at = self.now + time;
        let mut shown = None;
        self.with(who, Site::SubscriberHides, |session| {
            session.hides = true;
            session.show(None);
            shown = Some(Later::Show(session.id));
            true
        });
        if let Some(show) = shown {
            self.excuse(who, time);
            self.people[who].later.push((at, show));
        }
    }

    fn resize(&mut self, who: usize, height: u32) {
        self.with(who, Site::SubscriberResizes, |session| {
            session.show(Some(height));
            true
        });
    }

    fn unsubscribe(&mut self, who: usize, time: Duration) {
        let at = self.now + time;
        let mut over = None;
        self.with(who, Site::SubscriberUnsubscribes, |session| {
            session.refuses = true;
            session.subscribe();
            over = Some(Later::Subscribe(session.id));
            true
        });
        if let Some(over) = over {
            self.excuse(who, time);
            self.people[who].later.push((at, over));
        }
    }

    /// Does something with a person's client, if they have one; it says whether it could.
    fn with(&mut self, who: usize, site: Site, act: impl FnOnce(&mut Session) -> bool) -> bool {
        let done = self.session_of(who).is_some_and(act);
        if done {
            self.reached.hit(site);
        }
        done
    }

    /// What somebody sends and gets may be disturbed for so long.
    fn excuse(&mut self, who: usize, time: Duration) {
        if let Some(id) = self.people[who].session {
            let window = (self.now, self.now + time);
            self.ledger.excuse(Some(id), None, window);
            self.ledger.excuse(None, Some(id), window);
        }
    }
}

fn stall(session: &mut Session, until: Instant) -> bool {
    let sources = session
        .tracks
        .iter_mut()
        .filter_map(|track| track.source.as_mut());
    let mut cameras = sources.filter(|source| !source.is_audio);
    let Some(camera) = cameras.next() else {
        return false;
    };
    let best = camera.encodings.last_mut().expect("a camera has encodings");
    best.stalled_until = Some(until);
    true
}
