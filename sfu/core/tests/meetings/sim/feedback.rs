//! What a simulated client makes of the server's feedback, and what it tells and asks itself.

use super::client::Client;
use super::offer::Repair;
use sfu_core::rtp::{Ssrc, rtcp};
use std::time::Instant;

impl Client {
    pub(super) fn receive_rtcp(&mut self, datagram: &[u8], out: &mut Vec<Vec<u8>>) {
        let Some((outbound, inbound)) = self.srtp.as_mut() else {
            return;
        };
        let compound = inbound
            .decrypt_rtcp(datagram)
            .expect("the server's SRTCP is valid");
        let mut asked = false;
        for packet in rtcp::packets(&compound) {
            match packet {
                rtcp::Rtcp::Fir { entries, .. } => {
                    assert!(self.fir, "it did not offer that");
                    asked = true;
                    for entry in entries {
                        let numbers = self.firs.entry(entry.media.0).or_default();
                        numbers.push(entry.sequence);
                        for source in self.sources.values_mut() {
                            source.keyframe_wanted(entry.media.0);
                        }
                    }
                }
                rtcp::Rtcp::Pli { media, .. } => {
                    assert!(!self.fir, "it did not offer that");
                    asked = true;
                    for source in self.sources.values_mut() {
                        source.keyframe_wanted(media.0);
                    }
                }
                rtcp::Rtcp::TransportFeedback(_) => self.transport_feedback += 1,
                rtcp::Rtcp::Nack { media, items, .. } => {
                    for number in items.flat_map(rtcp::NackItem::sequences) {
                        self.packets_requested += 1;
                        *self.requested_of.entry(media.0).or_default() += 1;
                        for source in self.sources.values_mut() {
                            source.again(
                                media.0,
                                number,
                                self.repair,
                                &mut self.transport_sequence,
                                |packet| {
                                    out.push(outbound.encrypt_rtp(packet).unwrap().to_vec());
                                },
                            );
                        }
                    }
                }
                rtcp::Rtcp::SenderReport {
                    ssrc,
                    ntp,
                    rtp_timestamp,
                    ..
                } => {
                    if let Some(track) = self.ssrcs.get(&ssrc.0) {
                        let reception = self.received.entry(*track).or_default();
                        reception.clock = Some((ntp, rtp_timestamp));
                        let fraction = reception.fraction_lost();
                        let report = report_on(ssrc, ntp, fraction, reception.figures());
                        out.push(outbound.encrypt_rtcp(&report).unwrap().to_vec());
                    }
                }
                _ => {}
            }
        }
        self.keyframe_requests += u64::from(asked);
    }

    /// Asks for what is missing as libwebrtc does: soon, and again after a round trip.
    pub(super) fn ask_for_lost_packets(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        let Some((outbound, _)) = self.srtp.as_mut() else {
            return;
        };
        for (ssrc, track) in &self.ssrcs {
            let repairable = match self.repair {
                Repair::None => false,
                Repair::Nack | Repair::RtxAndSound => true,
                Repair::Rtx => self.rtx_ssrcs.values().any(|video| video == track),
            };
            let Some(reception) = self
                .received
                .get_mut(track)
                .filter(|_| repairable || self.floods)
            else {
                continue;
            };
            let lost = if self.floods {
                reception.everything()
            } else {
                reception.due(now)
            };
            if !lost.is_empty() {
                let mut compound = Vec::new();
                rtcp::write_receiver_report(&mut compound, Ssrc(7), &[]);
                rtcp::write_nack(&mut compound, Ssrc(7), Ssrc(*ssrc), &lost);
                out.push(outbound.encrypt_rtcp(&compound).unwrap().to_vec());
            }
        }
    }
}

/// A receiver report that answers a sender report at once.
fn report_on(
    ssrc: Ssrc,
    ntp: u64,
    fraction_lost: u8,
    (highest_sequence, lost): (u32, i32),
) -> Vec<u8> {
    let block = rtcp::ReportBlock {
        ssrc,
        fraction_lost,
        cumulative_lost: lost,
        highest_sequence,
        jitter: 0,
        last_sender_report: u32::try_from((ntp >> 16) & 0xffff_ffff).unwrap(),
        delay_since_last_sender_report: 0,
    };
    let mut compound = Vec::new();
    rtcp::write_receiver_report(&mut compound, Ssrc(7), &[block]);
    compound
}
