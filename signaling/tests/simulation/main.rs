//! The whole server as one deterministic program: rooms, engines and clients on a virtual clock,
//! over a network that loses, with faults at named places. A seed goes in, a trace comes out, and
//! whatever the seed, the promises of a meeting hold.
//!
//! `SIMULATION_PLANS=100000 SIMULATION_FROM=1000000 cargo test -p saal --test simulation` tries
//! other seeds than CI does. A seed that fails belongs into `seeds.txt`, with a word about what it
//! found: those are tried first.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a simulated client that fails fails the simulation, and hears what concerns it"
)]

mod actions;
#[path = "../../../sfu/core/tests/meetings/sim/arrivals.rs"]
mod arrivals;
#[path = "../../../sfu/core/tests/meetings/sim/checks.rs"]
mod checks;
mod fault;
mod ledger;
mod media;
mod network;
mod oracle;
mod pipe;
mod plan;
mod reception;
mod sdp;
mod server;
mod session;
mod tracks;
mod view;
mod wires;
mod world;

use fault::{Reached, Site};
use plan::{Action, Plan};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use world::{Outcome, World};

/// As many as CI has a minute for, on two cores.
const PLANS: u64 = 1500;
/// Which is more than chance needs to reach each place.
const PLANS_FOR_SITES: u64 = 200;

#[test]
fn whatever_goes_wrong_the_promises_of_a_meeting_hold() {
    let known = include_str!("seeds.txt").lines().filter_map(|line| {
        let seed = line.split('#').next()?.trim();
        (!seed.is_empty()).then(|| seed.parse().expect("a seed is a number"))
    });
    let from = number("SIMULATION_FROM").unwrap_or(1);
    let count = number("SIMULATION_PLANS").unwrap_or(PLANS);
    let seeds: Vec<u64> = known.chain(from..from + count).collect();
    let began = Instant::now();
    let outcomes = on_all_cores(&seeds);
    let seconds = began.elapsed().as_secs_f64();
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(|(_, it)| of(it)).sum::<u64>();
    let packets = sum(|it| u64::try_from(it.packets).unwrap_or(0));
    let (repaired, asked) = (sum(|it| it.repaired), sum(|it| it.keyframe_requests));
    let longest = |kind: usize| {
        let gaps = outcomes.iter().map(|(_, it)| it.longest_gaps[kind]);
        gaps.max().unwrap_or(Duration::ZERO).as_millis()
    };
    eprintln!(
        "{} plans in {seconds:.1} s: {packets} packets, {repaired} sent again, {asked} key frames \
         asked for; longest gaps once settled: sound {} ms, pictures {} ms",
        outcomes.len(),
        longest(0),
        longest(1),
    );
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|(_, outcome)| !outcome.violations.is_empty())
        .map(|(seed, outcome)| {
            let first: Vec<&String> = outcome.violations.iter().take(4).collect();
            format!(
                "seed {seed}: {} violations: {first:#?}",
                outcome.violations.len()
            )
        })
        .collect();
    let shown = &failed[..failed.len().min(10)];
    assert!(
        failed.is_empty(),
        "{} of {} plans failed:\n{}",
        failed.len(),
        outcomes.len(),
        shown.join("\n")
    );
}

/// Does nothing unless it is asked for a seed: then it prints all that happens.
#[test]
fn a_plan_can_be_told_in_words() {
    let seed = number("SIMULATION_TELL");
    let plan = Plan::random(seed.unwrap_or(1));
    let outcome = World::tell(plan.clone(), Some(Vec::new()));
    assert!(outcome.log.len() > 1000, "{} lines", outcome.log.len());
    if seed.is_some() {
        eprintln!("{plan:#?}");
        for line in outcome.log {
            eprintln!("{line}");
        }
        eprintln!("{:#?}", outcome.violations);
    }
}

#[test]
fn every_place_where_something_can_go_wrong_is_reached() {
    let mut reached = Reached::default();
    for seed in 1..=PLANS_FOR_SITES {
        reached.add(&World::run(Plan::random(seed)).reached);
        if Site::ALL.iter().all(|site| reached.count(*site) > 0) {
            return;
        }
    }
    let missed = Site::ALL.iter().filter(|site| reached.count(**site) == 0);
    let missed: Vec<&str> = missed.map(|site| site.name()).collect();
    panic!("never reached in {PLANS_FOR_SITES} plans: {missed:?}");
}

#[test]
fn the_same_seed_is_the_same_meeting() {
    for seed in 1..=20 {
        let [one, other] = [(); 2].map(|()| World::run(Plan::random(seed)));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.reached, other.reached, "seed {seed}");
        assert_eq!(one.packets, other.packets, "seed {seed}");
    }
    let [one, other] = [1, 2].map(|seed| World::run(Plan::random(seed)).trace);
    assert_ne!(one, other, "another seed is another meeting");
}

#[test]
fn a_packet_that_vanishes_without_a_reason_is_noticed() {
    let mut plan = Plan::call(Vec::new());
    plan.network.embezzled = 0.02;
    plan.calm_at = Duration::from_secs(5);
    let outcome = World::run(plan);
    let noticed = |text: &&String| text.contains("did not arrive") && text.contains("0 losses");
    let noticed = outcome.violations.iter().filter(noticed).count();
    assert!(noticed > 0, "{:?}", outcome.violations);
}

#[test]
fn row_8_a_hundred_switches_of_layers_begin_with_key_frames_and_leave_no_number_out() {
    let switches = (0..100_u32).map(|round| {
        let height = if round % 2 == 0 { 180 } else { 360 };
        let at = Duration::from_millis(2000 + 700 * u64::from(round));
        (at, Action::Resize(0, height))
    });
    let outcome = World::run(Plan::call(switches.collect()));
    let (faults, made) = (outcome.violations.len(), outcome.switches);
    eprintln!(
        r#"quality row=8 target="100 switches, each with a key frame, no timestamp or picture id jumps" measured="{made} switches, {faults} faults in {} packets""#,
        outcome.packets
    );
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert!(made >= 100, "{made} switches");
}

/// Carries out the plans of these seeds; the outcomes are in their order.
fn on_all_cores(seeds: &[u64]) -> Vec<(u64, Outcome)> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let index = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
            let Some(&seed) = seeds.get(index) else {
                return outcomes;
            };
            outcomes.push((index, seed, World::run(Plan::random(seed))));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut outcomes: Vec<(usize, u64, Outcome)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let done = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        done.collect()
    });
    outcomes.sort_by_key(|(index, ..)| *index);
    let without_index = outcomes.into_iter().map(|(_, seed, it)| (seed, it));
    without_index.collect()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
