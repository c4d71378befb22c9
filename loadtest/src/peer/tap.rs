//! Sits at the application's end of the packet chain: counts what passes and notes key frame
//! requests. Decides nothing; received media ends here, because nobody plays it.

use crate::media_source::KeyFrameRequests;
use crate::reception::{Arrival, Reception};
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Its place in the chain: beyond every other interceptor, so that repairs are counted too.
pub(super) const SLOT: usize = 14_000;

/// The header extension whose content names a media section (RFC 9143, section 15).
pub(super) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// The counting interceptor of one peer.
pub(super) struct Tap {
    reception: Arc<Reception>,
    requests: Arc<KeyFrameRequests>,
    mid_extension: u8,
    incoming: VecDeque<TaggedPacket>,
    outgoing: VecDeque<TaggedPacket>,
}

impl Tap {
    /// Counts into `reception` and raises `requests`. `mid_extension` is the offered extension id.
    pub(super) fn new(
        reception: Arc<Reception>,
        requests: Arc<KeyFrameRequests>,
        mid_extension: u8,
    ) -> Self {
        let (incoming, outgoing) = (VecDeque::new(), VecDeque::new());
        Self {
            reception,
            requests,
            mid_extension,
            incoming,
            outgoing,
        }
    }

    fn count(&self, now: Instant, packet: &rtc::rtp::Packet) {
        let mid = packet.header.get_extension(self.mid_extension);
        let arrival = Arrival {
            ssrc: packet.header.ssrc,
            payload_type: packet.header.payload_type,
            sequence: packet.header.sequence_number,
            marker: packet.header.marker,
            header_len: packet.header.marshal_size(),
            mid: mid.as_deref(),
            payload: &packet.payload,
        };
        self.reception.note_received(now, &arrival);
    }

    fn note_requests(&self, packets: &[Box<dyn rtc::rtcp::Packet>]) {
        for packet in packets.iter().map(|packet| packet.as_any()) {
            if let Some(request) = packet.downcast_ref::<PictureLossIndication>() {
                self.requests.raise(request.media_ssrc);
            } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
                request
                    .fir
                    .iter()
                    .for_each(|entry| self.requests.raise(entry.ssrc));
            }
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        match &tagged.message.packet {
            Packet::Rtp(packet) => self.count(tagged.now, packet),
            Packet::Rtcp(packets) => {
                self.note_requests(packets);
                self.incoming.push_back(tagged);
            }
            _ => self.incoming.push_back(tagged),
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.incoming.pop_front()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &tagged.message.packet {
            self.reception
                .note_sent(packet.header.marshal_size() + packet.payload.len());
        }
        self.outgoing.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outgoing.pop_front()
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, _stream: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _stream: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _stream: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _stream: &StreamInfo) {}
}
