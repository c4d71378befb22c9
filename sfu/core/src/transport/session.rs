//! DTLS and what lives by its keys: SRTP and the data channels. Knows one path at a time and is
//! handed only datagrams of validated addresses.

use super::config::{DtlsRole, RemoteParameters, TransportConfig, TransportError};
use super::data_channel::{DataChannels, SendDataError};
use super::drop_reason::DropReason;
use super::dtls::{Dtls, Outcome};
use super::srtp::{self, Receiver, Sender};
use super::{Received, TransportEvent};
use crate::command::DataChannel;
use crate::outbox::{Outbox, Path, RunIndex};
use bytes::Bytes;
use std::time::Instant;

/// From the first DTLS datagram to the end of the peer.
pub(super) struct Session {
    dtls: Dtls,
    role: DtlsRole,
    keyed: Option<Keyed>,
    /// Apart from the media's run, which records of other lengths would cut short.
    run: Option<RunIndex>,
}

/// What exists once the handshake is through.
struct Keyed {
    sender: Sender,
    receiver: Receiver,
    data: DataChannels,
}

/// Where a turn's output goes.
pub(super) struct Wire<'a> {
    pub(super) path: Path,
    pub(super) out: &'a mut Outbox,
    pub(super) events: &'a mut Vec<TransportEvent>,
}

impl Session {
    pub(super) fn new(now: Instant, config: &TransportConfig, remote: &RemoteParameters) -> Self {
        Self {
            dtls: Dtls::new(now, config, remote.fingerprint, remote.role),
            role: remote.role,
            keyed: None,
            run: None,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.keyed.is_some()
    }

    /// Whether a datagram is worth the time; must be asked before [`Session::receive_dtls`].
    pub(super) fn admit(&mut self, datagram: &[u8]) -> Result<(), DropReason> {
        self.dtls.admit(datagram)
    }

    /// Takes a DTLS datagram and returns whether it held data of the client's, which proves that
    /// it lives. An error is final, here and in all that follow.
    pub(super) fn receive_dtls(
        &mut self,
        now: Instant,
        config: &TransportConfig,
        datagram: &[u8],
        wire: Wire<'_>,
    ) -> Result<bool, TransportError> {
        self.dtls.receive(now, datagram)?;
        self.turn(now, config, wire)
    }

    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        config: &TransportConfig,
        wire: Wire<'_>,
    ) -> Result<(), TransportError> {
        self.dtls.handle_timeout(now)?;
        if let Some(keyed) = &mut self.keyed {
            keyed.data.handle_timeout(now, wire.events);
        }
        self.turn(now, config, wire).map(drop)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let data = self
            .keyed
            .as_ref()
            .and_then(|keyed| keyed.data.next_timeout());
        [self.dtls.next_timeout(), data].into_iter().flatten().min()
    }

    pub(super) fn receive_media<'a>(
        &mut self,
        packet: &'a mut [u8],
        is_rtcp: bool,
    ) -> Result<Received<'a>, DropReason> {
        let receiver = self
            .keyed
            .as_mut()
            .map(|keyed| &mut keyed.receiver)
            .ok_or(DropReason::SrtpNoKeys)?;
        if is_rtcp {
            let len = receiver.open_rtcp(packet)?;
            Ok(Received::Rtcp(&mut packet[..len]))
        } else {
            let len = receiver.open_rtp(packet)?;
            Ok(Received::Rtp(&mut packet[..len]))
        }
    }

    /// The encrypting half, once there are keys.
    pub(super) fn sender(&mut self) -> Option<&mut Sender> {
        self.keyed.as_mut().map(|keyed| &mut keyed.sender)
    }

    /// Queues a message; [`Session::flush`] sends it.
    pub(super) fn queue_data(
        &mut self,
        channel: DataChannel,
        payload: &Bytes,
    ) -> Result<(), SendDataError> {
        let keyed = self.keyed.as_mut().ok_or(SendDataError::NotOpen)?;
        keyed.data.send(channel, payload)
    }

    /// Sends what DTLS has ready, hands its data on, then sends what the data channels have.
    fn turn(
        &mut self,
        now: Instant,
        config: &TransportConfig,
        wire: Wire<'_>,
    ) -> Result<bool, TransportError> {
        let Wire { path, out, events } = wire;
        let Self {
            dtls,
            role,
            keyed,
            run,
        } = self;
        let mut has_data = false;
        dtls.drain(|outcome| match outcome {
            Outcome::Send(datagram) => *run = Some(out.send(*run, path, datagram)),
            Outcome::Keys(profile, material) => {
                let (sender, receiver) = srtp::directions(profile, material, *role);
                let data = DataChannels::new(&config.sctp);
                *keyed = Some(Keyed {
                    sender,
                    receiver,
                    data,
                });
                events.push(TransportEvent::Connected);
            }
            Outcome::Data(packet) => {
                has_data = true;
                if let Some(keyed) = keyed {
                    keyed.data.receive(now, packet, events);
                }
            }
        })?;
        self.flush(now, path, out)?;
        Ok(has_data)
    }

    /// Sends what the data channels have ready.
    pub(super) fn flush(
        &mut self,
        now: Instant,
        path: Path,
        out: &mut Outbox,
    ) -> Result<(), TransportError> {
        let Self {
            dtls,
            keyed: Some(keyed),
            run,
            ..
        } = self
        else {
            return Ok(());
        };
        keyed.data.transmit(now, |packet| {
            dtls.send(packet)?;
            // One record a datagram: DTLS keeps only a few waiting.
            dtls.drain(|outcome| match outcome {
                Outcome::Send(datagram) => *run = Some(out.send(*run, path, datagram)),
                Outcome::Keys(..) | Outcome::Data(_) => {}
            })
        })
    }
}
