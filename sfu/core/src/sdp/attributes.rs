//! The `a=` lines of a section, sorted out in one pass. Refuses what is too much or unreadable;
//! what is unknown is left out.

use super::codecs::Codecs;
use super::error::{Place, Refusal, SdpError, within};
use super::extension::Extension;
use super::offer::{Direction, Msid, OfferedEncoding};
use rtc_sdp::description::common::Attribute;

/// A mid and a rid travel in one-byte header extensions, which hold 16 bytes (RFC 8285).
const NAME_LEN_MAX: usize = 16;
/// Clients name streams and tracks by a UUID, or by two ids of ours; this is room for both.
const MSID_LEN_MAX: usize = 256;
/// Three layers are used; a client may offer some more.
const ENCODINGS_MAX: usize = 8;
/// Three layers with a retransmission stream each, and room.
const SSRCS_MAX: usize = 32;

/// What a section, or the session above it, says about the transport.
#[derive(Default, Clone, Copy)]
pub(super) struct Transport<'a> {
    pub(super) ufrag: Option<&'a str>,
    pub(super) pwd: Option<&'a str>,
    pub(super) fingerprint: Option<&'a str>,
    pub(super) setup: Option<&'a str>,
}

impl<'a> Transport<'a> {
    pub(super) fn read(&mut self, key: &str, value: &'a str) {
        match key {
            "ice-ufrag" => self.ufrag = Some(value),
            "ice-pwd" => self.pwd = Some(value),
            "setup" => self.setup = Some(value),
            // Other hashes may stand beside the one that is checked.
            "fingerprint" if is_sha_256(value) => self.fingerprint = Some(value),
            _ => {}
        }
    }

    /// Takes over what is not known yet.
    pub(super) fn fill_from(&mut self, other: Self) {
        self.ufrag = self.ufrag.or(other.ufrag);
        self.pwd = self.pwd.or(other.pwd);
        self.fingerprint = self.fingerprint.or(other.fingerprint);
        self.setup = self.setup.or(other.setup);
    }
}

fn is_sha_256(fingerprint: &str) -> bool {
    fingerprint
        .split(' ')
        .next()
        .is_some_and(|hash| hash.eq_ignore_ascii_case("sha-256"))
}

/// What a section says of itself.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an attribute without a value"
)]
pub(super) struct Attributes<'a> {
    pub(super) mid: &'a str,
    pub(super) direction: Option<Direction>,
    pub(super) bundle_only: bool,
    pub(super) rtcp_mux: bool,
    pub(super) reduced_size_rtcp: bool,
    pub(super) transport: Transport<'a>,
    pub(super) codecs: Codecs<'a>,
    pub(super) extmap_allow_mixed: bool,
    pub(super) extensions: Vec<(u8, Extension)>,
    pub(super) extension_directions: Vec<(u8, Direction)>,
    pub(super) msid: Option<Msid>,
    pub(super) cname: Option<&'a str>,
    pub(super) sctp_port: u16,
    pub(super) max_message_size: u64,
    rids: Vec<(&'a str, &'a str)>,
    simulcast: Option<&'a str>,
    ssrcs: Vec<u32>,
    repairs: Vec<u32>,
    /// Which SSRC is repaired by which, by retransmission.
    pub(super) retransmissions: Vec<(u32, u32)>,
}

impl<'a> Attributes<'a> {
    pub(super) fn read(index: usize, lines: &'a [Attribute]) -> Result<Self, SdpError> {
        let mid = mid(index, lines)?;
        let mut attributes = Self::empty(mid);
        for line in lines {
            let value = line.value.as_deref().unwrap_or_default();
            attributes
                .take(&line.key, value)
                .map_err(|refusal| refusal.at(index, mid))?;
        }
        Ok(attributes)
    }

    fn empty(mid: &'a str) -> Self {
        Self {
            mid,
            direction: None,
            bundle_only: false,
            rtcp_mux: false,
            reduced_size_rtcp: false,
            transport: Transport::default(),
            codecs: Codecs::default(),
            extmap_allow_mixed: false,
            extensions: Vec::new(),
            extension_directions: Vec::new(),
            msid: None,
            cname: None,
            sctp_port: 0,
            // What a client takes that does not say (RFC 8841, section 6.1).
            max_message_size: 65_536,
            rids: Vec::new(),
            simulcast: None,
            ssrcs: Vec::new(),
            repairs: Vec::new(),
            retransmissions: Vec::new(),
        }
    }

    fn take(&mut self, key: &str, value: &'a str) -> Result<(), Refusal> {
        match key {
            "bundle-only" => self.bundle_only = true,
            "rtcp-mux" => self.rtcp_mux = true,
            "rtcp-rsize" => self.reduced_size_rtcp = true,
            "extmap-allow-mixed" => self.extmap_allow_mixed = true,
            "rtpmap" => self.codecs.take_rtpmap(value),
            "fmtp" => self.codecs.take_fmtp(value),
            "rtcp-fb" => self.codecs.take_feedback(value)?,
            "extmap" => self.take_extension(value)?,
            "msid" => self.take_msid(value)?,
            "rid" => self.take_rid(value)?,
            "simulcast" => self.simulcast = send_list(value),
            "ssrc" => self.take_ssrc(value)?,
            "ssrc-group" => self.take_ssrc_group(value)?,
            "sctp-port" => self.sctp_port = number(value, "sctp-port")?,
            "max-message-size" => self.max_message_size = number(value, "max-message-size")?,
            key => match Direction::from_name(key) {
                Some(direction) => self.direction = Some(direction),
                None => self.transport.read(key, value),
            },
        }
        Ok(())
    }

    fn take_extension(&mut self, value: &'a str) -> Result<(), Refusal> {
        let mut words = value.split_whitespace();
        let (Some(id), Some(uri)) = (words.next(), words.next()) else {
            return Err(Refusal::Invalid("extmap"));
        };
        let Some(extension) = Extension::from_uri(uri) else {
            return Ok(());
        };
        let (id, direction) = match id.split_once('/') {
            Some((id, direction)) => (id, Direction::from_name(direction)),
            None => (id, None),
        };
        let id: u8 = number(id, "extmap")?;
        // 0 is padding and 15 is reserved in one-byte headers (RFC 8285, section 4.2).
        if id == 0 || id == 15 || self.extensions.iter().any(|&(used, _)| used == id) {
            return Err(Refusal::Invalid("extmap"));
        }
        if self.extensions.iter().any(|&(_, known)| known == extension) {
            return Ok(());
        }
        self.extensions.push((id, extension));
        if let Some(direction) = direction {
            self.extension_directions.push((id, direction));
        }
        Ok(())
    }

    fn take_msid(&mut self, value: &str) -> Result<(), Refusal> {
        if value.len() > MSID_LEN_MAX {
            return Err(Refusal::Invalid("msid"));
        }
        let mut words = value.split_whitespace();
        let Some(stream) = words.next() else {
            return Err(Refusal::Invalid("msid"));
        };
        // A track in several streams has a line for each; the first is the one it is known by.
        self.msid.get_or_insert_with(|| Msid {
            stream: stream.to_owned(),
            track: words.next().unwrap_or_default().to_owned(),
        });
        Ok(())
    }

    fn take_rid(&mut self, value: &'a str) -> Result<(), Refusal> {
        let mut words = value.splitn(3, ' ');
        let (Some(rid), Some(direction)) = (words.next(), words.next()) else {
            return Err(Refusal::Invalid("rid"));
        };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if rid.is_empty() || rid.len() > NAME_LEN_MAX || !rid.bytes().all(legal) {
            return Err(Refusal::Invalid("rid"));
        }
        if direction == "send" {
            self.rids.push((rid, words.next().unwrap_or_default()));
        }
        within(self.rids.len(), ENCODINGS_MAX, "rid lines")
    }

    fn take_ssrc(&mut self, value: &'a str) -> Result<(), Refusal> {
        let (ssrc, attribute) = value.split_once(' ').unwrap_or((value, ""));
        let ssrc: u32 = number(ssrc, "ssrc")?;
        if !self.ssrcs.contains(&ssrc) {
            self.ssrcs.push(ssrc);
            within(self.ssrcs.len(), SSRCS_MAX, "SSRCs")?;
        }
        match attribute.split_once(':') {
            Some(("cname", cname)) => self.cname = self.cname.or(Some(cname)),
            // How tracks were named before `a=msid` had a line of its own.
            Some(("msid", msid)) => self.take_msid(msid)?,
            _ => {}
        }
        Ok(())
    }

    /// In a group for retransmission or error correction, all but the first repair the first
    /// (RFC 5576, section 4.2; RFC 5956).
    fn take_ssrc_group(&mut self, value: &str) -> Result<(), Refusal> {
        let mut words = value.split_whitespace();
        let kind = words.next();
        if let Some("FID" | "FEC" | "FEC-FR") = kind {
            let Some(first) = words.next() else {
                return Ok(());
            };
            let media = number(first, "ssrc-group")?;
            for word in words {
                let repair = number(word, "ssrc-group")?;
                self.repairs.push(repair);
                if kind == Some("FID") {
                    self.retransmissions.push((media, repair));
                }
            }
        }
        within(self.repairs.len(), SSRCS_MAX, "SSRCs in groups")
    }

    /// The simulcast encodings that have a `rid` line (RFC 8853, section 5.2). Of alternatives for
    /// one encoding the first is meant: nobody chooses between them here.
    pub(super) fn encodings(&self) -> Vec<OfferedEncoding> {
        let mut encodings: Vec<OfferedEncoding> = Vec::new();
        for alternatives in self.simulcast.unwrap_or_default().split(';') {
            let first = alternatives.split(',').next().unwrap_or_default();
            let rid = first.strip_prefix('~').unwrap_or(first);
            let declared = self.rids.iter().find(|(known, _)| *known == rid);
            let again = encodings.iter().any(|encoding| encoding.rid == rid);
            if let Some((_, restrictions)) = declared.filter(|_| !again) {
                encodings.push(OfferedEncoding {
                    rid: rid.to_owned(),
                    paused: first.starts_with('~'),
                    restrictions: (*restrictions).to_owned(),
                });
            }
        }
        encodings
    }

    pub(super) fn primary_ssrcs(&self) -> Vec<u32> {
        let primary = self
            .ssrcs
            .iter()
            .filter(|ssrc| !self.repairs.contains(ssrc));
        primary.copied().collect()
    }
}

/// The name of the section, which later errors are told with.
fn mid(index: usize, lines: &[Attribute]) -> Result<&str, SdpError> {
    let place = Place::Section { index, mid: None };
    let what = "mid";
    let Some(line) = lines.iter().find(|line| line.key == what) else {
        return Err(SdpError::Missing { place, what });
    };
    let mid = line.value.as_deref().unwrap_or_default();
    // A token (RFC 8866, section 9): visible ASCII without separators.
    let legal = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]".contains(&byte);
    if mid.is_empty() || mid.len() > NAME_LEN_MAX || !mid.bytes().all(legal) {
        return Err(SdpError::Invalid { place, what });
    }
    Ok(mid)
}

/// The encodings after `send` in `a=simulcast:recv 1;2 send q;h;f`.
fn send_list(value: &str) -> Option<&str> {
    let mut words = value.split_whitespace();
    words.find(|&word| word == "send")?;
    words.next()
}

fn number<N: std::str::FromStr>(text: &str, what: &'static str) -> Result<N, Refusal> {
    text.trim().parse().map_err(|_| Refusal::Invalid(what))
}
