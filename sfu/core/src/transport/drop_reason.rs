//! Every reason to drop a datagram, so that each can be counted. Knows nothing of the counting.

/// Why a datagram went no further. Nothing is ever answered to a dropped datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The first byte belongs to no protocol of RFC 7983, or there is none.
    Unknown,
    /// No well-formed STUN message with the attributes that ICE requires.
    StunMalformed,
    /// A STUN message other than a binding request.
    StunUnexpected,
    /// Unknown user name, or made with another password.
    StunUnauthenticated,
    /// Media from an address that ICE has not validated, and not made with the client's keys.
    AddressNotValidated,
    /// DTLS from an address that ICE has not validated.
    DtlsBeforeIce,
    /// DTLS although no offer is in, or after the handshake failed.
    DtlsUnexpected,
    /// Longer than any DTLS datagram of a WebRTC client.
    DtlsTooLong,
    /// The handshake took more datagrams or bytes than any client needs.
    DtlsFloodLimit,
    /// Media while there are no keys yet.
    SrtpNoKeys,
    /// Shorter than its own header and tag.
    SrtpTooShort,
    /// Changed on its way, or made with other keys.
    SrtpUnauthenticated,
    /// Seen before, or too old to tell.
    SrtpReplayed,
    /// One stream more than a client may send.
    TooManySsrcs,
}

impl DropReason {
    /// All of them, in the order of metrics.
    pub const ALL: [Self; 14] = [
        Self::Unknown,
        Self::StunMalformed,
        Self::StunUnexpected,
        Self::StunUnauthenticated,
        Self::AddressNotValidated,
        Self::DtlsBeforeIce,
        Self::DtlsUnexpected,
        Self::DtlsTooLong,
        Self::DtlsFloodLimit,
        Self::SrtpNoKeys,
        Self::SrtpTooShort,
        Self::SrtpUnauthenticated,
        Self::SrtpReplayed,
        Self::TooManySsrcs,
    ];

    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::StunMalformed => "stun_malformed",
            Self::StunUnexpected => "stun_unexpected",
            Self::StunUnauthenticated => "stun_unauthenticated",
            Self::AddressNotValidated => "address_not_validated",
            Self::DtlsBeforeIce => "dtls_before_ice",
            Self::DtlsUnexpected => "dtls_unexpected",
            Self::DtlsTooLong => "dtls_too_long",
            Self::DtlsFloodLimit => "dtls_flood_limit",
            Self::SrtpNoKeys => "srtp_no_keys",
            Self::SrtpTooShort => "srtp_too_short",
            Self::SrtpUnauthenticated => "srtp_unauthenticated",
            Self::SrtpReplayed => "srtp_replayed",
            Self::TooManySsrcs => "too_many_ssrcs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_listed_once_under_its_own_label() {
        let mut labels: Vec<&str> = DropReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), DropReason::ALL.len());
    }
}
