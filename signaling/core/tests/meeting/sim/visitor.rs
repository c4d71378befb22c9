//! Who comes to the meeting, and with which client.

use livekit_protocol::ClientInfo;
use livekit_protocol::client_info::Sdk;
use sfu_core::ids::PeerId;
use signaling_core::wire::join::Join;
use signaling_core::{Admission, Claims, RtcVersion, check_admission};
use std::collections::BTreeMap;

/// How somebody comes to the meeting.
pub(crate) struct Visitor {
    pub(crate) claims: Claims,
    pub(crate) join: Join,
}

impl Visitor {
    /// A Chromium with auto-subscribe that offers with its join request.
    pub(crate) fn named(identity: &str) -> Self {
        let mut claims = Claims::joining(identity, "council");
        claims.issuer = "devkey".into();
        claims.name = format!("{identity} the Guest");
        let join = Join {
            version: RtcVersion::V1,
            client: ClientInfo {
                sdk: Sdk::Js.into(),
                protocol: 16,
                browser: "chrome".to_owned(),
                client_protocol: 1,
                capabilities: vec![2],
                ..ClientInfo::default()
            },
            auto_subscribe: true,
            adaptive_stream: false,
            reconnect: None,
            offer: Some((1, "offer 1".to_owned())),
            add_tracks: Vec::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            sync_state: None,
        };
        Self { claims, join }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Claims)) -> Self {
        change(&mut self.claims);
        self
    }

    pub(crate) fn asking(mut self, change: impl FnOnce(&mut Join)) -> Self {
        change(&mut self.join);
        self
    }

    /// Comes back to the place `peer`.
    pub(crate) fn resuming(self, peer: PeerId) -> Self {
        self.asking(|join| {
            join.reconnect = Some(peer);
            join.offer = None;
        })
    }

    pub(super) fn admission(&self) -> Admission {
        check_admission(&self.claims, &self.join).unwrap()
    }
}
