//! Forwarding a packet allocates nothing: counted, not believed.

use crate::narrow::{as_a_camera, line};
use crate::sim::Sim;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that this thread allocated and has not freed.
pub(crate) fn bytes_in_use() -> usize {
    BYTES.with(Cell::get)
}

/// The system's allocator, counting per thread.
struct Counting;

fn count(freed: usize, allocated: usize) {
    // What another thread allocated may be freed here, so this may go below zero for a while.
    BYTES.with(|bytes| {
        bytes.set(bytes.get().wrapping_sub(freed).wrapping_add(allocated));
    });
}

#[expect(
    unsafe_code,
    reason = "an allocator cannot be written without; it only passes on"
)]
// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        count(0, layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        count(layout.size(), new_size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_engine_forwards_without_an_allocation() {
    let mut sim = Sim::new(1);
    let everyone: Vec<_> = (0..6).map(|_| sim.join(6)).collect();
    for &person in &everyone {
        sim.publish_audio(person);
        sim.publish_camera(person);
    }
    // Long enough for every buffer to reach its size: the longest is what newcomers begin with.
    sim.run_for(Duration::from_secs(20));
    let before = sim.engine.stats().packets_forwarded;
    sim.probe = Some(|| ALLOCATIONS.with(Cell::get));
    sim.run_for(Duration::from_secs(2));
    let forwarded = sim.engine.stats().packets_forwarded - before;
    assert!(forwarded > 3000, "{forwarded} packets");
    assert_eq!(
        sim.probed, 0,
        "allocations while {forwarded} packets were forwarded"
    );
}

#[test]
fn a_warm_engine_paces_video_for_narrow_lines_without_an_allocation() {
    let mut sim = Sim::new(1);
    let everyone: Vec<_> = (0..4).map(|_| sim.join(4)).collect();
    for &person in &everyone {
        sim.publish_audio(person);
        let camera = sim.publish_camera(person);
        as_a_camera(&mut sim, person, camera);
    }
    sim.run_for(Duration::from_secs(5));
    line(&mut sim, everyone[0], 1500);
    sim.run_for(Duration::from_secs(10));
    sim.probe = Some(|| ALLOCATIONS.with(Cell::get));
    sim.run_for(Duration::from_secs(2));
    assert_eq!(sim.probed, 0, "allocations for packets that came");
}

#[test]
fn a_viewer_of_a_lecture_takes_a_few_dozen_kilobytes() {
    const VIEWERS: usize = 10;
    let mut sim = Sim::new(2);
    let speaker = sim.join(0);
    sim.publish_audio(speaker);
    sim.publish_camera(speaker);
    sim.join(2);
    sim.run_for(Duration::from_secs(5));
    sim.scale = Some(bytes_in_use);
    for _ in 0..VIEWERS {
        sim.join(2);
    }
    sim.run_for(Duration::from_secs(20));
    let each = sim.weight / VIEWERS;
    eprintln!("{each} bytes a viewer");
    assert!((10_000..50_000).contains(&each), "{each} bytes");
}
