//! What a participant may publish, and who may receive what they publish.

use super::Room;
use crate::effect::Effect;
use crate::token::Grants;
use crate::wire::notice;
use livekit_protocol::request_response::Reason;
use livekit_protocol::{SubscriptionPermission, TrackSource};
use sfu_core::ids::{PeerId, TrackId};
use std::collections::{BTreeMap, BTreeSet};

/// Whether somebody may publish from a source. A list of sources narrows what may be published; it
/// does not undo `canPublish: false`.
pub(super) fn may_publish_source(grants: &Grants, source: TrackSource) -> bool {
    let sources = &grants.can_publish_sources;
    grants.can_publish && (sources.is_empty() || sources.contains(&source))
}

/// Who may receive somebody's tracks.
#[derive(Debug)]
pub(super) enum SubscriptionRule {
    /// Whoever may receive at all.
    Everybody,
    /// Those named, by sid or by identity, what is named.
    Only {
        peers: BTreeMap<PeerId, Tracks>,
        identities: BTreeMap<String, Tracks>,
    },
}

/// Which tracks of a publisher somebody may receive.
#[derive(Debug)]
pub(super) enum Tracks {
    All,
    Some(BTreeSet<TrackId>),
}

impl SubscriptionRule {
    /// What holds until the client says otherwise.
    pub(super) const fn everybody() -> Self {
        Self::Everybody
    }

    fn parse(request: SubscriptionPermission) -> Self {
        if request.all_participants {
            return Self::Everybody;
        }
        let (mut peers, mut identities) = (BTreeMap::new(), BTreeMap::new());
        for permission in request.track_permissions {
            let tracks = if permission.all_tracks {
                Tracks::All
            } else {
                let sids = permission.track_sids.iter();
                Tracks::Some(sids.filter_map(|sid| TrackId::parse(sid)).collect())
            };
            if !permission.participant_identity.is_empty() {
                identities.insert(permission.participant_identity, tracks);
            } else if let Some(peer) = PeerId::parse(&permission.participant_sid) {
                peers.insert(peer, tracks);
            }
        }
        Self::Only { peers, identities }
    }

    pub(super) fn allows(&self, peer: PeerId, identity: &str, track: TrackId) -> bool {
        let includes = |tracks: &Tracks| match tracks {
            Tracks::All => true,
            Tracks::Some(tracks) => tracks.contains(&track),
        };
        match self {
            Self::Everybody => true,
            Self::Only { peers, identities } => {
                peers.get(&peer).is_some_and(includes)
                    || identities.get(identity).is_some_and(includes)
            }
        }
    }
}

impl Room {
    /// A publisher says who may receive their tracks. Browsers say "everybody" right after joining.
    pub(super) fn permit_subscriptions(
        &mut self,
        peer: PeerId,
        request: SubscriptionPermission,
        effects: &mut Vec<Effect>,
    ) {
        let named = request.track_permissions.iter();
        let entries: usize = named.map(|entry| 1 + entry.track_sids.len()).sum();
        if entries > self.settings.limits.subscription_permissions {
            let message = "the list of who may receive your tracks is too long";
            let outcome = notice::outcome(0, Reason::LimitExceeded, message, None);
            self.send_outcome(peer, outcome, effects);
            return;
        }
        let Some(participant) = self.participants.get_mut(&peer) else {
            return;
        };
        participant.rule = SubscriptionRule::parse(request);
        for track in participant.tracks.clone() {
            self.offer_to_all(track, effects);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Claims;
    use livekit_protocol::TrackPermission;

    #[test]
    fn a_list_of_sources_narrows_publishing_and_never_widens_it() {
        let mut grants = Claims::joining("ada", "room").grants;
        assert!(may_publish_source(&grants, TrackSource::Camera));
        grants.can_publish_sources = vec![TrackSource::Microphone];
        assert!(may_publish_source(&grants, TrackSource::Microphone));
        assert!(!may_publish_source(&grants, TrackSource::Camera));
        assert!(!may_publish_source(&grants, TrackSource::Unknown));
        grants.can_publish = false;
        assert!(!may_publish_source(&grants, TrackSource::Microphone));
    }

    #[test]
    fn a_rule_that_names_nobody_allows_nobody() {
        let rule = SubscriptionRule::parse(SubscriptionPermission::default());
        assert!(!rule.allows(PeerId(1), "ada", TrackId(1)));
    }

    #[test]
    fn a_rule_counts_by_sid_and_by_identity_and_for_the_named_tracks_only() {
        let rule = SubscriptionRule::parse(SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![
                TrackPermission {
                    participant_sid: PeerId(1).to_string(),
                    all_tracks: true,
                    ..TrackPermission::default()
                },
                TrackPermission {
                    participant_identity: "ben".to_owned(),
                    track_sids: vec![TrackId(7).to_string()],
                    ..TrackPermission::default()
                },
            ],
        });
        assert!(rule.allows(PeerId(1), "ada", TrackId(8)));
        assert!(rule.allows(PeerId(2), "ben", TrackId(7)));
        assert!(!rule.allows(PeerId(2), "ben", TrackId(8)));
        assert!(!rule.allows(PeerId(3), "cleo", TrackId(7)));
    }
}
