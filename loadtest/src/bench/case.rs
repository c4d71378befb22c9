//! The standard cases, as issue and documentation name them. Decides nothing else.

use super::floor::Shape;
use crate::lean::session::Publishes;
use std::time::Duration;

/// The length of a packet with a piece of a picture, and of one with 20 ms of sound.
const PICTURE_LEN: usize = 1200;
const SOUND_LEN: usize = 120;

/// One meeting to be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// How tables call it.
    pub name: &'static str,
    /// Who send and receive nothing.
    pub publishers: u32,
    /// Who receive everything and send nothing.
    pub receivers: u32,
    /// What publishers send.
    pub publishes: Publishes,
    /// Over how long the packets of one picture are spread.
    pub spread: Duration,
    /// Whether receivers take runs of datagrams as one (UDP GRO). Without it, loopback makes the
    /// sender pay for what a network card or the receiver's kernel does elsewhere.
    pub joins_datagrams: bool,
    /// The aim: cost of a packet by that of the simplest sender.
    pub floor_ratio_max: Option<f64>,
    /// The aim: cost of a packet, in microseconds, on a quiet machine.
    pub micros_max: Option<f64>,
    /// The aim: travel time through the server that half of the packets keep, in milliseconds.
    pub p50_max_ms: Option<f64>,
    /// The aim: travel time that 99 of 100 packets keep, in milliseconds.
    pub p99_max_ms: Option<f64>,
}

const EIGHT: Case = Case {
    name: "8x16",
    publishers: 8,
    receivers: 16,
    publishes: Publishes::SoundAndPictures,
    spread: Duration::ZERO,
    joins_datagrams: true,
    floor_ratio_max: Some(0.62),
    micros_max: Some(2.5),
    p50_max_ms: Some(0.3),
    p99_max_ms: Some(3.0),
};
const HUNDRED: Case = Case {
    name: "1x100",
    publishers: 1,
    receivers: 100,
    floor_ratio_max: Some(0.75),
    micros_max: None,
    p50_max_ms: None,
    p99_max_ms: Some(12.0),
    ..EIGHT
};
const SPREAD_RATIO_MAX: Option<f64> = Some(0.95);

/// All of them, in the order of the table.
pub const STANDARD: [Case; 9] = [
    EIGHT,
    Case {
        name: "8x16-plain",
        joins_datagrams: false,
        ..EIGHT
    },
    Case {
        name: "8x16-5ms",
        spread: Duration::from_millis(5),
        ..spread_of(EIGHT)
    },
    Case {
        name: "8x16-33ms",
        spread: Duration::from_millis(33),
        ..spread_of(EIGHT)
    },
    HUNDRED,
    Case {
        name: "1x100-plain",
        joins_datagrams: false,
        ..HUNDRED
    },
    Case {
        name: "1x100-5ms",
        spread: Duration::from_millis(5),
        ..spread_of(HUNDRED)
    },
    Case {
        name: "1x100-33ms",
        spread: Duration::from_millis(33),
        ..spread_of(HUNDRED)
    },
    Case {
        name: "audio-10x100",
        publishers: 10,
        receivers: 100,
        publishes: Publishes::Sound,
        ..spread_of(HUNDRED)
    },
];

const fn spread_of(case: Case) -> Case {
    Case {
        floor_ratio_max: SPREAD_RATIO_MAX,
        micros_max: None,
        p50_max_ms: None,
        p99_max_ms: None,
        ..case
    }
}

impl Case {
    /// What the simplest sender would send in its place.
    pub(super) fn shape(&self) -> Shape {
        Shape {
            destinations: usize::try_from(self.receivers).expect("a handful"),
            len: match self.publishes {
                Publishes::Sound => SOUND_LEN,
                Publishes::SoundAndPictures => PICTURE_LEN,
            },
        }
    }
}
