//! The places where a simulated meeting can be disturbed, each under a name of its own, and how
//! often each was reached.

use std::collections::BTreeMap;

macro_rules! sites {
    ($($(#[$doc:meta])* $site:ident = $name:literal,)*) => {
        /// A place where something goes wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Site {
            $($(#[$doc])* $site,)*
        }

        impl Site {
            /// Every place there is.
            pub(crate) const ALL: &[Self] = &[$(Self::$site,)*];

            /// What it is called in traces and reports.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$site => $name,)*
                }
            }
        }
    };
}

sites! {
    /// A datagram does not arrive.
    NetworkLost = "network.lost",
    /// A datagram arrives twice.
    NetworkDuplicated = "network.duplicated",
    /// A datagram is overtaken by later ones.
    NetworkReordered = "network.reordered",
    /// A bit of a datagram changes on the way.
    NetworkCorrupted = "network.corrupted",
    /// Nothing gets through to or from one client for a while.
    NetworkDead = "network.dead",
    /// A client's address changes, as by a NAT that forgets: it does not know itself.
    ClientRebinds = "client.rebinds",
    /// A client restarts ICE from another network.
    ClientRestartsIce = "client.restarts_ice",
    /// A client vanishes for good, without a word.
    ClientDies = "client.dies",
    /// A client leaves and says so.
    ClientLeaves = "client.leaves",
    /// A client's WebSocket is cut.
    ClientSignalCut = "client.signal_cut",
    /// A client comes back to its place over a new WebSocket.
    ClientResumes = "client.resumes",
    /// A client begins anew: because it was told to, or by its own wish under the same identity.
    ClientBeginsAnew = "client.begins_anew",
    /// A client reads nothing from its WebSocket for a while.
    ClientStopsReading = "client.stops_reading",
    /// A client that stopped reading is cut off, because its queue ran full.
    ClientCutOff = "client.cut_off",
    /// Signaling is slow for a while, in both directions.
    SignalDelayed = "signal.delayed",
    /// A publisher stops its best encoding for a while.
    PublisherStallsLayer = "publisher.stalls_layer",
    /// A publisher mutes a track for a while.
    PublisherMutes = "publisher.mutes",
    /// A publisher takes a track away.
    PublisherUnpublishes = "publisher.unpublishes",
    /// A publisher adds a track to a meeting under way.
    PublisherPublishes = "publisher.publishes",
    /// A subscriber shows a picture nowhere for a while.
    SubscriberHides = "subscriber.hides",
    /// A subscriber shows a picture in another size.
    SubscriberResizes = "subscriber.resizes",
    /// A subscriber does without a track for a while.
    SubscriberUnsubscribes = "subscriber.unsubscribes",
    /// A subscriber asks for key frames all the time.
    SubscriberFloods = "subscriber.floods",
    /// Commands wait in a worker's inbox.
    EngineCommandDelayed = "engine.command_delayed",
    /// Events wait in a room's inbox.
    EngineEventDelayed = "engine.event_delayed",
    /// An engine fails and is started afresh: everybody on it is lost.
    EngineRestarted = "engine.restarted",
}

/// How often each place was reached.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Reached(BTreeMap<Site, u64>);

impl Reached {
    pub(crate) fn hit(&mut self, site: Site) {
        *self.0.entry(site).or_default() += 1;
    }

    pub(crate) fn hits(&mut self, site: Site, count: u64) {
        *self.0.entry(site).or_default() += count;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (&site, &count) in &other.0 {
            *self.0.entry(site).or_default() += count;
        }
    }

    pub(crate) fn count(&self, site: Site) -> u64 {
        self.0.get(&site).copied().unwrap_or(0)
    }
}
