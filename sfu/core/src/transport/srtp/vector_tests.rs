//! The test vectors of RFC 3711, appendix B, and RFC 7714, sections 16 and 17.

use super::Master;
use super::gcm::Gcm;
use super::key_derivation::{Label, Purpose, apply_keystream, counter_key, derive};

#[test]
fn session_keys_are_those_of_rfc_3711_b_3() {
    let key = bytes("E1F97A0D3E018BE0D64FA32C06DE4139");
    let salt = bytes("0EC675AD498AFEEBB6960B3AABE6");
    let master = Master {
        key: &key,
        salt: &salt,
    };
    let derived = |label, len| {
        let mut key = vec![0; len];
        derive(&master, Purpose::Rtp, label, &mut key);
        key
    };
    assert_eq!(
        derived(Label::Encryption, 16),
        bytes("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(
        derived(Label::Salt, 14),
        bytes("30CBBC08863D8C85D49DB34A9AE1")
    );
    assert_eq!(
        derived(Label::Authentication, 20),
        bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
}

#[test]
fn the_key_stream_is_that_of_rfc_3711_b_2() {
    let key = counter_key(&bytes("2B7E151628AED2A6ABF7158809CF4F3C"));
    let block = bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000")
        .try_into()
        .unwrap();
    let mut stream = [0; 48];
    apply_keystream(&key, block, &mut stream);
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB \
                    41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream.to_vec(), bytes(expected));
}

const RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 \
                   69736120 696e2070 61727465 73207472 6573";

#[test]
fn rtp_packets_are_those_of_rfc_7714_16() {
    let protected = [
        (
            16,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f \
             42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            32,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 \
             b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ];
    for (key_len, protected) in protected {
        let (plain, mut protected) = (bytes(RTP), bytes(protected));
        let mut sealed = vec![0; protected.len()];
        gcm(key_len).seal_rtp(0xf17b, &plain[..12], &plain[12..], &mut sealed);
        assert_eq!(sealed, protected, "{key_len}");
        let len = gcm(key_len).open_rtp(0xf17b, 12, &mut protected).ok();
        assert_eq!(len, Some(plain.len()));
        assert_eq!(protected[..plain.len()], plain);
    }
}

const RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 \
                    deadbeef deadbeef deadbeef deadbeef deadbeef";

#[test]
fn rtcp_packets_are_those_of_rfc_7714_17() {
    let protected = [
        (
            16,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 \
             730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            32,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 \
             110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ];
    for (key_len, protected) in protected {
        let (plain, mut protected) = (bytes(RTCP), bytes(protected));
        let mut sealed = vec![0; protected.len()];
        gcm(key_len).seal_rtcp(0x5d4, &plain, &mut sealed);
        assert_eq!(sealed, protected, "{key_len}");
        assert_eq!(
            gcm(key_len).open_rtcp(&mut protected).ok(),
            Some(plain.len())
        );
        assert_eq!(protected[..plain.len()], plain);
    }
}

#[test]
fn rtcp_packets_that_are_only_authenticated_are_those_of_rfc_7714_17() {
    let tags = [
        (16, "841dd968 3dd78ec9 2ae58790 125f62b3"),
        (32, "91db4afb feee5a97 8fab4393 ed2615fe"),
    ];
    for (key_len, tag) in tags {
        let plain = bytes(RTCP);
        let mut packet = bytes(&format!("{RTCP} {tag} 000005d4"));
        assert_eq!(
            gcm(key_len).open_rtcp(&mut packet).ok(),
            Some(plain.len()),
            "{key_len}"
        );
        assert_eq!(packet[..plain.len()], plain);
        let mut changed = bytes(&format!("{RTCP} {tag} 000005d4"));
        changed[20] ^= 1;
        assert!(gcm(key_len).open_rtcp(&mut changed).is_err());
    }
}

fn gcm(key_len: u8) -> Gcm {
    let key: Vec<u8> = (0..key_len).collect();
    Gcm::with_session_key(&key, *b"Quid pro quo")
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}
