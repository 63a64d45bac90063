//! Checks a transcript in slices, so that the page stays alive and the peer plays on meanwhile.
//!
//! The bytes come from this tab's own log or from a file, a piece at a time; neither is ever held
//! whole. Nothing is asked of the network.

use crate::{clock, driver, model::transcript, slot};
use bitcraps_core::{
    id::TableId,
    node::transcript::{Check, Fault, Verified},
    time::{Duration, Instant},
};
use js_sys::Uint8Array;
use std::collections::VecDeque;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

/// How long the page may stand still. Guess: shorter than a person notices.
const SLICE: Duration = Duration::from_millis(30);
/// Bytes read from a file at once.
const PIECE_BYTES: f64 = 262_144.0;
/// Lines whose words are kept for people to look at.
pub const LINES_KEPT: usize = 100;

/// Where a transcript comes from.
#[derive(Clone)]
pub enum Source {
    /// The log of a table this tab sits at.
    Own(TableId),
    File(File),
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub line: u64,
    pub bytes: u64,
    /// Of a file.
    pub bytes_all: Option<u64>,
}

/// What a check came to.
pub struct Checked {
    /// What the lines before the end, or before the wrong one, show.
    pub found: Option<Verified>,
    pub wrong: Option<Box<Fault>>,
    /// The last lines that proved right, oldest first.
    pub lines: VecDeque<String>,
    pub took: Duration,
}

/// Checks all of it, or the lines up to `until`. `told` hears how far it has come now and then, and
/// ends the check by answering `false`: then there is no outcome. Bytes that cannot be had are an
/// error, a sentence.
pub async fn check(
    source: &Source,
    until: u64,
    told: impl Fn(Progress) -> bool,
) -> Option<Result<Box<Checked>, String>> {
    let started = clock::now();
    let mut slice = started;
    let (mut check, mut lines) = (Check::new(), VecDeque::new());
    let mut place = Place::default();
    let outcome = 'all: loop {
        let piece = match next_piece(source, &mut place).await {
            Ok(piece) => piece,
            Err(why) => return Some(Err(why)),
        };
        if piece.is_empty() {
            break check.finish().map(drop);
        }
        check.feed(&piece);
        loop {
            let line = match check.step() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(fault) => break 'all Err(fault),
            };
            if lines.len() == LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(transcript::line(&line));
            if line.number >= until {
                break 'all Ok(());
            }
            if clock::now().since(slice) > SLICE {
                let bytes_all = place.bytes_all;
                let so_far = Progress { line: line.number, bytes: check.bytes(), bytes_all };
                if !told(so_far) {
                    return None;
                }
                slot::pause(0).await;
                slice = clock::now();
            }
        }
    };
    let (found, wrong) = (check.found().cloned(), outcome.err());
    Some(Ok(Box::new(Checked { found, wrong, lines, took: since(started) })))
}

fn since(started: Instant) -> Duration {
    clock::now().since(started)
}

/// What was read so far.
#[derive(Default)]
struct Place {
    line: u64,
    bytes: f64,
    bytes_all: Option<u64>,
}

/// Empty at the end.
async fn next_piece(source: &Source, place: &mut Place) -> Result<Vec<u8>, String> {
    match source {
        Source::Own(table) => {
            let part = driver::current_transcript(*table, place.line);
            let part = part.ok_or("This tab has no log of that table: it does not sit there.")?;
            place.line = part.next;
            Ok(part.bytes)
        }
        Source::File(file) => {
            let blob: &Blob = file.as_ref();
            place.bytes_all = Some(blob.size() as u64);
            let end = (place.bytes + PIECE_BYTES).min(blob.size());
            let piece = blob.slice_with_f64_and_f64(place.bytes, end).map_err(unreadable)?;
            let bytes = JsFuture::from(piece.array_buffer()).await.map_err(unreadable)?;
            place.bytes = end;
            Ok(Uint8Array::new(&bytes).to_vec())
        }
    }
}

fn unreadable(why: JsValue) -> String {
    let why = why.dyn_ref::<js_sys::Error>().map(|e| String::from(e.message()));
    let why = why.unwrap_or_else(|| "no reason was given".to_owned());
    ["The file cannot be read: ", &why].concat()
}
