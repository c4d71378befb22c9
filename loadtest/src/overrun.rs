//! Tells how often the kernel threw datagrams away because this process did not read its sockets in
//! time: loss that is the load test's own, not the server's. Reads Linux' tables; elsewhere unknown.

use std::collections::BTreeSet;
use std::fs;

/// Drops so far at the open UDP sockets of this process; `None` where they are not told. One drop is
/// one datagram or, on one machine with the server, a run of them that was sent as one.
pub fn dropped_here() -> Option<u64> {
    let own = own_sockets()?;
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    let tables: Vec<String> = tables
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    let dropped = tables.iter().map(|table| dropped_at(&own, table));
    (!tables.is_empty()).then(|| dropped.sum())
}

/// The inode numbers of this process's sockets.
fn own_sockets() -> Option<BTreeSet<u64>> {
    let descriptors = fs::read_dir("/proc/self/fd").ok()?.filter_map(Result::ok);
    let targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    Some(
        targets
            .filter_map(|target| inode(target.to_str()?))
            .collect(),
    )
}

/// The number in `socket:[1234]`.
fn inode(target: &str) -> Option<u64> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// Sums the last column of the table over the rows whose tenth is one of `own` (proc(5)).
fn dropped_at(own: &BTreeSet<u64>, table: &str) -> u64 {
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split_ascii_whitespace());
    let dropped = rows.filter_map(|mut columns| {
        let inode = columns.nth(9)?.parse().ok()?;
        own.contains(&inode)
            .then(|| columns.last()?.parse::<u64>().ok())
            .flatten()
    });
    dropped.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  415: 0100007F:9EE1 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 374593 2 00000000ce988c5f 7
  416: 0100007F:9EE2 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 374594 2 00000000ce988c5f 5
  417: 0100007F:9EE3 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 374595 2 00000000ce988c5f 90
";

    #[test]
    fn only_the_drops_of_own_sockets_are_added_up() {
        let own = BTreeSet::from([374_593, 374_594]);
        assert_eq!(dropped_at(&own, TABLE), 12);
    }

    #[test]
    fn sockets_are_told_from_other_descriptors() {
        assert_eq!(inode("socket:[374593]"), Some(374_593));
        assert_eq!(inode("pipe:[374593]"), None);
        assert_eq!(inode("/dev/null"), None);
    }
}
