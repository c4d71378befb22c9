//! The header extensions of a packet on its way to a subscriber. Knows how they are written, not what
//! they say.

use super::line::Numbered;
use crate::rtp::dependency_descriptor::{self, LEN_MAX};

/// A dependency descriptor with the subscriber's frame number, under the subscriber's id.
pub(crate) struct FrameExtension {
    id: u8,
    data: [u8; LEN_MAX],
    len: usize,
}

impl FrameExtension {
    /// `descriptor` as the publisher sent it; `None` if there is none, or the subscriber does not
    /// read it.
    pub(crate) fn new(
        id: Option<u8>,
        frame_number: Option<u16>,
        descriptor: &[u8],
    ) -> Option<Self> {
        let (id, frame_number) = id.zip(frame_number)?;
        let mut data = [0; LEN_MAX];
        data.get_mut(..descriptor.len())?
            .copy_from_slice(descriptor);
        dependency_descriptor::renumber(&mut data, frame_number);
        Some(Self {
            id,
            data,
            len: descriptor.len(),
        })
    }
}

/// Those of one packet, as `write_header` wants them.
pub(crate) struct Extensions<'a> {
    list: [(u8, &'a [u8]); 2],
    len: usize,
}

impl<'a> Extensions<'a> {
    pub(crate) fn of(number: Option<&'a Numbered>, frame: Option<&'a FrameExtension>) -> Self {
        let mut extensions = Self {
            list: [(0, &[]); 2],
            len: 0,
        };
        let frame = frame.map(|frame| (frame.id, &frame.data[..frame.len]));
        for extension in [number.map(Numbered::extension), frame]
            .into_iter()
            .flatten()
        {
            extensions.list[extensions.len] = extension;
            extensions.len += 1;
        }
        extensions
    }

    pub(crate) fn as_slice(&self) -> &[(u8, &'a [u8])] {
        &self.list[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_goes_under_the_subscribers_id_with_its_frame_number() {
        let frame = FrameExtension::new(Some(12), Some(0x0203), &[0xc0, 9, 9, 0x80]);
        let extensions = Extensions::of(None, frame.as_ref());
        assert_eq!(extensions.as_slice(), [(12, &[0xc0, 2, 3, 0x80][..])]);
    }

    #[test]
    fn a_subscriber_that_reads_none_gets_none() {
        assert!(FrameExtension::new(None, Some(1), &[0xc0, 0, 0]).is_none());
        assert!(FrameExtension::new(Some(12), None, &[0xc0, 0, 0]).is_none());
        assert!(Extensions::of(None, None).as_slice().is_empty());
    }
}
