//! Reads from the server's answers what a lean participant needs: where the server is, how it proves
//! who it is, and which streams repair which. Checks nothing else.

use super::checks::Credentials;
use anyhow::Context;
use std::net::SocketAddr;

/// The server's side of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// Its credentials.
    pub(super) credentials: Credentials,
    /// SHA-256 of its certificate (RFC 8122).
    pub(super) fingerprint: String,
}

/// The first credentials and fingerprint of an answer: all its sections share one connection.
pub(super) fn remote(sdp: &str) -> anyhow::Result<Remote> {
    let value = |name: &str| {
        let found = sdp
            .lines()
            .find_map(|line| line.trim_end().strip_prefix(name));
        found
            .map(str::to_owned)
            .with_context(|| format!("the server's answer has no {name}"))
    };
    Ok(Remote {
        credentials: Credentials {
            ufrag: value("a=ice-ufrag:")?,
            pwd: value("a=ice-pwd:")?,
        },
        fingerprint: value("a=fingerprint:sha-256 ")?.to_uppercase(),
    })
}

/// Every UDP candidate of a description, or of a line that names one (RFC 8839, section 5.1).
pub(super) fn candidates(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().map(|line| line.trim_start_matches("a="));
    let candidates = lines.filter_map(|line| {
        let mut words = line.strip_prefix("candidate:")?.split_ascii_whitespace();
        let (_foundation, component, protocol) = (words.next()?, words.next()?, words.next()?);
        let (_priority, ip, port) = (words.next()?, words.next()?, words.next()?);
        let is_media = component == "1" && protocol.eq_ignore_ascii_case("udp");
        is_media.then_some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
    });
    candidates.collect()
}

/// Pairs of a repairing SSRC and the one it repairs (RFC 5576, section 4.2).
pub(super) fn repairs(sdp: &str) -> Vec<(u32, u32)> {
    let groups = sdp.lines().filter_map(|line| {
        let mut ssrcs = line
            .strip_prefix("a=ssrc-group:FID ")?
            .split_ascii_whitespace();
        let media = ssrcs.next()?.parse().ok()?;
        Some((ssrcs.next()?.parse().ok()?, media))
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=ice-ufrag:00ab\r\na=ice-pwd:secret\r\n\
        a=fingerprint:sha-256 aa:0B\r\n\
        a=candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host\r\n\
        a=candidate:2 1 tcp 2130706430 127.0.0.1 7881 typ host tcptype passive\r\n\
        a=ssrc-group:FID 5 6\r\na=ssrc:5 cname:x\r\n";

    #[test]
    fn the_server_is_found_by_its_credentials_certificate_and_udp_address() {
        let found = remote(ANSWER).unwrap();
        assert_eq!(found.credentials.ufrag, "00ab");
        assert_eq!(found.credentials.pwd, "secret");
        assert_eq!(found.fingerprint, "AA:0B");
        let server: SocketAddr = "127.0.0.1:7882".parse().unwrap();
        assert_eq!(candidates(ANSWER), [server]);
    }

    #[test]
    fn an_answer_without_a_password_says_what_is_missing() {
        let error = remote("v=0\r\na=ice-ufrag:x\r\n").unwrap_err();
        assert!(error.to_string().contains("a=ice-pwd:"));
    }

    #[test]
    fn a_repairing_stream_points_to_what_it_repairs() {
        assert_eq!(repairs(ANSWER), [(6, 5)]);
    }
}
