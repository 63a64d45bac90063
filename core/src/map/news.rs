//! Whether our links differ from what was announced of them, and how urgent that is.

use super::message::AnnouncedLink;

/// How two lists of links differ, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    Lost,
    Gained,
    Figures,
}

/// Both ascending by peer and transport.
pub(super) fn news_of(told: &[AnnouncedLink], links: &[AnnouncedLink]) -> Option<News> {
    let find = |list: &[AnnouncedLink], link: &AnnouncedLink| {
        list.binary_search_by_key(&(link.peer, link.transport), |l| (l.peer, l.transport)).ok()
    };
    let gone = |link: &AnnouncedLink| links.binary_search_by_key(&link.peer, |l| l.peer).is_err();
    let lost = told.iter().any(gone).then_some(News::Lost);
    let changed = links.iter().filter_map(|link| match find(told, link) {
        None => Some(News::Gained),
        Some(at) => figures_differ(&told[at], link).then_some(News::Figures),
    });
    lost.into_iter().chain(changed).min()
}

/// By a quarter and a millisecond, or by a twentieth of reliability: less than that changes no
/// path that matters, and would be flooded at every ping. Guess.
fn figures_differ(told: &AnnouncedLink, now: &AnnouncedLink) -> bool {
    let latency = match (told.latency_us, now.latency_us) {
        (Some(told), Some(now)) => told.abs_diff(now) > (told / 4).max(1000),
        (told, now) => told.is_some() != now.is_some(),
    };
    latency || told.reliability.abs_diff(now.reliability) > u16::MAX / 20
}
