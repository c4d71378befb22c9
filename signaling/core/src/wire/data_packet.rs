//! Rewrites the envelope of data packets, so that nobody speaks in another's name.
//!
//! What is inside is passed on byte by byte, and so are fields we do not know: clients may be newer
//! than this server. Who receives a packet is decided by the room.

use bytes::{Buf as _, Bytes};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use sfu_core::command::DataChannel;

/// Field numbers of `DataPacket`.
mod field {
    pub(super) const KIND: u32 = 1;
    pub(super) const USER: u32 = 2;
    pub(super) const SPEAKER: u32 = 3;
    pub(super) const PARTICIPANT_IDENTITY: u32 = 4;
    pub(super) const DESTINATION_IDENTITIES: u32 = 5;
    pub(super) const METRICS: u32 = 8;
    pub(super) const SEQUENCE: u32 = 16;
    pub(super) const PARTICIPANT_SID: u32 = 17;
}

/// Field numbers of `UserPacket`, whose own copies of the envelope old clients still read.
mod user_field {
    pub(super) const PARTICIPANT_SID: u32 = 1;
    pub(super) const DESTINATION_SIDS: u32 = 3;
    pub(super) const PARTICIPANT_IDENTITY: u32 = 5;
    pub(super) const DESTINATION_IDENTITIES: u32 = 6;
}

/// A data packet without what its sender says about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataEnvelope {
    /// The sender's number of a reliable packet, from 1; zero if it is not numbered.
    pub sequence: u32,
    /// The identities it is for.
    pub destination_identities: Vec<String>,
    /// The sids it is for, as old clients name them.
    pub destination_sids: Vec<String>,
    user_packets: Vec<Bytes>,
    rest: Vec<u8>,
}

/// Who sent a packet, as its receivers are told; empty for somebody hidden.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// Their sid.
    pub sid: &'a str,
    /// Their identity.
    pub identity: &'a str,
}

/// Why a data packet is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DataPacketError {
    /// Not protobuf, or a field of the envelope is not of its type.
    #[error("not a valid data packet")]
    Malformed,
    /// Who speaks and how well media gets through is the server's to say.
    #[error("a kind of data packet that only servers send")]
    NotForClients,
}

impl DataEnvelope {
    /// Takes a packet apart.
    pub fn parse(packet: &Bytes) -> Result<Self, DataPacketError> {
        let mut envelope = Self {
            sequence: 0,
            destination_identities: Vec::new(),
            destination_sids: Vec::new(),
            user_packets: Vec::new(),
            rest: Vec::with_capacity(packet.len()),
        };
        let mut from_user_packet = Vec::new();
        let mut fields = Fields(packet.clone());
        while let Some(found) = fields.next()? {
            match found.number {
                field::KIND | field::PARTICIPANT_IDENTITY | field::PARTICIPANT_SID => {}
                field::DESTINATION_IDENTITIES => {
                    envelope.destination_identities.push(found.text()?);
                }
                field::SEQUENCE => envelope.sequence = found.number_u32()?,
                field::USER => envelope.parse_user_packet(found, &mut from_user_packet)?,
                field::SPEAKER | field::METRICS => return Err(DataPacketError::NotForClients),
                _ => envelope.rest.extend_from_slice(&found.whole),
            }
        }
        if envelope.destination_identities.is_empty() {
            envelope.destination_identities = from_user_packet;
        }
        Ok(envelope)
    }

    fn parse_user_packet(
        &mut self,
        packet: Field,
        destinations: &mut Vec<String>,
    ) -> Result<(), DataPacketError> {
        let mut kept = Vec::with_capacity(packet.whole.len());
        let mut fields = Fields(packet.content.ok_or(DataPacketError::Malformed)?);
        while let Some(found) = fields.next()? {
            match found.number {
                user_field::PARTICIPANT_SID | user_field::PARTICIPANT_IDENTITY => {}
                user_field::DESTINATION_SIDS => self.destination_sids.push(found.text()?),
                user_field::DESTINATION_IDENTITIES => destinations.push(found.text()?),
                _ => kept.extend_from_slice(&found.whole),
            }
        }
        self.user_packets.push(kept.into());
        Ok(())
    }

    /// Whether it is for some participants only.
    pub fn is_addressed(&self) -> bool {
        !self.destination_identities.is_empty() || !self.destination_sids.is_empty()
    }

    /// The packet as its receivers get it.
    pub fn write(&self, channel: DataChannel, sender: Sender<'_>) -> Bytes {
        let mut out = Vec::with_capacity(self.rest.len() + 128);
        if channel == DataChannel::Lossy {
            write_number(&mut out, field::KIND, 1);
        }
        write_text(&mut out, field::PARTICIPANT_IDENTITY, sender.identity);
        for identity in &self.destination_identities {
            write_text(&mut out, field::DESTINATION_IDENTITIES, identity);
        }
        for kept in &self.user_packets {
            let mut user = kept.to_vec();
            write_text(&mut user, user_field::PARTICIPANT_SID, sender.sid);
            write_text(&mut user, user_field::PARTICIPANT_IDENTITY, sender.identity);
            write_bytes(&mut out, field::USER, &user);
        }
        out.extend_from_slice(&self.rest);
        if self.sequence != 0 {
            write_number(&mut out, field::SEQUENCE, u64::from(self.sequence));
        }
        write_text(&mut out, field::PARTICIPANT_SID, sender.sid);
        out.into()
    }
}

/// The fields of a message, one by one (protobuf's wire format).
struct Fields(Bytes);

struct Field {
    number: u32,
    /// Key and value as they came.
    whole: Bytes,
    /// The value of a length-delimited field.
    content: Option<Bytes>,
    /// The value of a varint field.
    varint: Option<u64>,
}

impl Fields {
    fn next(&mut self) -> Result<Option<Field>, DataPacketError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let malformed = |_| DataPacketError::Malformed;
        let start = self.0.clone();
        let (number, wire_type) = decode_key(&mut self.0).map_err(malformed)?;
        let (mut content, mut varint) = (None, None);
        match wire_type {
            WireType::Varint => varint = Some(decode_varint(&mut self.0).map_err(malformed)?),
            WireType::SixtyFourBit => drop(self.take(8)?),
            WireType::ThirtyTwoBit => drop(self.take(4)?),
            WireType::LengthDelimited => {
                let len = decode_varint(&mut self.0).map_err(malformed)?;
                content = Some(self.take(len)?);
            }
            // Groups left protobuf before this protocol began.
            WireType::StartGroup | WireType::EndGroup => return Err(DataPacketError::Malformed),
        }
        let whole = start.slice(..start.len() - self.0.len());
        Ok(Some(Field {
            number,
            whole,
            content,
            varint,
        }))
    }

    fn take(&mut self, len: u64) -> Result<Bytes, DataPacketError> {
        let len = usize::try_from(len).map_err(|_| DataPacketError::Malformed)?;
        if len > self.0.remaining() {
            return Err(DataPacketError::Malformed);
        }
        Ok(self.0.split_to(len))
    }
}

impl Field {
    fn text(&self) -> Result<String, DataPacketError> {
        let bytes = self.content.as_ref().ok_or(DataPacketError::Malformed)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| DataPacketError::Malformed)
    }

    fn number_u32(&self) -> Result<u32, DataPacketError> {
        let number = self.varint.ok_or(DataPacketError::Malformed)?;
        u32::try_from(number).map_err(|_| DataPacketError::Malformed)
    }
}

fn write_number(out: &mut Vec<u8>, field: u32, value: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(value, out);
}

fn write_text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        write_bytes(out, field, text.as_bytes());
    }
}

fn write_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(u64::try_from(bytes.len()).expect("a length fits"), out);
    out.extend_from_slice(bytes);
}
