//! Dependency descriptors written out, and written by the book.

use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use written::{Template, Written};

/// A whole key frame of a stream with one layer and one chain, in one packet.
const ONE_LAYER: [u8; 7] = [
    0b1100_0000,
    0x00,
    0x07, // first and last packet, template 0, frame 7
    0b1000_0000,
    0b0000_0000, // a structure: first template 0, one decode target
    0b1110_0100,
    0b0000_0000, // one template, "S", builds on nothing, one chain, no sizes
];

#[test]
fn the_key_frame_of_a_single_layer_is_read_bit_by_bit() {
    let descriptor = DependencyDescriptor::parse(&ONE_LAYER, None).unwrap();
    assert!(descriptor.start_of_frame && descriptor.end_of_frame);
    assert!(descriptor.attaches_structure);
    assert_eq!(descriptor.frame_number, 7);
    assert_eq!((descriptor.spatial, descriptor.temporal), (0, 0));
    assert_eq!(descriptor.active_targets, Some(1));
    assert_eq!(descriptor.indication(0), Indication::Switch);
    let structure = attached_structure(&ONE_LAYER).unwrap();
    let target = DecodeTarget {
        spatial: 0,
        temporal: 0,
        chain: Some(0),
    };
    assert_eq!(structure.targets(), [target]);
    assert_eq!(
        (structure.chain_count(), structure.spatial_layers()),
        (1, 1)
    );
}

#[test]
fn a_frame_between_key_frames_is_read_by_their_structure_and_not_without() {
    let delta = [0b1000_0000, 0x01, 0x02];
    assert_eq!(DependencyDescriptor::parse(&delta, None), None);
    let structure = attached_structure(&ONE_LAYER).unwrap();
    let descriptor = DependencyDescriptor::parse(&delta, Some(&structure)).unwrap();
    assert_eq!(descriptor.frame_number, 0x0102);
    assert!(descriptor.start_of_frame && !descriptor.end_of_frame);
    assert!(!descriptor.attaches_structure);
    let unknown_template = [0b1000_0001, 0x01, 0x02];
    assert_eq!(
        DependencyDescriptor::parse(&unknown_template, Some(&structure)),
        None
    );
}

#[test]
fn a_descriptor_cut_anywhere_is_refused() {
    for len in 0..ONE_LAYER.len() {
        let cut = DependencyDescriptor::parse(&ONE_LAYER[..len], None);
        assert_eq!(cut, None, "{len} bytes");
    }
}

#[test]
fn more_layers_than_a_stream_can_have_are_refused() {
    // Steps to the next spatial layer without end.
    let mut endless = vec![0xc0, 0, 0, 0b1000_0000, 0b0000_0000];
    endless.extend([0b1010_1010; 60]);
    assert_eq!(attached_structure(&endless), None);
    // Templates of the same layer without end.
    endless.truncate(5);
    endless.extend([0; 60]);
    assert_eq!(attached_structure(&endless), None);
}

#[test]
fn a_number_is_replaced_in_place() {
    let mut data = ONE_LAYER;
    renumber(&mut data, 0xabcd);
    let read = DependencyDescriptor::parse(&data, None).unwrap();
    assert_eq!(read.frame_number, 0xabcd);
    let before = DependencyDescriptor::parse(&ONE_LAYER, None).unwrap();
    let same = DependencyDescriptor {
        frame_number: 7,
        ..read
    };
    assert_eq!(same, before);
    renumber(&mut data[..2], 1);
}

fn indications(targets: usize) -> impl Strategy<Value = String> {
    vec(prop::sample::select(vec!['-', 'D', 'S', 'R']), targets)
        .prop_map(|characters| characters.into_iter().collect())
}

/// Layers in the order that templates have: a step to the same, the next temporal or the next
/// spatial layer, as far as there are.
fn layers() -> impl Strategy<Value = Vec<(u8, u8)>> {
    vec(0..3_u8, 0..15).prop_map(|steps| {
        let mut layers = vec![(0, 0)];
        for step in steps {
            let (spatial, temporal) = *layers.last().unwrap();
            layers.push(match step {
                1 if temporal < 7 => (spatial, temporal + 1),
                2 if spatial < 3 => (spatial + 1, 0),
                _ => (spatial, temporal),
            });
        }
        layers
    })
}

fn structure() -> impl Strategy<Value = written::Structure> {
    let shape = (0..64_u8, 1..=32_usize, layers(), any::<bool>());
    shape.prop_flat_map(|(id_offset, targets, layers, sized)| {
        let spatial_layers = usize::from(layers.last().unwrap().0) + 1;
        let sizes = vec(
            (1..=u16::MAX, 1..=u16::MAX),
            if sized { spatial_layers } else { 0 },
        );
        (0..=targets, Just(layers), sizes).prop_flat_map(move |(chains, layers, sizes)| {
            let protected_by = vec(0..u8::try_from(chains.max(1)).unwrap(), targets);
            let templates: Vec<_> = layers
                .into_iter()
                .map(|(spatial, temporal)| {
                    let distances = vec(1..=16_u8, 0..4);
                    let parts = (indications(targets), distances, vec(0..16_u8, chains));
                    parts.prop_map(move |(indications, distances, chains)| Template {
                        spatial,
                        temporal,
                        indications,
                        distances,
                        chains,
                    })
                })
                .collect();
            (protected_by, templates, Just(sizes)).prop_map(
                move |(protected_by, templates, sizes)| written::Structure {
                    id_offset,
                    protected_by,
                    chains: u8::try_from(chains).unwrap(),
                    templates,
                    sizes,
                },
            )
        })
    })
}

fn packet(structure: &written::Structure) -> impl Strategy<Value = Written> + use<> {
    let (targets, chains) = (structure.protected_by.len(), structure.chains);
    let templates = u8::try_from(structure.templates.len()).unwrap();
    (
        (any::<bool>(), any::<bool>(), 0..templates, any::<u16>()),
        option::of(0..=u32::MAX >> (32 - targets)),
        option::of(indications(targets)),
        option::of(vec(1..=4096_u16, 0..4)),
        option::of(vec(any::<u8>(), usize::from(chains))),
    )
        .prop_map(|(fixed, active, indications, distances, chains)| Written {
            start: fixed.0,
            end: fixed.1,
            template: fixed.2,
            number: fixed.3,
            attach: false,
            active,
            custom_indications: indications,
            custom_distances: distances,
            custom_chains: chains,
        })
}

fn letter(indication: Indication) -> char {
    match indication {
        Indication::NotPresent => '-',
        Indication::Discardable => 'D',
        Indication::Switch => 'S',
        Indication::Required => 'R',
    }
}

proptest! {
    #[test]
    fn what_is_written_by_the_book_is_read_as_it_was_meant(
        (structure, key, delta) in structure().prop_flat_map(|structure| {
            let packets = (packet(&structure), packet(&structure));
            packets.prop_map(move |(key, delta)| (structure.clone(), key, delta))
        })
    ) {
        let key = Written { attach: true, ..key };
        let bytes = key.bytes(&structure);
        let known = attached_structure(&bytes).unwrap();
        prop_assert_eq!(usize::from(known.target_count()), structure.protected_by.len());
        prop_assert_eq!(known.chain_count(), usize::from(structure.chains));
        for (target, &chain) in known.targets().iter().zip(&structure.protected_by) {
            prop_assert_eq!(target.chain, (structure.chains > 0).then_some(chain));
        }
        for (spatial, &(width, height)) in structure.sizes.iter().enumerate() {
            let size = Size { width: width.into(), height: height.into() };
            prop_assert_eq!(known.size(u8::try_from(spatial).unwrap()), Some(size));
        }
        for sent in [key, delta] {
            let bytes = sent.bytes(&structure);
            let read = DependencyDescriptor::parse(&bytes, Some(&known)).unwrap();
            let template = &structure.templates[usize::from(sent.template)];
            prop_assert_eq!(read.start_of_frame, sent.start);
            prop_assert_eq!(read.end_of_frame, sent.end);
            prop_assert_eq!(read.frame_number, sent.number);
            prop_assert_eq!(read.attaches_structure, sent.attach);
            prop_assert_eq!((read.spatial, read.temporal), (template.spatial, template.temporal));
            let active = sent.active.or_else(|| sent.attach.then(|| known.all_targets()));
            prop_assert_eq!(read.active_targets, active);
            let targets = 0..structure.protected_by.len();
            let indications: String = targets.map(|it| letter(read.indication(it))).collect();
            let expected = sent.custom_indications.as_ref().unwrap_or(&template.indications);
            prop_assert_eq!(&indications, expected);
            let regular = || template.distances.iter().map(|&it| it.into()).collect();
            let distances: Vec<u16> = sent.custom_distances.clone().unwrap_or_else(regular);
            prop_assert_eq!(read.distances().collect::<Vec<_>>(), distances);
            let chains = sent.custom_chains.as_ref().unwrap_or(&template.chains);
            for (chain, &distance) in chains.iter().enumerate() {
                prop_assert_eq!(read.chain_distance(chain), distance);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_descriptor_or_refused(mut data in vec(any::<u8>(), 4..80)) {
        data[3] |= 0x80;
        if let Some(structure) = attached_structure(&data) {
            prop_assert!(structure.chain_count() <= structure.targets().len());
            prop_assert!(structure.spatial_layers() <= 4);
            let _ = DependencyDescriptor::parse(&data, None);
        }
    }
}
