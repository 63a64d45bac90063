//! The bytes of a link: frames as `frame` draws them, and what a fixed seed says in a handshake.

use super::*;
use crate::link::{
    frame::{self, Step},
    message::Message,
    session::{Key, Sealer},
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_frame_has_these_bytes() {
    assert_eq!(hex(&frame::refusal(CloseReason::NoWork)), "bc020007");
    let frames: Vec<String> =
        frame::handshake(Step::Two, &[0xaa; 20], 20).map(|f| hex(&f)).collect();
    let chunk = "aa".repeat(15);
    assert_eq!(frames, [format!("bc02020002{chunk}"), "bc02020102aaaaaaaaaa".to_owned()]);
    let pieces: Vec<String> = frame::pieces(0x1234, &[0xbb; 14], 20).map(|f| hex(&f)).collect();
    let chunk = "bb".repeat(13);
    assert_eq!(pieces, [format!("02341200000200{chunk}"), "02341201000200bb".to_owned()]);
}

/// Key of 32 bytes 07, two packets to an epoch: the third packet has the next key.
#[test]
fn a_sealed_packet_has_these_bytes_in_every_epoch() {
    let mut sealer = Sealer::new(Key::new([7; 32]), 2);
    let sealed: Vec<String> =
        (0..3).map(|token| hex(&sealer.seal(&Message::Ping { token }))).collect();
    assert_eq!(
        sealed,
        [
            "0100000000000000003784b44c30ea67cb1ef6e88fcf94972161e3",
            "010100000000000000ba52b77bc94c06c2a6db505019968638eae6",
            "010200000000000000809a93ed86f4dc66cbc8e8fbecd924ecc7d2"
        ]
    );
}

#[test]
fn a_handshake_of_fixed_seeds_has_these_bytes() {
    let mut world = World::pair();
    let mut said = Vec::new();
    world.connect((0, LinkId(1)), (1, LinkId(2)), MTU);
    world.pass_with(Duration::from_millis(20), &mut |frame| {
        said.push(frame.to_vec());
        vec![(DELAY, frame.to_vec())]
    });
    let lengths: Vec<usize> = said.iter().take(3).map(Vec::len).collect();
    assert_eq!(lengths, [5 + 32, 5 + 201, 5 + 169]);
    let hashes: Vec<String> = said.iter().take(3).map(|f| blake3::hash(f).to_string()).collect();
    assert_eq!(
        hashes,
        [
            "c045c27c5a2c53bba42ae3aa3af66f548f5db73cd8f7383828b4c7267eea265b",
            "c677b0fb81a1ec0c9e92b388dd0b4671ab700aa573db94a0ec2b22e2a11840e0",
            "d448e048750ffdb7c084a83e2d31b0d0e1291188b68e195c9ed522e34e5ad460"
        ]
    );
}
