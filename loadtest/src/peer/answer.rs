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

/// The answer with every candidate repeated in its last section (RFC 8839, section 5.1). The
/// connection reads none from inactive sections, and the answer to a first offer may have no others
/// but the last, the one of the data channels.
pub(super) fn with_candidates_last(sdp: &str) -> String {
    let lines = sdp.lines().filter(|line| line.starts_with("a=candidate:"));
    let mut candidates: Vec<&str> = lines.map(str::trim_end).collect();
    candidates.sort_unstable();
    candidates.dedup();
    let mut sdp = sdp.to_owned();
    for candidate in candidates {
        sdp.push_str(candidate);
        sdp.push_str("\r\n");
    }
    sdp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_is_repeated_once_in_the_last_section() {
        let candidate = "a=candidate:1 1 udp 9 127.0.0.1 7 typ host\r\n";
        let inactive = format!("m=audio 9 x 111\r\na=inactive\r\n{candidate}");
        let sdp = format!("v=0\r\n{inactive}{inactive}m=application 9 x y\r\na=mid:2\r\n");
        assert_eq!(with_candidates_last(&sdp), sdp + candidate);
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
