//! Our SRTP against `rtc-srtp`, an implementation by others, in every profile and direction.

use super::{Profile, Receiver, Sender, directions};
use crate::transport::{DropReason, DtlsRole};
use proptest::prelude::*;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

const PROFILES: [Profile; 3] = [
    Profile::Aes256Gcm,
    Profile::Aes128Gcm,
    Profile::Aes128CmSha1,
];

proptest! {
    #[test]
    fn what_we_encrypt_the_other_decrypts(
        profile in prop::sample::select(&PROFILES),
        header in any_header(),
        payload in prop::collection::vec(any::<u8>(), 1..1300),
    ) {
        let (sender, _) = ours(profile, DtlsRole::Passive);
        let mut other = theirs(profile, Side::Server);
        let sealed = seal(&sender, &header, &payload, 0);
        let plain = [header, payload].concat();
        prop_assert_eq!(other.decrypt_rtp(&sealed).unwrap().to_vec(), plain);
    }

    #[test]
    fn what_the_other_encrypts_we_decrypt(
        profile in prop::sample::select(&PROFILES),
        header in any_header(),
        payload in prop::collection::vec(any::<u8>(), 1..1300),
    ) {
        let (_, mut receiver) = ours(profile, DtlsRole::Passive);
        let plain = [header, payload].concat();
        let mut sealed = theirs(profile, Side::Client).encrypt_rtp(&plain).unwrap();
        let len = receiver.open_rtp(&mut sealed);
        prop_assert_eq!(len, Ok(plain.len()));
        prop_assert_eq!(&sealed[..plain.len()], &plain);
    }

    #[test]
    fn rtcp_agrees_both_ways(
        profile in prop::sample::select(&PROFILES),
        ssrc: u32,
        body in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let (mut sender, mut receiver) = ours(profile, DtlsRole::Active);
        let mut compound = vec![0x80, 201, 0, 1];
        compound.extend(ssrc.to_be_bytes());
        compound.extend(&body);
        let mut sealed = vec![0; sender.rtcp_len(&compound).unwrap()];
        sender.seal_rtcp(&compound, &mut sealed);
        let opened = theirs(profile, Side::Client).decrypt_rtcp(&sealed).unwrap();
        prop_assert_eq!(opened.to_vec(), compound.clone());

        let mut sealed = theirs(profile, Side::Server).encrypt_rtcp(&compound).unwrap();
        prop_assert_eq!(receiver.open_rtcp(&mut sealed), Ok(compound.len()));
        prop_assert_eq!(&sealed[..compound.len()], &compound);
    }

    #[test]
    fn opening_any_bytes_never_panics(
        profile in prop::sample::select(&PROFILES),
        packet in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (_, mut receiver) = ours(profile, DtlsRole::Passive);
        prop_assert!(receiver.open_rtp(&mut packet.clone()).is_err());
        prop_assert!(receiver.open_rtcp(&mut packet.clone()).is_err());
    }
}

#[test]
fn a_stream_goes_on_across_the_end_of_its_sequence_numbers_in_both_directions() {
    for profile in PROFILES {
        let (sender, mut receiver) = ours(profile, DtlsRole::Passive);
        let mut from_client = theirs(profile, Side::Client);
        let mut to_client = theirs(profile, Side::Server);
        for index in 65_400_u32..131_200 {
            let header = header(index, 7);
            let plain = [&header[..], b"payload"].concat();
            let mut sealed = from_client.encrypt_rtp(&plain).unwrap();
            assert_eq!(receiver.open_rtp(&mut sealed), Ok(plain.len()), "{index}");

            let sealed = seal(&sender, &header, b"payload", index >> 16);
            let opened = to_client.decrypt_rtp(&sealed).unwrap();
            assert_eq!(opened.to_vec(), plain, "{index}");
        }
    }
}

#[test]
fn a_packet_is_taken_once_and_again_only_after_it_proved_false() {
    for profile in PROFILES {
        let (_, mut receiver) = ours(profile, DtlsRole::Passive);
        let plain = [&header(9, 1)[..], b"payload"].concat();
        let sealed = theirs(profile, Side::Client).encrypt_rtp(&plain).unwrap();
        let mut forged = sealed.to_vec();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(
            receiver.open_rtp(&mut forged),
            Err(DropReason::SrtpUnauthenticated)
        );
        assert_eq!(receiver.open_rtp(&mut sealed.to_vec()), Ok(plain.len()));
        assert_eq!(
            receiver.open_rtp(&mut sealed.to_vec()),
            Err(DropReason::SrtpReplayed)
        );
    }
}

#[test]
fn a_repeated_rtcp_packet_is_dropped() {
    for profile in PROFILES {
        let (_, mut receiver) = ours(profile, DtlsRole::Passive);
        let compound = [0x80, 201, 0, 1, 0, 0, 0, 5];
        let sealed = theirs(profile, Side::Client)
            .encrypt_rtcp(&compound)
            .unwrap();
        assert_eq!(receiver.open_rtcp(&mut sealed.to_vec()), Ok(8));
        assert_eq!(
            receiver.open_rtcp(&mut sealed.to_vec()),
            Err(DropReason::SrtpReplayed)
        );
    }
}

#[test]
fn a_packet_cut_anywhere_is_refused() {
    for profile in PROFILES {
        let mut header = header(9, 1).to_vec();
        header[0] |= 0x11;
        header.extend([0, 0, 0, 8, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0]);
        let plain = [&header[..], b"payload"].concat();
        let sealed = theirs(profile, Side::Client).encrypt_rtp(&plain).unwrap();
        let compound = [0x80, 201, 0, 1, 0, 0, 0, 5];
        let report = theirs(profile, Side::Client)
            .encrypt_rtcp(&compound)
            .unwrap();
        let (_, mut receiver) = ours(profile, DtlsRole::Passive);
        for len in 0..sealed.len() {
            let refused = receiver.open_rtp(&mut sealed[..len].to_vec());
            assert!(refused.is_err(), "{profile:?}, {len} bytes");
        }
        for len in 0..report.len() {
            let refused = receiver.open_rtcp(&mut report[..len].to_vec());
            assert!(refused.is_err(), "{profile:?}, {len} bytes");
        }
        assert_eq!(receiver.open_rtp(&mut sealed.to_vec()), Ok(plain.len()));
    }
}

#[test]
fn a_changed_header_is_noticed() {
    for profile in PROFILES {
        let plain = [&header(9, 1)[..], b"payload"].concat();
        let sealed = theirs(profile, Side::Client).encrypt_rtp(&plain).unwrap();
        for at in 1..12 {
            let (_, mut receiver) = ours(profile, DtlsRole::Passive);
            let mut changed = sealed.to_vec();
            changed[at] ^= 0x40;
            assert_eq!(
                receiver.open_rtp(&mut changed),
                Err(DropReason::SrtpUnauthenticated),
                "{profile:?}, byte {at}"
            );
        }
    }
}

#[test]
fn one_ssrc_more_than_allowed_is_dropped_and_the_known_ones_go_on() {
    let (_, mut receiver) = ours(Profile::Aes128Gcm, DtlsRole::Passive);
    let mut other = theirs(Profile::Aes128Gcm, Side::Client);
    let mut open = |sequence, ssrc| {
        let plain = [&header(sequence, ssrc)[..], b"x"].concat();
        let mut sealed = other.encrypt_rtp(&plain).unwrap();
        receiver.open_rtp(&mut sealed)
    };
    for ssrc in 0..512 {
        assert_eq!(open(1, ssrc), Ok(13));
    }
    assert_eq!(open(1, 512), Err(DropReason::TooManySsrcs));
    assert_eq!(open(2, 0), Ok(13));
}

#[test]
fn a_forged_packet_does_not_use_up_an_ssrc() {
    let (_, mut receiver) = ours(Profile::Aes128Gcm, DtlsRole::Passive);
    for ssrc in 0..2000 {
        let mut forged = [&header(1, ssrc)[..], &[0; 40]].concat();
        assert_eq!(
            receiver.open_rtp(&mut forged),
            Err(DropReason::SrtpUnauthenticated)
        );
    }
}

/// Whose packets a context of the other implementation encrypts or decrypts.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

fn material(profile: Profile) -> Vec<u8> {
    let len = 2 * (profile.key_len() + profile.salt_len());
    (1..=255).cycle().take(len).collect()
}

fn ours(profile: Profile, role: DtlsRole) -> (Sender, Receiver) {
    directions(profile, &material(profile), role)
}

fn theirs(profile: Profile, side: Side) -> Context {
    let material = material(profile);
    let (keys, salts) = material.split_at(2 * profile.key_len());
    let part = match side {
        Side::Client => 0,
        Side::Server => 1,
    };
    let protection = match profile {
        Profile::Aes256Gcm => ProtectionProfile::AeadAes256Gcm,
        Profile::Aes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmSha1 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    Context::new(
        &keys[part * profile.key_len()..][..profile.key_len()],
        &salts[part * profile.salt_len()..][..profile.salt_len()],
        protection,
        None,
        None,
        rtc_stun::crypto::default_provider().unwrap().crypto(),
    )
    .unwrap()
}

fn seal(sender: &Sender, header: &[u8], payload: &[u8], rollover: u32) -> Vec<u8> {
    let mut out = vec![0; sender.rtp_len(header, payload).unwrap()];
    sender.seal_rtp(header, payload, rollover, &mut out);
    out
}

fn header(index: u32, ssrc: u32) -> [u8; 12] {
    let mut header = [0x80, 96, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    header[2..4].copy_from_slice(&index.to_be_bytes()[2..]);
    header[8..].copy_from_slice(&ssrc.to_be_bytes());
    header
}

/// Any header a client may send: with contributors, and with an extension of whole words.
fn any_header() -> impl Strategy<Value = Vec<u8>> {
    let extension = prop::option::of(prop::collection::vec(any::<[u8; 4]>(), 0..8));
    (
        any::<[u8; 10]>(),
        prop::collection::vec(any::<u32>(), 0..4),
        extension,
    )
        .prop_map(|(fixed, contributors, extension)| {
            let mut header = vec![0x80, fixed[0] & 0x3f];
            header.extend(fixed);
            header[0] |= u8::try_from(contributors.len()).unwrap();
            header.extend(contributors.iter().flat_map(|source| source.to_be_bytes()));
            if let Some(words) = extension {
                header[0] |= 0x10;
                // A profile of its own: the other implementation rewrites those of RFC 8285.
                header.extend([0x12, 0x34, 0, u8::try_from(words.len()).unwrap()]);
                header.extend(words.concat());
            }
            header
        })
}
