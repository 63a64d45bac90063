//! Which link each class of messages takes, and when it takes another.
//!
//! Rules. A link is left for a better one only if that was clearly better for
//! [`Hysteresis::stable_for`](super::Hysteresis) without a break and the last change is
//! `cool_down` ago. One that ended, fell silent, loses most or fades is left at
//! once. What is fading is left before it dies: where no other link is, the node is asked to
//! prepare one.

use super::{
    Links, Output,
    connection::{Connection, Session},
    neighbour::{SWITCHES_MAX, Switch, index, slot},
    policy::{self, Need, Offer, Policy, SMALL_BYTES, Standing, best, clearly_better, profile},
};
use crate::{
    id::{LinkId, PeerId},
    time::{Duration, Instant},
    transport::{BreakerState, Class, SwitchReason},
};

/// The node is not asked more often to prepare a link to one peer. Guess: a dial and a handshake
/// are over by then.
const PREPARE_EVERY: Duration = Duration::from_secs(5);

impl Session {
    pub(super) fn standing(&self) -> Standing {
        if self.breaker.state() != BreakerState::Closed {
            Standing::Broken
        } else if self.silent {
            Standing::Silent
        } else if self.quality.loss().is_emergency() {
            Standing::Lossy
        } else if self.signal.is_fading() || self.quality.loss().is_fading() {
            Standing::Fading
        } else {
            Standing::Sound
        }
    }
}

impl Links {
    fn offers(&self, peer: PeerId) -> Vec<Offer> {
        let links = self.peers.get(&peer).map_or(&[][..], |p| &p.links);
        let offer = |link: &LinkId| {
            let connection = self.connections.get(link)?;
            let session = connection.session()?;
            let quality = &session.quality;
            let rtt = quality.rtt().unwrap_or(profile(connection.transport).round_trip);
            let latency = rtt / 2 + quality.rtt_variation().unwrap_or_default() * 2;
            Some(Offer {
                link: *link,
                transport: connection.transport,
                standing: session.standing(),
                latency,
                loss_ppm: quality.loss().ppm(),
            })
        };
        links.iter().filter_map(offer).collect()
    }

    fn need(&self, class: Class, small: bool) -> Need {
        let policy = self.config.services[index(class)].policy;
        let better_percent = self.config.hysteresis.better_percent;
        Need { policy, small, on_battery: self.on_battery, better_percent }
    }

    /// Every link of a peer in the order in which a message would try them.
    pub(super) fn cascade(&self, peer: PeerId, class: Class, bytes: usize) -> Vec<Offer> {
        policy::in_order(self.need(class, bytes < SMALL_BYTES), &self.offers(peer))
    }

    /// Whether messages that are not small choose by themselves.
    fn has_large_slot(&self, class: Class) -> bool {
        self.on_battery && self.config.services[index(class)].policy == Policy::EnergyEfficient
    }

    /// The link that a message takes now.
    pub(super) fn link_for(&mut self, peer: PeerId, class: Class, bytes: usize) -> Option<LinkId> {
        if self.config.services[index(class)].policy == Policy::LoadBalanced {
            return self.balanced(peer, bytes);
        }
        let small = bytes < SMALL_BYTES || !self.has_large_slot(class);
        self.peers.get(&peer)?.slots[slot(class, small)].link
    }

    /// Smooth weighted turns among the links that work best; the least loaded instead where the
    /// one whose turn it is has no room or lags behind.
    fn balanced(&mut self, peer: PeerId, bytes: usize) -> Option<LinkId> {
        let to = self.peers.get_mut(&peer)?;
        let standing = |link: &LinkId| Some(self.connections.get(link)?.session()?.standing());
        let best = to.links.iter().filter_map(standing).min()?;
        if best == Standing::Broken {
            return None;
        }
        let (mut total, mut turn) = (0, None::<(i64, LinkId)>);
        let mut idlest = None::<(i64, LinkId)>;
        for link in to.links.iter().filter(|link| standing(link) == Some(best)) {
            let Some(connection) = self.connections.get(link) else { continue };
            let weight = profile(connection.transport).weight;
            total += weight;
            let at = to.credits.iter().position(|(known, _)| known == link);
            let at = at.unwrap_or_else(|| {
                to.credits.push((*link, 0));
                to.credits.len() - 1
            });
            to.credits[at].1 += weight;
            if turn.is_none_or(|(credit, _)| to.credits[at].1 > credit) {
                turn = Some((to.credits[at].1, *link));
            }
            let load = connection.session().map_or(0, |s| s.flight.bytes as i64) / weight;
            if idlest.is_none_or(|(least, _)| load < least) {
                idlest = Some((load, *link));
            }
        }
        let (_, mut link) = turn?;
        let (least, idlest) = idlest?;
        let load = |link: LinkId| {
            let connection = self.connections.get(&link)?;
            Some(connection.session()?.flight.bytes as i64 / profile(connection.transport).weight)
        };
        let lags = load(link)? > 2 * least + bytes as i64 * LAG_MESSAGES;
        if lags || !self.has_room(link, bytes) {
            link = idlest;
        }
        let to = self.peers.get_mut(&peer)?;
        if let Some((_, credit)) = to.credits.iter_mut().find(|(known, _)| *known == link) {
            *credit -= total;
        }
        Some(link)
    }

    /// Looks at every class's link anew.
    pub(super) fn choose(&mut self, peer: PeerId, now: Instant) {
        let offers = self.offers(peer);
        for class in Class::ALL {
            if self.config.services[index(class)].policy == Policy::LoadBalanced {
                continue;
            }
            self.choose_for(peer, class, true, &offers, now);
            if self.has_large_slot(class) {
                self.choose_for(peer, class, false, &offers, now);
            }
        }
        self.prepare(peer, &offers, now);
        if let Some(to) = self.peers.get(&peer) {
            let due = to.deadline(&self.config);
            self.wake_by(due);
        }
    }

    fn choose_for(
        &mut self,
        peer: PeerId,
        class: Class,
        small: bool,
        offers: &[Offer],
        now: Instant,
    ) {
        let need = self.need(class, small);
        let Some(to) = self.peers.get_mut(&peer) else { return };
        let slot = &mut to.slots[slot(class, small)];
        let usable = offers.iter().filter(|offer| offer.standing != Standing::Broken);
        let Some(best) = best(need, usable) else {
            slot.link = None;
            slot.better = None;
            slot.broken = !offers.is_empty();
            return;
        };
        let old = slot.link.and_then(|link| offers.iter().find(|offer| offer.link == link));
        let reason = match old {
            Some(old) if old.link == best.link => None,
            Some(old) if best.standing < old.standing => Some(match old.standing {
                Standing::Sound | Standing::Fading => SwitchReason::Fading,
                Standing::Lossy => SwitchReason::Lossy,
                Standing::Silent | Standing::Broken => SwitchReason::Silent,
            }),
            Some(old) if clearly_better(need, best, old) => {
                let since = match slot.better {
                    Some((link, since)) if link == best.link => since,
                    _ => now,
                };
                slot.better = Some((best.link, since));
                let cool =
                    slot.switched_at.is_none_or(|at| at + self.config.hysteresis.cool_down <= now);
                if !cool || since + self.config.hysteresis.stable_for > now {
                    return;
                }
                Some(SwitchReason::Better)
            }
            Some(_) => None,
            None if slot.last.is_none() => Some(SwitchReason::First),
            None if slot.link.is_none() && slot.broken => Some(SwitchReason::Silent),
            None => Some(SwitchReason::Ended),
        };
        slot.better = None;
        if let Some(reason) = reason {
            self.switch(peer, class, small, *best, reason, now);
        }
    }

    fn switch(
        &mut self,
        peer: PeerId,
        class: Class,
        small: bool,
        best: Offer,
        reason: SwitchReason,
        now: Instant,
    ) {
        let Some(to) = self.peers.get_mut(&peer) else { return };
        let outbox = &to.outboxes[index(class)];
        let slot = &mut to.slots[slot(class, small)];
        slot.link = Some(best.link);
        let last = slot.last.replace((best.link, best.transport));
        // The same link after its breaker closed is no change.
        if last.is_some_and(|(link, _)| link == best.link) {
            return;
        }
        let from = last.map(|(_, transport)| transport);
        // Having none before is no reason to wait for a better one.
        slot.switched_at = last.map(|_| now);
        let waited = match reason {
            SwitchReason::First | SwitchReason::Better | SwitchReason::Fading => None,
            SwitchReason::Ended | SwitchReason::Silent | SwitchReason::Lossy => outbox.oldest(),
        };
        let since = waited.map(|oldest| outbox.acknowledged_at.map_or(oldest, |at| at.max(oldest)));
        let before = slot.interrupted.take();
        // A second change before anything went on: it has been interrupted since the first.
        let since = before.map(|(_, since)| since).or(since);
        slot.interrupted = since.map(|since| (now, since));
        // The first link is told once, for the class by which the peer is announced.
        if reason == SwitchReason::First && class != Class::Dice {
            return;
        }
        if let Some((at, _)) = before {
            self.tell_switch(peer, class, at, None);
        }
        let Some(to) = self.peers.get_mut(&peer) else { return };
        if to.switches.len() >= SWITCHES_MAX {
            to.switches.pop_front();
        }
        *self.counters.switches.entry(reason).or_default() += 1;
        let (to_transport, interruption) = (best.transport, None);
        to.switches.push_back(Switch {
            at: now,
            class,
            from,
            to: to_transport,
            reason,
            interruption,
        });
        if since.is_none() {
            self.tell_switch(peer, class, now, None);
        }
        if class == Class::Dice && reason != SwitchReason::First {
            self.outputs.push_back(Output::Measured { peer });
        }
    }

    /// Something of this class was acknowledged: what was interrupted goes on.
    pub(super) fn went_on(&mut self, peer: PeerId, class: Class, now: Instant) {
        for small in [true, false] {
            let Some(to) = self.peers.get_mut(&peer) else { return };
            let slot = &mut to.slots[slot(class, small)];
            if let Some((at, since)) = slot.interrupted.take() {
                self.tell_switch(peer, class, at, Some(now - since));
            }
        }
    }

    fn tell_switch(
        &mut self,
        peer: PeerId,
        class: Class,
        at: Instant,
        interruption: Option<Duration>,
    ) {
        let Some(to) = self.peers.get_mut(&peer) else { return };
        let mut switches = to.switches.iter_mut().rev();
        let Some(switch) = switches.find(|switch| (switch.at, switch.class) == (at, class)) else {
            return;
        };
        switch.interruption = interruption;
        self.outputs.push_back(Output::Switched { peer, switch: *switch });
    }

    /// Asks the node for another link while the best one fades or does not answer.
    fn prepare(&mut self, peer: PeerId, offers: &[Offer], now: Instant) {
        let Some(to) = self.peers.get_mut(&peer) else { return };
        let well = offers.iter().any(|offer| offer.standing == Standing::Sound);
        let lately = to.prepared_at.is_some_and(|at| now.since(at) < PREPARE_EVERY);
        if !well && !lately && to.is_linked() {
            to.prepared_at = Some(now);
            self.outputs.push_back(Output::Prepare { peer });
        }
    }

    /// The classes that take a link now.
    pub(super) fn serves(&self, link: LinkId) -> Vec<Class> {
        let Some(session) = self.connections.get(&link).and_then(Connection::session) else {
            return Vec::new();
        };
        let Some(to) = self.peers.get(&session.peer()) else { return Vec::new() };
        let takes = |class: &Class| {
            if self.config.services[index(*class)].policy == Policy::LoadBalanced {
                return session.standing() < Standing::Silent;
            }
            let large =
                self.has_large_slot(*class) && to.slots[slot(*class, false)].link == Some(link);
            to.slots[slot(*class, true)].link == Some(link) || large
        };
        Class::ALL.into_iter().filter(takes).collect()
    }
}

/// A link lags when more than twice as much as on the least loaded waits on it, and this many
/// messages more.
const LAG_MESSAGES: i64 = 8;
