//! Which addresses clients are told to send media to. Knows the machine's interfaces, not what a
//! firewall or a NAT in front of it lets through: for that the operator names addresses.

use crate::start_error::StartError;
use std::net::{IpAddr, SocketAddr};

/// A client checks each candidate of the server against each of its own, so that more than this
/// only delays calls. Further addresses of the machine are not told.
const CANDIDATES_MAX: usize = 16;

/// Where clients reach this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach<'a> {
    /// The addresses that sockets are bound to: `0.0.0.0` is all of IPv4, `::` all of both kinds.
    pub(crate) bind: &'a [IpAddr],
    /// The addresses to tell in place of the machine's own.
    pub(crate) advertise: &'a [IpAddr],
    /// Whether loopback addresses are told too.
    pub(crate) include_loopback: bool,
}

/// The candidates of this machine, at least one.
pub(crate) fn candidates(reach: Reach<'_>, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let own = if reach.advertise.is_empty() {
        own_addresses().map_err(StartError::Addresses)?
    } else {
        Vec::new()
    };
    let chosen = choose(reach, &own);
    if chosen.is_empty() {
        return Err(StartError::NoCandidates);
    }
    Ok(chosen
        .into_iter()
        .map(|ip| SocketAddr::new(ip, port))
        .collect())
}

fn own_addresses() -> std::io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let up = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up() || interface.is_loopback());
    Ok(up.map(if_addrs::Interface::ip).collect())
}

/// Loopback addresses come last, because most clients are elsewhere.
fn choose(reach: Reach<'_>, own: &[IpAddr]) -> Vec<IpAddr> {
    let mut chosen: Vec<IpAddr> = if reach.advertise.is_empty() {
        own.iter()
            .copied()
            .filter(|&ip| is_told(reach, ip))
            .collect()
    } else {
        reach.advertise.to_vec()
    };
    chosen.sort_by_key(IpAddr::is_loopback);
    let mut told = Vec::with_capacity(CANDIDATES_MAX);
    for ip in chosen {
        if !told.contains(&ip) && told.len() < CANDIDATES_MAX {
            told.push(ip);
        }
    }
    told
}

fn is_told(reach: Reach<'_>, ip: IpAddr) -> bool {
    // Who binds an address means it, even a loopback one.
    if reach.bind.contains(&ip) {
        return true;
    }
    // The sockets of an unspecified IPv6 address are joined by one for every IPv4 address.
    let is_bound = reach
        .bind
        .iter()
        .any(|bound| bound.is_unspecified() && (bound.is_ipv6() || ip.is_ipv4()));
    is_bound && (reach.include_loopback || !ip.is_loopback()) && !needs_scope(ip)
}

/// A link-local IPv6 address means nothing without the name of the client's own interface.
fn needs_scope(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn chosen(bind: &[&str], advertise: &[&str], include_loopback: bool) -> Vec<IpAddr> {
        let reach = Reach {
            bind: &ips(bind),
            advertise: &ips(advertise),
            include_loopback,
        };
        let own = ["127.0.0.1", "198.51.100.7", "::1", "2001:db8::7", "fe80::7"];
        choose(reach, &ips(&own))
    }

    #[test]
    fn unspecified_ipv4_stands_for_its_kind_and_unspecified_ipv6_for_both() {
        assert_eq!(chosen(&["0.0.0.0"], &[], false), ips(&["198.51.100.7"]));
        for bind in [&["::"][..], &["0.0.0.0", "::"]] {
            let both = chosen(bind, &[], false);
            assert_eq!(both, ips(&["198.51.100.7", "2001:db8::7"]));
        }
    }

    #[test]
    fn loopback_comes_last_and_only_if_it_is_wanted_or_bound() {
        let wanted = chosen(&["0.0.0.0"], &[], true);
        assert_eq!(wanted, ips(&["198.51.100.7", "127.0.0.1"]));
        assert_eq!(chosen(&["127.0.0.1"], &[], false), ips(&["127.0.0.1"]));
    }

    #[test]
    fn advertised_addresses_replace_the_machines_own() {
        let chosen = chosen(&["0.0.0.0"], &["203.0.113.1", "203.0.113.1"], true);
        assert_eq!(chosen, ips(&["203.0.113.1"]));
    }

    #[test]
    fn a_bound_address_that_the_machine_lacks_is_no_candidate() {
        assert_eq!(chosen(&["192.0.2.99"], &[], true), ips(&[]));
    }

    #[test]
    fn a_machine_of_many_addresses_tells_only_the_first() {
        let own: Vec<IpAddr> = (0..50_u8)
            .map(|last| IpAddr::from([198, 51, 100, last]))
            .collect();
        let reach = Reach {
            bind: &ips(&["0.0.0.0"]),
            advertise: &[],
            include_loopback: false,
        };
        assert_eq!(choose(reach, &own), own[..CANDIDATES_MAX]);
    }

    #[test]
    fn this_machine_has_loopback() {
        let reach = Reach {
            bind: &ips(&["0.0.0.0"]),
            advertise: &[],
            include_loopback: true,
        };
        let candidates = candidates(reach, 7882).unwrap();
        assert!(candidates.contains(&SocketAddr::from(([127, 0, 0, 1], 7882))));
    }
}
