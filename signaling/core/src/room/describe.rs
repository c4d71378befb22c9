//! Describes the room, its participants and the server in the wire's words.

use super::Room;
use super::participants::Participant;
use super::publications::Publication;
use crate::token::Grants;
use crate::wire::client::may_publish;
use livekit_protocol::client_info::Capability;
use livekit_protocol::server_info::Edition;
use livekit_protocol::{
    ClientConfigSetting, ClientConfiguration, Codec as WireCodec, JoinResponse, ParticipantInfo,
    ParticipantPermission, Room as WireRoom, ServerInfo,
};
use sfu_core::ids::PeerId;
use std::time::Duration;

impl Room {
    /// The first message to somebody who enters.
    pub(super) fn describe_join(&self, peer: PeerId) -> JoinResponse {
        let participant = &self.participants[&peer];
        let others = self
            .participants
            .iter()
            .filter(|&(&other, participant)| other != peer && participant.is_visible())
            .map(|(&other, participant)| self.describe(other, participant))
            .collect();
        JoinResponse {
            room: Some(self.describe_room()),
            participant: Some(self.describe(peer, participant)),
            other_participants: others,
            server_version: self.settings.server.version.clone(),
            ice_servers: self.settings.ice_servers.clone(),
            // There is one peer connection, and the client is its offerer.
            subscriber_primary: false,
            alternative_url: String::new(),
            client_configuration: Some(self.describe_client_configuration()),
            server_region: self.settings.server.region.clone(),
            ping_timeout: whole_seconds(self.settings.ping_timeout),
            ping_interval: whole_seconds(self.settings.ping_interval),
            server_info: Some(self.describe_server()),
            // Marks frames that a server injects; this one injects none.
            sif_trailer: Vec::new(),
            enabled_publish_codecs: self.describe_codecs(participant),
            fast_publish: false,
        }
    }

    pub(super) fn describe_room(&self) -> WireRoom {
        let counted = self.participants.values().filter(|them| them.is_counted());
        let created_ms = self.clock.unix_ms(self.clock.made_at);
        WireRoom {
            sid: self.id.to_string(),
            name: self.name.clone(),
            empty_timeout: whole_seconds(self.settings.empty_timeout).unsigned_abs(),
            departure_timeout: whole_seconds(self.settings.departure_timeout).unsigned_abs(),
            max_participants: u32::try_from(self.settings.limits.participants).unwrap_or(u32::MAX),
            creation_time: created_ms / 1000,
            creation_time_ms: created_ms,
            enabled_codecs: self
                .settings
                .codecs
                .iter()
                .map(|codec| wire_codec(codec.mime()))
                .collect(),
            num_participants: count(counted.clone().count()),
            num_publishers: count(counted.filter(|them| self.publishes(them)).count()),
            active_recording: self.participants.values().any(|them| them.grants.recorder),
            ..WireRoom::default()
        }
    }

    /// Somebody as everybody is told of them.
    pub(super) fn describe(&self, peer: PeerId, participant: &Participant) -> ParticipantInfo {
        let joined_ms = self.clock.unix_ms(participant.joined_at);
        let tracks = participant
            .tracks
            .iter()
            .filter_map(|track| self.tracks.get(track))
            .filter(|publication| publication.is_ready())
            .map(|publication| publication.description.clone())
            .collect();
        ParticipantInfo {
            sid: peer.to_string(),
            identity: participant.identity.clone(),
            state: participant.state.into(),
            tracks,
            metadata: participant.metadata.clone(),
            joined_at: joined_ms / 1000,
            joined_at_ms: joined_ms,
            name: participant.name.clone(),
            version: participant.version,
            permission: Some(describe_permission(&participant.grants)),
            region: self.settings.server.region.clone(),
            is_publisher: self.publishes(participant),
            kind: participant.kind.into(),
            attributes: participant.attributes.clone().into_iter().collect(),
            // Clients agree among themselves on what both ends can do.
            client_protocol: participant.client.client_protocol,
            capabilities: known_capabilities(&participant.client.capabilities),
            ..ParticipantInfo::default()
        }
    }

    pub(super) fn describe_server(&self) -> ServerInfo {
        let server = &self.settings.server;
        ServerInfo {
            edition: Edition::Standard.into(),
            version: server.version.clone(),
            protocol: server.protocol,
            region: server.region.clone(),
            node_id: server.node_id.clone(),
            debug_info: server.debug_info.clone(),
            agent_protocol: 0,
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "what clients are configured to do is the room's to say"
    )]
    pub(super) fn describe_client_configuration(&self) -> ClientConfiguration {
        ClientConfiguration {
            resume_connection: ClientConfigSetting::Enabled.into(),
            force_relay: ClientConfigSetting::Unset.into(),
            ..ClientConfiguration::default()
        }
    }

    /// The first video codec is what clients fall back to, so the order is the settings'.
    fn describe_codecs(&self, participant: &Participant) -> Vec<WireCodec> {
        self.settings
            .codecs
            .iter()
            .filter(|&&codec| may_publish(&participant.client, codec))
            .map(|codec| wire_codec(codec.mime()))
            .collect()
    }

    fn publishes(&self, participant: &Participant) -> bool {
        participant
            .tracks
            .iter()
            .any(|track| self.tracks.get(track).is_some_and(Publication::is_ready))
    }
}

fn describe_permission(grants: &Grants) -> ParticipantPermission {
    ParticipantPermission {
        can_subscribe: grants.can_subscribe,
        can_publish: grants.can_publish,
        can_publish_data: grants.can_publish_data,
        can_publish_sources: grants
            .can_publish_sources
            .iter()
            .map(|&source| source.into())
            .collect(),
        hidden: grants.hidden,
        can_update_metadata: grants.can_update_own_metadata,
        ..ParticipantPermission::default()
    }
}

/// A number that is no capability of today's could not be written as JSON.
fn known_capabilities(capabilities: &[i32]) -> Vec<i32> {
    capabilities
        .iter()
        .copied()
        .filter(|&number| Capability::try_from(number).is_ok())
        .collect()
}

fn wire_codec(mime: &str) -> WireCodec {
    WireCodec {
        mime: mime.to_owned(),
        fmtp_line: String::new(),
    }
}

fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
