//! Members of a meeting who hold the keys and send nonsense all the same: it is counted, what it
//! costs is bounded, and the others notice nothing.

use crate::sim::offer::{AUDIO_LEVEL, MID, OPUS, RID, TRANSPORT_CC, VP8};
use crate::sim::{Link, Sim};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::rtp::rtcp::{
    self, ReportBlock, SenderFields, TransportFeedbackFields, write_transport_feedback,
};
use sfu_core::rtp::{HEADER_LEN_MAX, HeaderFields, SequenceNumber, Ssrc, write_header};
use sfu_core::units::Bitrate;
use std::time::Duration;

/// How long each of them goes on.
const TIME: Duration = Duration::from_secs(10);
/// Between two of their packets.
const PAUSE: Duration = Duration::from_millis(10);

#[test]
fn row_12_broken_reports_are_counted_and_lead_to_nothing() {
    let mut call = Call::new(51);
    let mut luck = StdRng::seed_from_u64(51);
    let mut sent = 0;
    call.while_lying(|call| {
        for compound in broken_compounds(&mut luck) {
            sent += 1;
            call.bob_says(&compound);
        }
    });
    let malformed = call.dropped("malformed_rtcp");
    assert!(
        malformed * 2 > sent,
        "{malformed} of {sent} were unreadable"
    );
    call.assert_nobody_noticed("malformed RTCP");
}

#[test]
fn row_12_who_asks_for_key_frames_all_the_time_gets_two_a_second() {
    let mut call = Call::new(52);
    let before = call.sim.client(call.alice).keyframe_requests;
    let watched = call.server_ssrcs();
    call.while_lying(|call| {
        for &ssrc in &watched {
            call.bob_says(&pli(ssrc));
            call.bob_says(&fir(&[ssrc; 40]));
        }
        call.bob_says(&pli(0xdead_beef));
    });
    assert!(call.sim.engine.stats().keyframe_requests_received > 10_000);
    let asked = call.sim.client(call.alice).keyframe_requests - before;
    assert!((5..=2 * 10 + 1).contains(&asked), "{asked} in 10 s");
    call.assert_nobody_noticed("flood of key frame requests");
}

#[test]
fn row_12_who_asks_for_packets_of_others_gets_none() {
    let mut call = Call::new(53);
    let own = call.server_ssrcs();
    let carols = call.ssrcs_of(call.carol);
    assert!(carols.iter().all(|ssrc| !own.contains(ssrc)));
    call.while_lying(|call| {
        let everything: Vec<_> = (0..2000).map(SequenceNumber).collect();
        for ssrc in carols.iter().copied().chain([0, 1, u32::MAX]) {
            let mut compound = Vec::new();
            rtcp::write_nack(&mut compound, Ssrc(7), Ssrc(ssrc), &everything);
            call.bob_says(&compound);
        }
    });
    let stats = call.sim.engine.stats();
    assert_eq!(stats.packets_retransmitted, 0);
    call.assert_nobody_noticed("NACKs for others' streams");
}

#[test]
fn row_12_a_flood_of_requests_costs_no_more_than_its_budget() {
    let mut call = Call::new(54);
    let own = call.server_ssrcs();
    let mut luck = StdRng::seed_from_u64(54);
    let before = call.out_bytes();
    let mut asked = 0_u64;
    call.while_lying(|call| {
        for &ssrc in &own {
            let lost: Vec<_> = (0..400).map(|_| SequenceNumber(luck.random())).collect();
            asked += 400;
            let mut compound = Vec::new();
            rtcp::write_nack(&mut compound, Ssrc(7), Ssrc(ssrc), &lost);
            call.bob_says(&compound);
        }
    });
    let stats = call.sim.engine.stats().clone();
    // `RepairLimits`: a burst of 128 KiB and 250 bytes a millisecond, of packets of 206 bytes and more.
    let most = (128 * 1024 + 250 * 10_000) / 206;
    let again = stats.packets_retransmitted;
    assert!(again <= most, "{again} of {most}");
    assert!(stats.retransmissions_unknown > asked / 2, "{stats:?}");
    let bytes = call.out_bytes() - before;
    assert!(bytes < 10_000_000, "{bytes} bytes to all in 10 s");
    call.assert_nobody_noticed("flood of NACKs");
}

#[test]
fn row_12_lies_about_arrivals_change_what_the_liar_gets_and_nothing_else() {
    for (seed, lie) in [
        (55, Lie::AllAtOnce),
        (56, Lie::NothingArrived),
        (57, Lie::NeverSent),
        (58, Lie::BackInTime),
        (59, Lie::Random),
    ] {
        let mut call = Call::new(seed);
        let mut luck = StdRng::seed_from_u64(u64::from(seed));
        let mut count = 0_u8;
        let padding = call.sim.engine.stats().padding_sent;
        call.while_lying(|call| {
            let compound = arrivals(lie, count, &mut luck);
            count = count.wrapping_add(1);
            call.bob_says(&compound);
        });
        // At most 20 Mbit/s of padding in probes of 30 ms, of which a second has two.
        let padding = call.sim.engine.stats().padding_sent - padding;
        assert!(padding < 10 * 600, "{lie:?}: {padding} packets of padding");
        call.assert_nobody_noticed("TWCC with gaps and lies");
    }
}

#[test]
fn row_12_a_wish_for_no_bits_at_all_is_no_harm() {
    let mut call = Call::new(60);
    let own = call.server_ssrcs();
    let ssrcs: Vec<Ssrc> = own.iter().map(|ssrc| Ssrc(*ssrc)).collect();
    let mut rates = [0, 1, u64::MAX >> 8, 0].into_iter().cycle();
    call.while_lying(|call| {
        let mut compound = Vec::new();
        rtcp::write_receiver_report(&mut compound, Ssrc(7), &[]);
        let rate = rates.next().expect("it goes round");
        rtcp::write_remb(&mut compound, Ssrc(7), Bitrate::from_bps(rate), &ssrcs);
        // The largest exponent and mantissa there are (draft-alvestrand-rmcat-remb-03, 2.2).
        let mut largest = compound.clone();
        let at = largest.len() - 4 * ssrcs.len() - 3;
        largest[at..at + 3].copy_from_slice(&[0xff; 3]);
        call.bob_says(&compound);
        call.bob_says(&largest);
    });
    call.assert_nobody_noticed("REMB 0");
}

#[test]
fn row_12_reports_with_impossible_times_and_losses_are_no_harm() {
    let mut call = Call::new(61);
    let own = call.server_ssrcs();
    let alices: Vec<u32> = (0..3).map(|index| call.camera_ssrc() + index).collect();
    let mut luck = StdRng::seed_from_u64(61);
    call.while_lying(|call| {
        let blocks: Vec<ReportBlock> = (0..31)
            .map(|index| ReportBlock {
                ssrc: Ssrc(own[index % own.len()]),
                fraction_lost: luck.random(),
                cumulative_lost: luck.random_range(-0x80_0000..0x80_0000),
                highest_sequence: luck.random(),
                jitter: luck.random(),
                last_sender_report: luck.random(),
                delay_since_last_sender_report: luck.random(),
            })
            .collect();
        for ssrc in alices.iter().copied().chain([luck.random()]) {
            let fields = SenderFields {
                ssrc: Ssrc(ssrc),
                ntp: luck.random(),
                rtp_timestamp: luck.random(),
                packets: luck.random(),
                octets: luck.random(),
            };
            let mut compound = Vec::new();
            rtcp::write_sender_report(&mut compound, &fields, &blocks);
            call.bob_says(&compound);
        }
    });
    call.assert_nobody_noticed("impossible reports");
}

#[test]
fn row_12_header_extensions_of_wrong_lengths_are_no_harm() {
    let mut call = Call::new(62);
    let mut luck = StdRng::seed_from_u64(62);
    let mut sequence = 0_u16;
    let before = call.all_dropped();
    let mut sent = 0;
    call.while_lying(|call| {
        sent += 1;
        let ids = [MID, RID, TRANSPORT_CC, AUDIO_LEVEL, 2, 9, 14];
        let data: Vec<Vec<u8>> = ids
            .iter()
            .map(|_| {
                (0..luck.random_range(1..=16))
                    .map(|_| luck.random())
                    .collect()
            })
            .collect();
        let named = ids.iter().zip(&data);
        let extensions: Vec<(u8, &[u8])> = named.map(|(id, data)| (*id, &data[..])).collect();
        let fields = HeaderFields {
            marker: luck.random(),
            payload_type: [VP8, OPUS, 97, 127][luck.random_range(0..4)],
            sequence: SequenceNumber(sequence),
            timestamp: luck.random(),
            ssrc: Ssrc(700 + luck.random_range(0..3)),
        };
        sequence = sequence.wrapping_add(luck.random_range(1..100));
        let mut header = [0; HEADER_LEN_MAX];
        let len = write_header(&mut header, &fields, &extensions[..luck.random_range(1..3)]);
        let mut packet = header[..len].to_vec();
        packet.extend([0x55; 40]);
        // The length of the whole block, or of one element of it, says more than there is.
        match luck.random_range(0..3) {
            0 => packet[14..16].copy_from_slice(&luck.random::<[u8; 2]>()),
            1 => packet[16] |= 0x0f,
            _ => {}
        }
        call.bob_sends(&packet);
    });
    let dropped = call.all_dropped() - before;
    assert!((sent..=sent + 2).contains(&dropped), "{dropped} of {sent}");
    let unknown = call.dropped("unknown_stream");
    assert!(unknown > sent / 4, "{unknown} were authentic");
    assert_eq!(call.sim.tracks.len(), 3, "no track comes of it");
    call.assert_nobody_noticed("header extensions of wrong lengths");
}

#[test]
fn a_line_that_is_lied_about_is_believed_again_once_the_truth_is_told() {
    let mut call = Call::new(63);
    let mut luck = StdRng::seed_from_u64(63);
    let mut count = 0_u8;
    call.while_lying(|call| {
        let compound = arrivals(Lie::Random, count, &mut luck);
        count = count.wrapping_add(1);
        call.bob_says(&compound);
    });
    let (bob, camera) = (call.bob, call.camera);
    let waited = call.sim.run_until("bob sees the best picture", |sim| {
        sim.client(bob).received[&camera].width == Some(1280)
    });
    assert!(waited < Duration::from_secs(20), "{waited:?}");
}

/// Alice speaks and shows herself; Carol watches her, and so does Bob, who lies.
struct Call {
    sim: Sim,
    alice: PeerId,
    bob: PeerId,
    carol: PeerId,
    camera: TrackId,
    mic: TrackId,
    /// Packets of sound that Carol and Bob had when the lies began.
    before: (u64, u64),
}

impl Call {
    fn new(seed: u8) -> Self {
        let mut sim = Sim::new(seed);
        let (alice, bob, carol) = (sim.join(2), sim.join(2), sim.join(2));
        let (mic, camera) = (sim.publish_audio(alice), sim.publish_camera(alice));
        sim.publish_audio(carol);
        sim.links.insert(bob, Link::default());
        for person in [bob, carol] {
            sim.run_until("the best picture", |sim| {
                let camera = sim.client(person).received.get(&camera);
                camera.is_some_and(|camera| camera.width == Some(1280))
            });
        }
        sim.run_for(Duration::from_secs(2));
        Self {
            sim,
            alice,
            bob,
            carol,
            camera,
            mic,
            before: (0, 0),
        }
    }

    fn while_lying(&mut self, mut lie: impl FnMut(&mut Self)) {
        self.before = (self.heard(self.carol), self.heard(self.bob));
        let reception = self.sim.client(self.carol).received.get_mut(&self.camera);
        reception.expect("she watches").longest_gap = Duration::ZERO;
        let end = self.sim.now + TIME;
        while self.sim.now < end {
            lie(self);
            self.sim.run_for(PAUSE);
        }
    }

    fn bob_says(&mut self, compound: &[u8]) {
        let client = self.sim.client(self.bob);
        let address = client.address;
        let (outbound, _) = client.srtp.as_mut().expect("he is connected");
        let sealed = outbound.encrypt_rtcp(compound);
        let mut sealed = sealed.expect("it begins like a compound").to_vec();
        self.sim.inject(address, &mut sealed);
    }

    fn bob_sends(&mut self, packet: &[u8]) {
        let client = self.sim.client(self.bob);
        let address = client.address;
        let (outbound, _) = client.srtp.as_mut().expect("he is connected");
        if let Ok(sealed) = outbound.encrypt_rtp(packet) {
            self.sim.inject(address, &mut sealed.to_vec());
        } else {
            // What no stack encrypts arrives unauthentic.
            self.sim.inject(address, &mut packet.to_vec());
        }
    }

    fn assert_nobody_noticed(&mut self, attack: &str) {
        let (carol, bob) = (
            self.heard(self.carol) - self.before.0,
            self.heard(self.bob) - self.before.1,
        );
        let camera = self.sim.client(self.carol).received[&self.camera].clone();
        let (lost, gap) = (camera.lost, camera.longest_gap.as_millis());
        eprintln!(
            r#"quality row=12 target="{attack}: no effect on others" measured="{carol} of 500 packets of sound, {lost} of pictures lost, longest gap {gap} ms""#
        );
        assert!(carol >= 498, "carol heard {carol} of 500 packets");
        assert!(bob >= 490, "even bob heard {bob} of 500 packets");
        assert_eq!((camera.lost, camera.duplicates), (0, 0));
        assert_eq!(camera.width, Some(1280));
        assert_eq!(camera.discontinuities, Vec::<String>::new());
        let gap = camera.longest_gap;
        assert!(gap <= Duration::from_millis(60), "{gap:?}");
        assert_eq!(self.sim.engine.stats().peers, 3);
        assert_eq!(self.sim.client(self.alice).packets_requested, 0);
    }

    fn heard(&mut self, who: PeerId) -> u64 {
        let mic = self.mic;
        self.sim.client(who).received[&mic].packets
    }

    /// The SSRCs under which Bob gets things.
    fn server_ssrcs(&mut self) -> Vec<u32> {
        self.ssrcs_of(self.bob)
    }

    fn ssrcs_of(&mut self, who: PeerId) -> Vec<u32> {
        self.sim.client(who).ssrcs.keys().copied().collect()
    }

    fn camera_ssrc(&self) -> u32 {
        u32::try_from(self.camera.0).expect("small in this simulation") * 100
    }

    fn all_dropped(&self) -> u64 {
        self.sim
            .engine
            .stats()
            .dropped()
            .map(|(_, count)| count)
            .sum()
    }

    fn dropped(&self, reason: &str) -> u64 {
        let dropped = self.sim.engine.stats().dropped();
        let counts = dropped.filter(|(label, _)| *label == reason);
        counts.map(|(_, count)| count).sum()
    }

    fn out_bytes(&self) -> u64 {
        self.sim.sent_down_bytes
    }
}

/// What is told of arrivals.
#[derive(Debug, Clone, Copy)]
enum Lie {
    AllAtOnce,
    NothingArrived,
    NeverSent,
    BackInTime,
    Random,
}

fn arrivals(lie: Lie, count: u8, luck: &mut StdRng) -> Vec<u8> {
    let ms = Duration::from_millis;
    let (base, told): (u16, Vec<Option<Duration>>) = match lie {
        Lie::AllAtOnce => (u16::from(count) * 4, vec![Some(ms(0)); 200]),
        Lie::NothingArrived => return nothing_arrived(count),
        Lie::NeverSent => (40_000, vec![Some(ms(1)); 300]),
        Lie::BackInTime => {
            let late = (0..200).map(|step| Some(ms(16_000_000 - step * 60)));
            (u16::from(count) * 4, late.collect())
        }
        Lie::Random => {
            let mut any = |_| {
                let arrived = luck.random_bool(0.7);
                arrived.then(|| ms(luck.random_range(0..8_000)))
            };
            let told = (0..200).map(&mut any).collect();
            (luck.random(), told)
        }
    };
    let fields = TransportFeedbackFields {
        sender: Ssrc(7),
        media: Ssrc(1),
        base: SequenceNumber(base),
        feedback_count: count,
    };
    let mut compound = Vec::new();
    write_transport_feedback(&mut compound, &fields, &told);
    compound
}

/// One run of two hundred packets that did not arrive (section 3.1.3 of the draft): what no client
/// that tells the truth sends, and our own writer does not write.
fn nothing_arrived(count: u8) -> Vec<u8> {
    let mut compound = vec![0x8f, 205, 0, 5, 0, 0, 0, 7, 0, 0, 0, 1];
    compound.extend((u16::from(count) * 4).to_be_bytes());
    compound.extend(200_u16.to_be_bytes());
    compound.extend([0, 0, count, count]);
    compound.extend(200_u16.to_be_bytes());
    compound.extend([0, 0]);
    compound
}

/// Packets that say more than they hold, of every type, and plain noise, each after a report that
/// is as it should be.
fn broken_compounds(luck: &mut StdRng) -> Vec<Vec<u8>> {
    let packet_type = [200, 201, 202, 203, 204, 205, 206, 207][luck.random_range(0..8)];
    let format = luck.random_range(0..32_u8);
    let words = luck.random_range(0..12_u16);
    let [high, low] = words.to_be_bytes();
    let mut said_too_much = vec![0x80 | format, packet_type, high, low + 3];
    said_too_much.extend((0..usize::from(words) * 4 + 4).map(|_| luck.random::<u8>()));
    let mut bad_padding = vec![0xa0 | format, packet_type, 0, 2, 0, 0, 0, 7, 0, 0, 0];
    bad_padding.push(luck.random_range(13..=255));
    let mut wrong_version = vec![0x40 | format, packet_type, 0, 1];
    wrong_version.extend(luck.random::<[u8; 4]>());
    let noise: Vec<u8> = (0..luck.random_range(8..200))
        .map(|_| luck.random())
        .collect();
    let noise = [&[0x80 | format, packet_type], &noise[2..]].concat();
    [said_too_much, bad_padding, wrong_version, noise]
        .into_iter()
        .map(|broken| {
            let mut compound = Vec::new();
            rtcp::write_receiver_report(&mut compound, Ssrc(7), &[]);
            compound.extend(broken);
            compound
        })
        .collect()
}

fn pli(ssrc: u32) -> Vec<u8> {
    let mut compound = Vec::new();
    rtcp::write_pli(&mut compound, Ssrc(7), Ssrc(ssrc));
    compound
}

/// RFC 5104, section 4.3.1.
fn fir(ssrcs: &[u32]) -> Vec<u8> {
    let words = u16::try_from(2 + 2 * ssrcs.len()).expect("a few entries");
    let mut compound = vec![0x84, 206];
    compound.extend(words.to_be_bytes());
    compound.extend([0, 0, 0, 7, 0, 0, 0, 0]);
    for (ssrc, count) in ssrcs.iter().zip(0_u8..) {
        compound.extend(ssrc.to_be_bytes());
        compound.extend([count, 0, 0, 0]);
    }
    compound
}
