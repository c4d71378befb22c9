//! Reads from an answer what the connection does not tell: which SSRC belongs to which media
//! section, and candidates it overlooks. Checks nothing: the connection itself parses the whole.

/// Every `a=ssrc` of the sections that send, with the section's mid (RFC 5576, RFC 9143).
pub(super) fn declared_streams(sdp: &str) -> Vec<(u32, String)> {
    let mut streams = Vec::new();
    for section in sdp.split("\nm=").skip(1) {
        let lines = || section.lines().map(str::trim_end);
        let Some(mid) = lines().find_map(|line| line.strip_prefix("a=mid:")) else {
            continue;
        };
        let ssrcs = lines().filter_map(|line| {
            line.strip_prefix("a=ssrc:")?
                .split_ascii_whitespace()
                .next()?
                .parse()
                .ok()
        });
        streams.extend(ssrcs.map(|ssrc| (ssrc, mid.to_owned())));
    }
    streams.dedup();
    streams
}

/// Every candidate of the answer (RFC 8839, section 5.1). The connection reads those of inactive
/// sections not at all, and in an answer to a first offer all sections may be inactive.
pub(super) fn candidates(sdp: &str) -> Vec<String> {
    let lines = sdp.lines().map(str::trim_end);
    let candidates = lines.filter_map(|line| line.strip_prefix("a=candidate:"));
    let mut candidates: Vec<String> = candidates.map(|line| format!("candidate:{line}")).collect();
    candidates.sort_unstable();
    candidates.dedup();
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_of_several_sections_is_found_once() {
        let section =
            "m=audio 9 x 111\r\na=inactive\r\na=candidate:1 1 udp 9 127.0.0.1 7 typ host\r\n";
        let expected = ["candidate:1 1 udp 9 127.0.0.1 7 typ host"];
        assert_eq!(candidates(&section.repeat(2)), expected);
    }

    #[test]
    fn each_ssrc_is_found_in_its_section_once() {
        let sdp = "v=0\r\ns=-\r\nm=audio 9 x 111\r\na=mid:0\r\na=ssrc:7 cname:a\r\n\
            a=ssrc:7 msid:b c\r\nm=video 9 x 96\r\na=inactive\r\na=mid:1\r\n\
            m=video 9 x 96\r\na=ssrc:9 cname:a\r\na=mid:cam\r\n";
        assert_eq!(
            declared_streams(sdp),
            [(7, "0".to_owned()), (9, "cam".to_owned())]
        );
    }

    #[test]
    fn an_empty_answer_declares_nothing() {
        assert!(declared_streams("").is_empty());
    }
}
