//! Who may change things: the API token, the loopback rule and the origin check.
//!
//! Rules. Changing needs all of: a request from this machine, the token (a page of another site
//! cannot know it), and no foreign `Origin`. Joining the mesh over WebSocket needs only the last:
//! peers prove who they are by themselves.

use axum::http::{HeaderMap, header};
use bitcraps_core::seed::Seed;
use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The name of the token's file in the data directory.
pub const TOKEN_FILE: &str = "token";

/// Length of a token a person wrote, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_BYTES_MAX: usize = 128;

/// The secret that allows to change things.
#[derive(Clone)]
pub struct Token {
    text: String,
    digest: blake3::Hash,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("pages of other sites may not do this; see `allowed_origins`")]
    Origin,
    #[error("the API that changes things answers this machine alone")]
    NotLoopback,
    #[error(
        "send `Authorization: Bearer TOKEN`; the token is in the file `token` of the data directory"
    )]
    Token,
}

impl Token {
    fn new(text: &str) -> Option<Token> {
        let sound = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic());
        sound.then(|| Token { text: text.to_owned(), digest: blake3::hash(text.as_bytes()) })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Reads the token of a data directory; `None` when there is none yet.
    pub fn read(dir: &Path) -> io::Result<Option<Token>> {
        let mut text = String::new();
        match fs::File::open(dir.join(TOKEN_FILE)) {
            Ok(file) => file.take(TOKEN_BYTES_MAX as u64 + 2).read_to_string(&mut text)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let token = Token::new(text.trim());
        token.map(Some).ok_or_else(|| io::Error::other("the file holds no token; delete it"))
    }

    /// Reads the token, or makes one that this user alone can read.
    pub fn read_or_create(dir: &Path, seed: &Seed) -> io::Result<Token> {
        if let Some(token) = Token::read(dir)? {
            return Ok(token);
        }
        let bytes: [u8; 32] = seed.fork("token").rng().bytes();
        let text = blake3::Hash::from_bytes(bytes).to_hex();
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(dir.join(TOKEN_FILE))?;
        writeln!(file, "{text}")?;
        Ok(Token { digest: blake3::hash(text.as_bytes()), text: text.to_string() })
    }

    /// Compares digests, which takes the same time however much of the token is right.
    fn is(&self, given: &str) -> bool {
        blake3::hash(given.as_bytes()) == self.digest
    }
}

/// Checks the `Authorization` header.
pub fn check_token(headers: &HeaderMap, token: &Token) -> Result<(), Refused> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    given.filter(|given| token.is(given.trim())).map(|_| ()).ok_or(Refused::Token)
}

/// Allows programs (no `Origin`), this node's own page, and the listed origins.
pub fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refused> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| Refused::Origin)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, site)| host.is_some_and(|host| host.eq_ignore_ascii_case(site)));
    let listed = allowed.iter().any(|entry| entry.eq_ignore_ascii_case(origin));
    ((own || listed) && origins.next().is_none()).then_some(()).ok_or(Refused::Origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use std::os::unix::fs::PermissionsExt as _;

    fn origin(host: &'static str, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        origin.map(|o| headers.insert(header::ORIGIN, HeaderValue::from_static(o)));
        headers
    }

    #[test]
    fn own_pages_programs_and_listed_sites_pass_and_others_do_not() {
        let listed = ["https://play.example".to_owned()];
        let cases = [
            ("h:1", None, true),
            ("h:1", Some("http://h:1"), true),
            ("h:1", Some("https://play.example"), true),
            ("h:1", Some("http://h:2"), false),
            ("h:1", Some("http://evil.example"), false),
            ("h:1", Some("null"), false),
            ("play.example", Some("http://play.example.evil"), false),
        ];
        for (host, from, passes) in cases {
            assert_eq!(check_origin(&origin(host, from), &listed).is_ok(), passes, "{from:?}");
        }
        let mut two = origin("h:1", Some("http://h:1"));
        two.append(header::ORIGIN, HeaderValue::from_static("http://evil.example"));
        assert!(check_origin(&two, &listed).is_err());
    }

    #[test]
    fn the_token_is_made_once_readable_by_its_owner_alone_and_asked_for_whole() {
        let dir = tempfile::tempdir().unwrap();
        let token = Token::read_or_create(dir.path(), &Seed::from_number(1)).unwrap();
        let again = Token::read_or_create(dir.path(), &Seed::from_number(2)).unwrap();
        assert_eq!(token.as_str(), again.as_str());
        let mode = fs::metadata(dir.path().join(TOKEN_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let bearer = |text: &str| {
            let value = HeaderValue::from_str(&format!("Bearer {text}")).unwrap();
            HeaderMap::from_iter([(header::AUTHORIZATION, value)])
        };
        assert_eq!(check_token(&bearer(token.as_str()), &token), Ok(()));
        assert_eq!(check_token(&bearer(&token.as_str()[1..]), &token), Err(Refused::Token));
        assert_eq!(check_token(&HeaderMap::new(), &token), Err(Refused::Token));
    }

    #[test]
    fn an_empty_token_file_is_an_error_not_an_open_door() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(TOKEN_FILE), "\n").unwrap();
        assert!(Token::read_or_create(dir.path(), &Seed::from_number(1)).is_err());
    }
}
