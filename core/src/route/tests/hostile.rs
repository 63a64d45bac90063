//! Messages that nobody honest would send.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_message_makes_a_router_panic_or_deliver(
        steps in prop::collection::vec(
            (0usize..4, 0usize..4, any::<u64>(), any::<u8>(), 0u8..4,
             prop::collection::vec(0usize..4, 0..20), any::<u8>(),
             prop::collection::vec(any::<u8>(), 0..80)),
            0..20,
        ),
    ) {
        let mut mesh = Mesh::line(4);
        let ids = mesh.ids.clone();
        for (src, dst, id, ttl, kind, via, hop, body) in steps {
            let via = via.into_iter().map(|n| ids[n]).collect();
            let (src, dst) = (ids[src], ids[dst]);
            let message = match kind {
                0 => Message::Flood(Flood { origin: src, id, ttl, body }),
                kind => {
                    let kind = [Kind::Once, Kind::Acked, Kind::Ack][usize::from(kind) - 1];
                    let class = Class::ALL[usize::from(ttl) % Class::ALL.len()];
                    let of = Datagram { src, dst, id, ttl, kind, class, via, hop, body };
                    Message::Datagram(of)
                }
            };
            mesh.routers[1].on_message(ids[0], message, mesh.now);
        }
        mesh.run();
        for node in 0..4 {
            prop_assert!(mesh.bodies(node).is_empty());
        }
    }
}
