//! Writes one RTP stream: header, sequence numbers, time stamps, header extensions. Knows nothing
//! of what the payloads mean.

use bytes::Bytes;
use rtc::rtp;
use std::sync::Arc;
use webrtc::media_stream::track_local::TrackLocal;

/// A receiver learns the stream's SSRC from the labels of its first packets; libwebrtc sends them
/// until a receiver report comes, which is about a second.
const LABELLED_PACKETS: u32 = 200;

/// The header extensions that tell which section and encoding a stream belongs to (RFC 8852).
#[derive(Debug, Clone, Default)]
pub struct Labels(pub Vec<(u8, Bytes)>);

/// One RTP stream going out.
pub struct StreamWriter {
    track: Arc<dyn TrackLocal>,
    header: rtp::Header,
    labels: Labels,
    labelled_left: u32,
}

impl StreamWriter {
    /// A stream of `track` with `ssrc` and `payload_type`, starting at any place in both clocks.
    pub fn new(track: Arc<dyn TrackLocal>, ssrc: u32, payload_type: u8, labels: Labels) -> Self {
        let header = rtp::Header {
            version: 2,
            payload_type,
            ssrc,
            sequence_number: rand::random(),
            timestamp: rand::random(),
            ..rtp::Header::default()
        };
        Self {
            track,
            header,
            labels,
            labelled_left: LABELLED_PACKETS,
        }
    }

    /// Sends one packet at the stream's time, with one more header extension if given.
    pub async fn send(&mut self, payload: Bytes, marker: bool, extension: Option<(u8, Bytes)>) {
        let mut header = self.header.clone();
        header.marker = marker;
        let labels = if self.labelled_left > 0 {
            self.labels.0.as_slice()
        } else {
            &[]
        };
        for (id, content) in labels.iter().cloned().chain(extension) {
            header
                .set_extension(id, content)
                .expect("offered ids and contents are valid");
        }
        self.labelled_left = self.labelled_left.saturating_sub(1);
        self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
        // Fails only once the connection is closed, and then nobody misses the packet.
        self.track
            .write_rtp(rtp::Packet { header, payload })
            .await
            .ok();
    }

    /// Moves the stream's time on.
    pub fn advance(&mut self, ticks: u32) {
        self.header.timestamp = self.header.timestamp.wrapping_add(ticks);
    }
}
