//! The signal connection of one lean participant: joins, publishes if it shall, offers sections for
//! what others publish, until it is told to leave. Knows no packets.

use super::answer;
use super::checks::Credentials;
use super::offer::{self, Identity, Section};
use super::peer::Phase;
use super::publisher::{CameraPlan, Plan};
use super::pump::{Pump, Seat};
use super::session::{LeanSettings, Publishes};
use crate::endpoint::Endpoint;
use crate::join_request;
use crate::layout::Gallery;
use crate::media_source::Video;
use crate::peer::negotiation::Negotiation;
use crate::peer::publication::{CAMERA, MICROPHONE, camera_request, microphone_request};
use crate::reception::Kind;
use crate::requests;
use crate::signal::{self, SignalReceiver, SignalSender};
use anyhow::{Context, bail};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    JoinResponse, MediaSectionsRequirement, ParticipantInfo, SessionDescription, TrickleRequest,
};
use rand::Rng;
use rand::distr::Alphanumeric;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior};

/// As long as livekit-client waits for the first message of a new connection.
const RESUME_TIMEOUT: Duration = Duration::from_secs(5);
/// Sections for each kind of media in the first offer, as livekit-client offers them.
const FIRST_SECTIONS: u32 = 3;
/// Receiving sections that one participant adds at the server's wish.
const SECTIONS_MAX: u32 = 2_000;
/// The protocol's usual pace of pings, for servers that name none.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// What the owner of a participant asks of its session.
pub(super) enum Order {
    /// Take up the session over a new signal connection, and say when that is done.
    Resume(oneshot::Sender<()>),
    /// End without a goodbye, as on a battery that is empty.
    Vanish,
    /// Say goodbye.
    Leave,
}

/// The steps of publishing; each is reached once.
enum Step {
    /// The server has not named all tracks yet.
    Requested { unnamed: Vec<&'static str> },
    /// The sections go out with the next offer, or went with this one.
    Offered { offer: Option<u32> },
    /// Nothing is left to do.
    Done,
}

/// A participant's side of the conversation.
pub(super) struct Talk {
    endpoint: Endpoint,
    token: String,
    /// Its own name at the server.
    sid: String,
    pump: Pump,
    signal: SignalSender,
    negotiation: Negotiation,
    identity: Identity,
    sections: Vec<Section>,
    added: u32,
    gallery: Gallery,
    publishes: Option<(Publishes, (u32, u32))>,
    video: Video,
    audio_ssrc: u32,
    video_ssrc: u32,
    step: Step,
    seat: Option<Seat>,
    candidates: Vec<SocketAddr>,
    ping: Interval,
}

impl Talk {
    /// Up to the first answer, with which media begins to connect.
    pub(super) async fn connect(
        settings: LeanSettings,
        pump: Pump,
    ) -> anyhow::Result<(Self, SignalReceiver, watch::Receiver<Phase>)> {
        let random = |len: usize| -> String {
            let letters = rand::rng().sample_iter(Alphanumeric);
            letters.take(len).map(char::from).collect()
        };
        let identity = Identity {
            ufrag: random(8),
            pwd: random(24),
            fingerprint: pump.fingerprint().to_owned(),
        };
        let sections: Vec<Section> = [Kind::Audio, Kind::Video]
            .into_iter()
            .flat_map(|kind| (0..FIRST_SECTIONS).map(move |_| Section::Receiving(kind)))
            .collect();
        let first = offer::write(
            &identity,
            Negotiation::FIRST_ID,
            settings.video.codec,
            &sections,
        );
        let first = requests::offer(Negotiation::FIRST_ID, first);
        let request = join_request::encode(first, settings.subscribes)?;
        let (signal, mut receiver) =
            signal::connect(&settings.endpoint, &settings.token, &request).await?;
        let step = match settings.publishes {
            Some((Publishes::Sound, _)) => Step::Requested {
                unnamed: vec![MICROPHONE],
            },
            Some((Publishes::SoundAndPictures, _)) => Step::Requested {
                unnamed: vec![MICROPHONE, CAMERA],
            },
            None => Step::Done,
        };
        let mut session = Self {
            endpoint: settings.endpoint,
            token: settings.token,
            sid: String::new(),
            pump,
            signal,
            negotiation: Negotiation::joining(),
            identity,
            sections,
            added: 0,
            gallery: Gallery::new(settings.layout),
            publishes: settings.publishes,
            video: settings.video,
            audio_ssrc: rand::random(),
            video_ssrc: rand::random(),
            step,
            seat: None,
            candidates: Vec::new(),
            ping: interval(PING_INTERVAL),
        };
        loop {
            let message = receiver.next().await?;
            if let Some(phase) = session.handle(message).await? {
                return Ok((session, receiver, phase));
            }
        }
    }

    /// Until the participant leaves or is put out.
    pub(super) async fn run(
        mut self,
        mut receiver: SignalReceiver,
        mut orders: mpsc::Receiver<Order>,
    ) -> anyhow::Result<()> {
        let ended = loop {
            if let Err(error) = self.offer_if_due().await {
                break Err(error);
            }
            let done = tokio::select! {
                message = receiver.next() => match message {
                    Ok(message) => self.handle(message).await.map(drop),
                    Err(error) => Err(error),
                },
                _ = self.ping.tick() => self.send_ping().await,
                order = orders.recv() => match order {
                    Some(Order::Resume(done)) => match self.resume().await {
                        Ok(connected) => {
                            receiver = connected;
                            // Who asked may have given up.
                            done.send(()).ok();
                            Ok(())
                        }
                        Err(error) => Err(error),
                    },
                    Some(Order::Vanish) => {
                        self.close_media();
                        return Ok(());
                    }
                    Some(Order::Leave) | None => break self.say_goodbye().await,
                },
            };
            if let Err(error) = done {
                break Err(error);
            }
        };
        self.close_media();
        self.signal.close().await;
        ended
    }

    fn close_media(&self) {
        if let Some(seat) = self.seat {
            self.pump.close(seat);
        }
    }

    /// Connects anew and returns the new connection's other half. The old one is left as it is: who
    /// changes networks cannot close it.
    async fn resume(&mut self) -> anyhow::Result<SignalReceiver> {
        let request = join_request::resume(&self.sid)?;
        let (signal, mut receiver) = signal::connect(&self.endpoint, &self.token, &request).await?;
        let first = tokio::time::timeout(RESUME_TIMEOUT, receiver.next()).await;
        let first = first.context("no answer to the new connection in 5 s")??;
        if !matches!(first, Response::Reconnect(_)) {
            bail!("the server has forgotten the session");
        }
        self.signal = signal;
        self.negotiation.begin_again();
        Ok(receiver)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a client ignores what it does not use"
    )]
    async fn handle(
        &mut self,
        message: Response,
    ) -> anyhow::Result<Option<watch::Receiver<Phase>>> {
        match message {
            Response::Join(join) => self.joined(&join).await?,
            Response::Answer(answer) => return self.answered(&answer).await,
            Response::Trickle(trickle) => self.candidate(&trickle),
            Response::Update(update) => self.show(&update.participants).await?,
            Response::RefreshToken(token) => self.token = token,
            Response::TrackPublished(published) => self.named(&published.cid),
            Response::MediaSectionsRequirement(wanted) => self.add_sections(wanted),
            Response::Leave(leave) => {
                bail!("the server said leave: {}", leave.reason().as_str_name())
            }
            _ => {}
        }
        Ok(None)
    }

    async fn joined(&mut self, join: &JoinResponse) -> anyhow::Result<()> {
        if let Ok(seconds @ 1..=60) = u64::try_from(join.ping_interval) {
            self.ping = interval(Duration::from_secs(seconds));
        }
        if let Some(own) = &join.participant {
            self.sid.clone_from(&own.sid);
            self.gallery.joined_as(&own.sid);
        }
        let requests = match self.publishes {
            Some((Publishes::Sound, _)) => vec![microphone_request()],
            Some((Publishes::SoundAndPictures, _)) => {
                vec![microphone_request(), camera_request(self.video)]
            }
            None => Vec::new(),
        };
        for request in requests {
            self.signal.send(Request::AddTrack(request)).await?;
        }
        self.show(&join.other_participants).await
    }

    async fn show(&mut self, others: &[ParticipantInfo]) -> anyhow::Result<()> {
        for setting in self.gallery.note(others) {
            self.signal.send(Request::TrackSetting(setting)).await?;
        }
        Ok(())
    }

    async fn answered(
        &mut self,
        description: &SessionDescription,
    ) -> anyhow::Result<Option<watch::Receiver<Phase>>> {
        if !self.negotiation.accepts(description.id) {
            return Ok(None);
        }
        let sdp = &description.sdp;
        let mut phase = None;
        let seat = if let Some(seat) = self.seat {
            seat
        } else {
            self.candidates.extend(answer::candidates(sdp));
            let (seat, phases) = self.connect_media(sdp).await?;
            phase = Some(phases);
            *self.seat.insert(seat)
        };
        self.pump.learn_repairs(seat, answer::repairs(sdp))?;
        if matches!(self.step, Step::Offered { offer: Some(offer) } if offer <= description.id) {
            self.step = Step::Done;
            self.publish(seat)?;
        }
        Ok(phase)
    }

    async fn connect_media(&mut self, sdp: &str) -> anyhow::Result<(Seat, watch::Receiver<Phase>)> {
        let own = self.pump.address();
        let reachable = |server: &&SocketAddr| {
            server.is_ipv4() == own.is_ipv4() && server.ip().is_loopback() == own.is_loopback()
        };
        let server = self.candidates.iter().find(reachable);
        let server = *server.context("the server names no address that is reached from here")?;
        let local = Credentials {
            ufrag: self.identity.ufrag.clone(),
            pwd: self.identity.pwd.clone(),
        };
        self.pump.open(local, answer::remote(sdp)?, server).await
    }

    fn publish(&self, seat: Seat) -> anyhow::Result<()> {
        let place = |wanted: Section| self.sections.iter().position(|section| *section == wanted);
        let microphone = place(Section::Microphone(self.audio_ssrc));
        let (_, turn) = self.publishes.context("sections are added by publishers")?;
        let plan = Plan {
            microphone: (
                microphone.context("every publisher has a microphone")?,
                self.audio_ssrc,
                turn,
            ),
            camera: place(self.camera()).map(|section| CameraPlan {
                section,
                video: self.video,
                ssrc: self.video_ssrc,
            }),
            spread: self.pump.spread(),
        };
        self.pump.publish(seat, plan)
    }

    fn camera(&self) -> Section {
        Section::Camera(self.video, self.video_ssrc)
    }

    fn candidate(&mut self, trickle: &TrickleRequest) {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&trickle.candidate_init);
        if let Ok(parsed) = parsed
            && let Some(line) = parsed["candidate"].as_str()
        {
            self.candidates.extend(answer::candidates(line));
        }
    }

    fn named(&mut self, cid: &str) {
        let Step::Requested { unnamed } = &mut self.step else {
            return;
        };
        unnamed.retain(|own| *own != cid);
        if !unnamed.is_empty() {
            return;
        }
        self.sections.push(Section::Microphone(self.audio_ssrc));
        if matches!(self.publishes, Some((Publishes::SoundAndPictures, _))) {
            self.sections.push(self.camera());
        }
        self.step = Step::Offered { offer: None };
        self.negotiation.want();
    }

    fn add_sections(&mut self, wanted: MediaSectionsRequirement) {
        for (kind, count) in [
            (Kind::Audio, wanted.num_audios),
            (Kind::Video, wanted.num_videos),
        ] {
            let count = count.min(SECTIONS_MAX - self.added);
            self.added += count;
            self.sections
                .extend((0..count).map(|_| Section::Receiving(kind)));
        }
        // Even without a new section: the server asks this way for an offer to answer.
        self.negotiation.want();
    }

    async fn offer_if_due(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.negotiation.next_offer() else {
            return Ok(());
        };
        if let Step::Offered { offer } = &mut self.step {
            offer.get_or_insert(id);
        }
        let sdp = offer::write(&self.identity, id, self.video.codec, &self.sections);
        self.signal
            .send(Request::Offer(requests::offer(id, sdp)))
            .await
    }

    async fn send_ping(&mut self) -> anyhow::Result<()> {
        self.signal.send(Request::Ping(requests::ping_time())).await
    }

    async fn say_goodbye(&mut self) -> anyhow::Result<()> {
        self.signal.send(requests::leave()).await
    }
}

fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
