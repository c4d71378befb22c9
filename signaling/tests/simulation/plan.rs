//! What happens in one simulated meeting: drawn from a seed, and nothing but the seed.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng, SeedableRng as _};
use std::time::Duration;

/// Faults begin when the first have met.
const FAULTS_FROM_MS: u64 = 1200;
/// Later nothing goes wrong any more.
const CALM_AT: Duration = Duration::from_secs(6);
/// From the calm on, until everything must be as it should: the longest of the times that are
/// waited for (see `server::room_settings`), twice for who begins anew, and the round trips.
const SETTLING: Duration = Duration::from_millis(5500);
/// What is watched then.
const WATCHED: Duration = Duration::from_millis(1500);

/// A meeting to be.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) rooms: usize,
    pub(crate) workers: usize,
    /// Whether subscribers get only what their line carries.
    pub(crate) congestion_control: bool,
    pub(crate) people: Vec<PersonPlan>,
    pub(crate) network: Disorder,
    /// When the last fault is over.
    pub(crate) calm_at: Duration,
    /// In the order in which they happen.
    pub(crate) actions: Vec<(Duration, Action)>,
}

/// Somebody who will come.
#[derive(Debug, Clone)]
pub(crate) struct PersonPlan {
    pub(crate) room: usize,
    pub(crate) joins_at: Duration,
    /// How long a datagram takes, each way: so short that no DTLS flight is repeated, by a timer
    /// that has a luck of its own.
    pub(crate) one_way: Duration,
    pub(crate) mic: bool,
    pub(crate) camera: bool,
}

/// What the network does to single datagrams, as shares of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disorder {
    pub(crate) lost: f64,
    pub(crate) duplicated: f64,
    pub(crate) reordered: f64,
    pub(crate) corrupted: f64,
    /// Lost as well, but the oracle is not told: it must find out.
    pub(crate) embezzled: f64,
}

impl Disorder {
    pub(crate) const NONE: Self = Self {
        lost: 0.0,
        duplicated: 0.0,
        reordered: 0.0,
        corrupted: 0.0,
        embezzled: 0.0,
    };
}

/// Something that goes wrong, or that somebody does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    DeadLine(usize, Duration),
    Rebind(usize),
    RestartIce(usize),
    Die(usize),
    Leave(usize),
    CutSignal(usize, Duration),
    BeginAnew(usize),
    StopReading(usize, Duration),
    SlowSignal(usize, Duration),
    StallLayer(usize, Duration),
    Mute(usize, Duration),
    Unpublish(usize),
    Publish(usize),
    Hide(usize, Duration),
    Resize(usize, u32),
    Unsubscribe(usize, Duration),
    Flood(usize, Duration),
    DelayCommands(usize, Duration),
    DelayEvents(usize, Duration),
    RestartEngine(usize),
}

impl Plan {
    /// From then on everything must be as it should.
    pub(crate) fn settled_at(&self) -> Duration {
        self.calm_at + SETTLING
    }

    pub(crate) fn end(&self) -> Duration {
        self.settled_at() + WATCHED
    }

    /// Two people who show themselves, in an order of their own.
    pub(crate) fn call(actions: Vec<(Duration, Action)>) -> Self {
        let last = actions.last().map_or(Duration::ZERO, |(at, _)| *at);
        let person = PersonPlan {
            room: 0,
            joins_at: Duration::ZERO,
            one_way: Duration::from_millis(20),
            mic: true,
            camera: true,
        };
        Self {
            seed: 1,
            rooms: 1,
            workers: 1,
            congestion_control: false,
            people: vec![person; 2],
            network: Disorder::NONE,
            calm_at: last + Duration::from_secs(1),
            actions,
        }
    }

    pub(crate) fn random(seed: u64) -> Self {
        let mut luck = StdRng::seed_from_u64(seed);
        let rooms = if luck.random_bool(0.2) { 2 } else { 1 };
        let workers = if luck.random_bool(0.5) { rooms } else { 1 };
        let people: Vec<PersonPlan> = (0..luck.random_range(2..=4) + rooms - 1)
            .map(|index| PersonPlan {
                room: index % rooms,
                joins_at: Duration::from_millis(luck.random_range(0..100) * 10),
                one_way: Duration::from_millis(luck.random_range(1..=2) * 10),
                mic: luck.random_bool(0.8),
                camera: luck.random_bool(0.8),
            })
            .collect();
        let mut share = |most: f64| {
            if luck.random_bool(0.5) {
                luck.random_range(0.0..most)
            } else {
                0.0
            }
        };
        let network = Disorder {
            lost: share(0.08),
            duplicated: share(0.05),
            reordered: share(0.10),
            corrupted: share(0.02),
            embezzled: 0.0,
        };
        let mut times: Vec<u64> = (0..luck.random_range(0..=7))
            .map(|_| luck.random_range(FAULTS_FROM_MS / 10..4500 / 10) * 10)
            .collect();
        times.sort_unstable();
        let actions = times
            .into_iter()
            .map(|ms| {
                let action = Action::random(&mut luck, people.len(), workers);
                (Duration::from_millis(ms), action)
            })
            .collect();
        Self {
            seed,
            rooms,
            workers,
            congestion_control: luck.random_bool(0.5),
            people,
            network,
            calm_at: CALM_AT,
            actions,
        }
    }
}

impl Action {
    fn random(luck: &mut StdRng, people: usize, workers: usize) -> Self {
        let who = luck.random_range(0..people);
        let worker = luck.random_range(0..workers);
        // All of them end before the calm begins.
        let time = Duration::from_millis(luck.random_range(5..=150) * 10);
        let short = time / 10;
        let height = *[90, 180, 360, 720].choose(luck).expect("there are four");
        match luck.random_range(0..34) {
            0..=2 => Self::DeadLine(who, time),
            3..=4 => Self::Rebind(who),
            5..=6 => Self::RestartIce(who),
            7 => Self::Die(who),
            8 => Self::Leave(who),
            9..=11 => Self::CutSignal(who, time * 2),
            12..=13 => Self::BeginAnew(who),
            14..=15 => Self::StopReading(who, time),
            16 => Self::SlowSignal(who, time),
            17..=18 => Self::StallLayer(who, time),
            19..=20 => Self::Mute(who, time),
            21 => Self::Unpublish(who),
            22..=23 => Self::Publish(who),
            24..=25 => Self::Hide(who, time),
            26..=27 => Self::Resize(who, height),
            28 => Self::Unsubscribe(who, time),
            29 => Self::Flood(who, time),
            30..=31 => Self::DelayCommands(worker, short),
            32 => Self::DelayEvents(worker, short),
            _ => Self::RestartEngine(worker),
        }
    }
}
