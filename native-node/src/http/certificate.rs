//! The node's own certificate, for HTTPS on a network where nobody gives one out.
//!
//! Rules. It is made by the node, names what this machine is called by now (localhost, its
//! addresses, the address it was told to listen on), and is no authority: trusting it never lets
//! the node speak for anybody else. Browsers refuse certificates that are valid for more than 398
//! days, so it is made anew when a month is left, and when the names no longer fit; a guest then
//! has to look at its fingerprint again. The key stays in the data directory, readable by this
//! user alone.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

/// The name of its file in the data directory.
pub const CERTIFICATE_FILE: &str = "https.json";

/// The certificate alone, for `--trust` of other nodes.
pub const PEM_FILE: &str = "https.pem";

const DAY_S: u64 = 24 * 3600;

/// Days of validity, one of them in the past for clocks that are behind: within the 398 that
/// browsers allow (CA/Browser Forum Baseline Requirements, section 6.3.2).
const VALID_DAYS: u64 = 397;

/// Days before the end at which another one is made.
const RENEW_DAYS: u64 = 30;

/// Names of one certificate.
const NAMES_MAX: usize = 16;

/// A certificate and its key.
pub struct Certificate {
    kept: Kept,
}

/// As it is stored; the bytes are DER.
#[derive(Serialize, Deserialize)]
struct Kept {
    made_day: u64,
    names: BTreeSet<String>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// The stored one if it still fits, else a new one, which is stored. `wall_s` is Unix time.
    pub fn read_or_create(dir: &Path, ips: &[IpAddr], wall_s: u64) -> io::Result<Certificate> {
        let names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"]
            .into_iter()
            .map(str::to_owned)
            .chain(ips.iter().filter(|ip| !ip.is_unspecified()).map(IpAddr::to_string))
            .take(NAMES_MAX)
            .collect();
        let (path, today) = (dir.join(CERTIFICATE_FILE), wall_s / DAY_S);
        if let Ok(bytes) = fs::read(&path)
            && let Ok(kept) = serde_json::from_slice::<Kept>(&bytes)
            && kept.fits(&names, today)
        {
            return Ok(Certificate { kept });
        }
        let kept = make(names, today).map_err(io::Error::other)?;
        // In one step, so that a crash leaves the old one or the new one.
        let unfinished = dir.join(format!("{CERTIFICATE_FILE}.new"));
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&serde_json::to_vec(&kept)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        fs::write(dir.join(PEM_FILE), pem(&kept.certificate))?;
        Ok(Certificate { kept })
    }

    /// SHA-256 over the certificate, as browsers write it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let hash = suite.tls13().map(|suite| suite.common.hash_provider.hash(self.der()));
        let pairs: Vec<String> =
            hash.iter().flat_map(|h| h.as_ref()).map(|b| format!("{b:02X}")).collect();
        pairs.join(":")
    }

    /// The certificate as DER.
    pub fn der(&self) -> &[u8] {
        &self.kept.certificate
    }

    /// What a server needs to show it.
    pub fn server(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let chain = vec![CertificateDer::from(self.kept.certificate.clone())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.kept.key.clone()));
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl Kept {
    fn fits(&self, names: &BTreeSet<String>, today: u64) -> bool {
        let age = today.checked_sub(self.made_day);
        names.is_subset(&self.names) && age.is_some_and(|age| age + RENEW_DAYS < VALID_DAYS)
    }
}

fn make(names: BTreeSet<String>, today: u64) -> Result<Kept, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, "BitCraps node");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let midnight = |day: u64| {
        let (year, month, day) = date(day);
        rcgen::date_time_ymd(year, month, day)
    };
    params.not_before = midnight(today.saturating_sub(1));
    params.not_after = midnight(today + VALID_DAYS - 1);
    let key = KeyPair::generate()?;
    let made = params.self_signed(&key)?;
    let certificate = made.der().to_vec();
    Ok(Kept { made_day: today, names, certificate, key: key.serialize_der() })
}

/// The textual form of a certificate (RFC 7468, section 5) in base64 (RFC 4648, section 4).
fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const LINE_BYTES: usize = 48;
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in der.chunks(LINE_BYTES) {
        for three in line.chunks(3) {
            let bits = (0..3).fold(0, |bits, n| {
                bits << 8 | u32::from(three.get(n).copied().unwrap_or_default())
            });
            for digit in 0..4 {
                let at = (bits >> (18 - 6 * digit) & 63) as usize;
                let filled = digit <= three.len();
                text.push(if filled { char::from(DIGITS[at]) } else { '=' });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

/// Year, month and day of a day since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
fn date(day: u64) -> (i32, u8, u8) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year as i32, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const NOW_S: u64 = 1_790_000_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn days_have_these_dates() {
        for (day, expected) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_454, (2026, 1, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(day), expected);
        }
    }

    #[test]
    fn base64_has_the_examples_of_its_standard() {
        for (bytes, text) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(pem(bytes.as_bytes()).lines().nth(1), Some(text));
        }
        let lines = pem(&[0xff; 100]);
        assert_eq!(lines.lines().map(str::len).collect::<Vec<_>>(), [27, 64, 64, 8, 25]);
    }

    #[test]
    fn it_is_kept_until_it_nears_its_end_or_a_name_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let get = |ips: &[IpAddr], day: u64| {
            let wall_s = NOW_S + day * DAY_S;
            Certificate::read_or_create(dir.path(), ips, wall_s).unwrap().fingerprint()
        };
        let first = get(&[ip("192.168.1.5")], 0);
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(get(&[ip("192.168.1.5")], 366), first);
        assert_eq!(get(&[ip("0.0.0.0")], 366), first, "fewer names fit, too");
        let renewed = get(&[ip("192.168.1.5")], 367);
        assert_ne!(renewed, first);
        let moved = get(&[ip("192.168.1.6")], 367);
        assert_ne!(moved, renewed);
        assert_ne!(get(&[ip("192.168.1.6")], 0), moved, "it was made in the future");
        let mode = fs::metadata(dir.path().join(CERTIFICATE_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(dir.path().join(CERTIFICATE_FILE), "{").unwrap();
        assert!(Certificate::read_or_create(dir.path(), &[], NOW_S).is_ok());
    }
}
