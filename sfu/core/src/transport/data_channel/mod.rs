//! Data channels over SCTP (RFC 8831): accepts the channels that the client opens, by label, and
//! carries whole messages both ways. Knows nothing of what the messages mean.
//!
//! # Layout
//! - [`dcep`]: the messages that open a channel.
//! - [`guard`]: what of SCTP is refused before the protocol engine sees it.

mod dcep;
mod guard;
#[cfg(test)]
mod hostile_tests;

use crate::command::DataChannel;
use crate::transport::TransportEvent;
use bytes::Bytes;
use dcep::Open;
use guard::Guard;
use sctp_proto::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppi, ReliabilityType, ServerConfig, StreamEvent, StreamId,
    TransportConfig,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

/// The longest message sent. Clients send at most 64,000 bytes, and the server adds the sender's
/// name to them; what an SDP without `a=max-message-size` allows (RFC 8841) is not exceeded.
pub const MESSAGE_LEN_MAX: usize = 65_535;
/// The longest message received; a longer one ends the association.
const MESSAGE_RECEIVED_LEN_MAX: u32 = 65_536;
/// Bytes of messages that are not complete or wait for an earlier one: four of the longest. A
/// client that fills it with pieces that cannot be completed is cut off.
const RECEIVE_BUFFER: u32 = 256 * 1024;
/// About four seconds of a slow client's link. Reliable messages beyond it are refused.
const RELIABLE_BACKLOG_MAX: usize = 1024 * 1024;
/// Lossy messages are worthless when late. Those beyond it are dropped.
const LOSSY_BACKLOG_MAX: usize = 128 * 1024;
/// Clients open three; some more are other software's experiments. One more ends the association.
const STREAMS_MAX: usize = 32;
/// Numbers that clients may use for streams: they use 0 to 102.
const STREAM_IDS: u16 = 1024;
/// SCTP and its data header in an IPv6 packet of 1,280 bytes, with DTLS, UDP and IP around it.
const FRAGMENT_LEN_MAX: u32 = 1160;
/// dcSCTP's (Chrome) retransmission timeouts: first, least, most.
const RETRANSMIT_MS: (u64, u64, u64) = (500, 400, 5_000);

/// Settings of SCTP that all peers share.
pub(super) struct SctpConfig {
    endpoint: Arc<EndpointConfig>,
    server: Arc<ServerConfig>,
}

impl SctpConfig {
    pub(super) fn new() -> Self {
        let (first, least, most) = RETRANSMIT_MS;
        let transport = TransportConfig::default()
            .with_max_receive_buffer_size(RECEIVE_BUFFER)
            .with_max_receive_message_size(MESSAGE_RECEIVED_LEN_MAX)
            .with_max_num_inbound_streams(STREAM_IDS)
            .with_max_num_outbound_streams(STREAM_IDS)
            // ICE and the engine decide when a silent peer is gone.
            .with_max_init_retransmits(None)
            .with_max_data_retransmits(None)
            .with_rto_initial_ms(first)
            .with_rto_min_ms(least)
            .with_rto_max_ms(most);
        let mut server = ServerConfig::new();
        server.transport = Arc::new(transport);
        let mut endpoint = EndpointConfig::new();
        endpoint.max_payload_size(FRAGMENT_LEN_MAX);
        Self {
            endpoint: Arc::new(endpoint),
            server: Arc::new(server),
        }
    }
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendDataError {
    /// The client has not opened this channel, or closed it.
    #[error("the channel is not open")]
    NotOpen,
    /// Longer than [`MESSAGE_LEN_MAX`].
    #[error("{len} bytes are more than {MESSAGE_LEN_MAX}")]
    TooLong {
        /// The length of the message.
        len: usize,
    },
    /// The client does not read as fast as it is sent to.
    #[error("{queued} bytes are queued already")]
    Backlogged {
        /// How much waits.
        queued: usize,
    },
}

/// One peer's SCTP association and the channels on it.
pub(super) struct DataChannels {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    guard: Guard,
    reliable: Option<StreamId>,
    lossy: Option<StreamId>,
    streams: usize,
    /// The association has ended; what it still has to say is sent before it is dropped.
    is_lost: bool,
}

/// The endpoint wants an address; under DTLS there is only one peer.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

impl DataChannels {
    pub(super) fn new(config: &SctpConfig) -> Self {
        Self {
            endpoint: Endpoint::new(config.endpoint.clone(), Some(config.server.clone())),
            association: None,
            guard: Guard::default(),
            reliable: None,
            lossy: None,
            streams: 0,
            is_lost: false,
        }
    }

    /// Takes one SCTP packet. What it makes us send comes out of [`DataChannels::transmit`].
    pub(super) fn receive(
        &mut self,
        now: Instant,
        packet: &[u8],
        events: &mut Vec<TransportEvent>,
    ) {
        if !self.guard.admits(packet, self.is_established()) {
            return;
        }
        if self.guard.is_exhausted() {
            self.close();
            return;
        }
        let packet = Bytes::copy_from_slice(packet);
        match self.endpoint.handle(now, PEER, None, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                // A second one would only be an attempt to make us remember more.
                self.endpoint.reject_new_associations();
                self.association = Some((handle, association));
            }
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = &mut self.association {
                    association.handle_event(event);
                }
            }
            None => {}
        }
        self.handle_events(events);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, events: &mut Vec<TransportEvent>) {
        if let Some((_, association)) = &mut self.association {
            association.handle_timeout(now);
            self.handle_events(events);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let (_, association) = self.association.as_ref()?;
        association.poll_timeout()
    }

    /// Queues one message; it leaves with [`DataChannels::transmit`], now or when SCTP's window
    /// opens.
    pub(super) fn send(
        &mut self,
        channel: DataChannel,
        payload: &Bytes,
    ) -> Result<(), SendDataError> {
        if payload.len() > MESSAGE_LEN_MAX {
            return Err(SendDataError::TooLong { len: payload.len() });
        }
        let (id, backlog_max) = match channel {
            DataChannel::Reliable => (self.reliable, RELIABLE_BACKLOG_MAX),
            DataChannel::Lossy => (self.lossy, LOSSY_BACKLOG_MAX),
        };
        let (Some(id), Some((_, association))) = (id, &mut self.association) else {
            return Err(SendDataError::NotOpen);
        };
        let mut stream = association.stream(id).map_err(|_| SendDataError::NotOpen)?;
        let queued = stream
            .buffered_amount()
            .map_err(|_| SendDataError::NotOpen)?;
        if queued + payload.len() > backlog_max {
            return match channel {
                DataChannel::Reliable => Err(SendDataError::Backlogged { queued }),
                DataChannel::Lossy => Ok(()),
            };
        }
        let written = if payload.is_empty() {
            // SCTP has no empty messages: one byte stands for none (RFC 8831, section 6.6).
            stream.write_with_ppi(&[0], Ppi::BinaryEmpty)
        } else {
            stream.write_sctp(payload, Ppi::Binary)
        };
        written.map(drop).map_err(|_| SendDataError::NotOpen)
    }

    /// Hands over every SCTP packet that is due.
    pub(super) fn transmit<E>(
        &mut self,
        now: Instant,
        mut send: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((_, association)) = &mut self.association else {
            return Ok(());
        };
        while let Some(transmit) = association.poll_transmit(now) {
            let Payload::RawEncode(packets) = transmit.payload else {
                continue;
            };
            for packet in packets {
                self.guard.sent(&packet, RECEIVE_BUFFER);
                send(&packet)?;
            }
        }
        if self.is_lost {
            self.association = None;
        }
        Ok(())
    }

    fn is_established(&self) -> bool {
        self.association
            .as_ref()
            .is_some_and(|(_, association)| !association.is_handshaking())
    }

    fn handle_events(&mut self, events: &mut Vec<TransportEvent>) {
        while let Some((_, association)) = &mut self.association {
            let Some(event) = association.poll() else {
                break;
            };
            match event {
                Event::Stream(StreamEvent::Opened { .. }) => self.streams += 1,
                Event::Stream(StreamEvent::Readable { id }) => self.read(id, events),
                Event::Stream(StreamEvent::Finished { id }) => self.finish(id),
                Event::AssociationLost { .. } => {
                    self.is_lost = true;
                    self.forget_channels();
                }
                Event::Connected
                | Event::HandshakeFailed { .. }
                | Event::Stream(_)
                | Event::DataChannelStatsFinal(_)
                | Event::DatagramReceived
                | _ => {}
            }
        }
        if self.streams > STREAMS_MAX {
            self.close();
        }
        self.handle_endpoint_events();
    }

    fn handle_endpoint_events(&mut self) {
        while let Some((handle, association)) = &mut self.association {
            let Some(event) = association.poll_endpoint_event() else {
                break;
            };
            let is_drained = event.is_drained();
            self.endpoint.handle_event(*handle, event);
            if is_drained {
                self.association = None;
                self.forget_channels();
            }
        }
    }

    fn read(&mut self, id: StreamId, events: &mut Vec<TransportEvent>) {
        while let Some((_, association)) = &mut self.association {
            let Ok(mut stream) = association.stream(id) else {
                return;
            };
            let Ok(Some(message)) = stream.read_sctp() else {
                return;
            };
            self.guard.delivered(message.chunks.len());
            let mut payload = vec![0; message.len()];
            message
                .read(&mut payload)
                .expect("the buffer is as long as the message");
            self.handle_message(id, message.ppi, payload, events);
        }
    }

    fn handle_message(
        &mut self,
        id: StreamId,
        ppi: Ppi,
        payload: Vec<u8>,
        events: &mut Vec<TransportEvent>,
    ) {
        let payload = match ppi {
            Ppi::Dcep => return self.handle_open(id, &payload, events),
            Ppi::String | Ppi::Binary => Bytes::from(payload),
            Ppi::StringEmpty | Ppi::BinaryEmpty => Bytes::new(),
            Ppi::Unknown => return,
        };
        if let Some(channel) = self.channel_of(id) {
            events.push(TransportEvent::Data(channel, payload));
        }
    }

    /// A channel with another label is accepted as well, and its messages are dropped: clients
    /// open `_data_track` and would report an error if nobody answered.
    fn handle_open(&mut self, id: StreamId, message: &[u8], events: &mut Vec<TransportEvent>) {
        let Some(open) = Open::parse(message) else {
            return;
        };
        let Some((_, association)) = &mut self.association else {
            return;
        };
        let Ok(mut stream) = association.stream(id) else {
            return;
        };
        // The acknowledgement goes before the channel's own reliability: it must arrive.
        if stream.write_with_ppi(&dcep::ACK, Ppi::Dcep).is_err() {
            return;
        }
        let channel = match open.label {
            b"_reliable" => DataChannel::Reliable,
            b"_lossy" => DataChannel::Lossy,
            _ => return,
        };
        let (is_unordered, kind) = match channel {
            DataChannel::Reliable => (false, ReliabilityType::Reliable),
            DataChannel::Lossy => (true, ReliabilityType::Rexmit),
        };
        if stream
            .set_reliability_params(is_unordered, kind, 0)
            .is_err()
        {
            return;
        }
        *self.stream_of(channel) = Some(id);
        events.push(TransportEvent::ChannelOpen(channel));
    }

    fn stream_of(&mut self, channel: DataChannel) -> &mut Option<StreamId> {
        match channel {
            DataChannel::Reliable => &mut self.reliable,
            DataChannel::Lossy => &mut self.lossy,
        }
    }

    fn channel_of(&self, id: StreamId) -> Option<DataChannel> {
        if self.reliable == Some(id) {
            Some(DataChannel::Reliable)
        } else if self.lossy == Some(id) {
            Some(DataChannel::Lossy)
        } else {
            None
        }
    }

    fn finish(&mut self, id: StreamId) {
        self.streams = self.streams.saturating_sub(1);
        if let Some(channel) = self.channel_of(id) {
            *self.stream_of(channel) = None;
        }
    }

    /// Ends the association: media goes on, and the client learns it from the silence.
    fn close(&mut self) {
        self.association = None;
        self.forget_channels();
    }

    fn forget_channels(&mut self) {
        self.reliable = None;
        self.lossy = None;
    }
}
