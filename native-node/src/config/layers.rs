//! The three sources, laid over each other.

use super::{
    KEYS, Settings, default_data_dir,
    keys::{Arity, Key},
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// Largest configuration file, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Environment variables with our prefix that are no settings of a node.
const OTHER_VARIABLES: [&str; 3] = ["BITCRAPS_CONFIG", "BITCRAPS_TOKEN", "BITCRAPS_WEB_DIST"];
const PREFIX: &str = "BITCRAPS_";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Environment,
    Flag,
}

/// One fault in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    NotAllowed {
        key: &'static str,
        value: String,
        allowed: &'static str,
        source: Source,
    },
    UnknownKey {
        key: String,
        nearest: Option<&'static str>,
        source: Source,
    },
    Unreadable {
        path: PathBuf,
        why: String,
    },
    /// No source and no system directory says where to keep data.
    NoData,
}

/// Every fault that was found, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// One value as text, and where it came from.
struct Given {
    key: String,
    values: Vec<String>,
    source: Source,
}

/// Reads every source. `flags` and `env` are pairs of name and values; `file` is the file a person
/// named, without which `config.toml` in the data directory is read if it is there.
pub fn load(
    file: Option<&Path>,
    env: &[(String, String)],
    flags: &[(&'static str, Vec<String>)],
) -> Result<Settings, Problems> {
    let mut problems = Vec::new();
    let mut given = Vec::new();
    let variable = |name: &str| env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());

    let from_env = from_environment(env);
    let from_flags = flags.iter().filter(|(_, values)| !values.is_empty()).map(|(key, values)| {
        Given { key: (*key).to_owned(), values: values.clone(), source: Source::Flag }
    });
    let from_flags: Vec<Given> = from_flags.collect();

    let named =
        file.map(Path::to_path_buf).or_else(|| variable("BITCRAPS_CONFIG").map(PathBuf::from));
    let data = from_flags
        .iter()
        .chain(&from_env)
        .find(|given| given.key == "data")
        .and_then(|given| given.values.first().map(PathBuf::from))
        .or_else(|| default_data_dir(variable));
    let beside_data = data.as_ref().map(|dir| dir.join("config.toml"));
    match named.as_ref().or(beside_data.as_ref()).map(|path| (path, read(path))) {
        Some((path, Ok(Some(text)))) => from_file(path, &text, &mut given, &mut problems),
        // Only a file that a person named must be there.
        Some((path, Ok(None))) if named.is_some() => problems
            .push(Problem::Unreadable { path: path.clone(), why: "no such file".to_owned() }),
        Some((path, Err(why))) => problems.push(Problem::Unreadable { path: path.clone(), why }),
        Some((_, Ok(None))) | None => {}
    }
    given.extend(from_env);
    given.extend(from_flags);
    let mut settings = Settings::new(data.clone().unwrap_or_default());
    for given in given {
        apply(&mut settings, given, &mut problems);
    }
    if settings.data.as_os_str().is_empty() && data.is_none() {
        problems.push(Problem::NoData);
    }
    if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::metadata(path) {
        Ok(meta) if meta.len() > FILE_BYTES_MAX => {
            return Err(format!("{} bytes, {FILE_BYTES_MAX} is the limit", meta.len()));
        }
        Ok(_) => {}
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(crate::transport::describe(&e)),
    }
    fs::read_to_string(path).map(Some).map_err(|e| crate::transport::describe(&e))
}

fn from_environment(env: &[(String, String)]) -> Vec<Given> {
    env.iter()
        .filter(|(name, _)| !OTHER_VARIABLES.contains(&name.as_str()))
        .filter_map(|(name, value)| {
            let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
            // A variable has no dots.
            let known = KEYS.iter().find(|known| known.name.replace('.', "_") == key);
            let many = known.is_some_and(|key| key.arity == Arity::Many);
            let key = known.map_or(key, |known| known.name.to_owned());
            let values = match many {
                true => value.split(',').map(str::trim).filter(|v| !v.is_empty()).collect(),
                false => vec![value.as_str()],
            };
            let values = values.into_iter().map(str::to_owned).collect();
            Some(Given { key, values, source: Source::Environment })
        })
        .collect()
}

fn from_file(path: &Path, text: &str, given: &mut Vec<Given>, problems: &mut Vec<Problem>) {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(e) => {
            let why = format!("not TOML: {}", e.to_string().trim().replace('\n', " "));
            problems.push(Problem::Unreadable { path: path.to_path_buf(), why });
            return;
        }
    };
    flatten("", table, &Source::File(path.to_path_buf()), given);
}

/// A key in a table is written with dots.
fn flatten(prefix: &str, table: toml::Table, source: &Source, given: &mut Vec<Given>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        let values = match value {
            toml::Value::Table(inner) => {
                flatten(&format!("{key}."), inner, source, given);
                continue;
            }
            toml::Value::Array(list) => list.into_iter().map(text_of).collect(),
            single => vec![text_of(single)],
        };
        given.push(Given { key, values, source: source.clone() });
    }
}

/// What no key allows (a table in a list, a date) becomes its TOML text, and is refused as a value.
fn text_of(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}

fn apply(settings: &mut Settings, given: Given, problems: &mut Vec<Problem>) {
    let Given { key: name, values, source } = given;
    let Some(key) = find(&name) else {
        problems.push(Problem::UnknownKey { nearest: nearest(&name), key: name, source });
        return;
    };
    if key.arity == Arity::One && values.len() != 1 {
        let value = format!("[{}]", values.join(", "));
        problems.push(Problem::NotAllowed { key: key.name, value, allowed: key.allowed, source });
        return;
    }
    key.clear(settings);
    for value in values {
        if !key.set(settings, &value) {
            let (source, allowed) = (source.clone(), key.allowed);
            problems.push(Problem::NotAllowed { key: key.name, value, allowed, source });
        }
    }
}

fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

fn nearest(name: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| (strsim::jaro_winkler(name, key.name), key.name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

impl Source {
    /// The key as it is written in this source.
    fn spell(&self, key: &str) -> String {
        match self {
            Source::File(_) => key.to_owned(),
            Source::Environment => {
                format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "_"))
            }
            Source::Flag => format!("--{}", key.replace('_', "-")),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "in {}", path.display()),
            Source::Environment => f.write_str("in the environment"),
            Source::Flag => f.write_str("on the command line"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotAllowed { key, value, allowed, source } => {
                write!(f, "{} = {value:?} {source}: allowed is {allowed}", source.spell(key))
            }
            Problem::UnknownKey { key, nearest, source } => {
                write!(f, "{} {source}: no such key", source.spell(key))?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {}?", source.spell(nearest)),
                    None => Ok(()),
                }
            }
            Problem::Unreadable { path, why } => write!(f, "{}: {why}", path.display()),
            Problem::NoData => f.write_str(
                "data: neither XDG_DATA_HOME nor HOME is set; say where data goes with --data DIR",
            ),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            write!(f, "{newline}bitcraps: {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn flag(key: &'static str, values: &[&str]) -> (&'static str, Vec<String>) {
        (key, values.iter().map(|v| (*v).to_owned()).collect())
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let text = "name = 'file'\nbots = 1\nport = 1\nconnect = ['tcp://a:1', 'tcp://b:1']\n";
        fs::write(dir.path().join("config.toml"), text).unwrap();
        let data = dir.path().to_str().unwrap();
        let env = env(&[("BITCRAPS_BOTS", "2"), ("BITCRAPS_PORT", "2"), ("BITCRAPS_DATA", data)]);
        let settings = load(None, &env, &[flag("port", &["3"])]).unwrap();
        assert_eq!((settings.name.as_str(), settings.bots, settings.port), ("file", 2, 3));
        assert_eq!(settings.connect.len(), 2);
        assert_eq!(settings.data, dir.path());
        let settings = load(None, &env, &[flag("connect", &["ws://c:1"])]).unwrap();
        assert_eq!(settings.connect, [bitcraps_core::node::Address("ws://c:1".to_owned())]);
    }

    #[test]
    fn a_key_in_a_table_is_also_a_variable_with_underscores() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[coordination.network_monitor]\nhealth_check_interval_seconds = 7\n\
                    max_diameter_alert = 3\n";
        fs::write(dir.path().join("config.toml"), text).unwrap();
        let data = dir.path().to_str().unwrap();
        let variable = "BITCRAPS_COORDINATION_NETWORK_MONITOR_MAX_DIAMETER_ALERT";
        let settings = load(None, &env(&[("BITCRAPS_DATA", data), (variable, "4")]), &[]).unwrap();
        assert_eq!(settings.health.interval, std::time::Duration::from_secs(7));
        assert_eq!(settings.health.thresholds.diameter, 4);
        let refused = load(None, &env(&[("BITCRAPS_DATA", data), (variable, "0")]), &[]);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(&format!("{variable} = \"0\" in the environment")), "{refused}");
    }

    #[test]
    fn every_fault_of_every_source_is_reported_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("my.toml");
        fs::write(&path, "prot = 1\nbots = 99\nwork_bits = [1, 2]\ntable = { a = 1 }\n").unwrap();
        let env = env(&[("BITCRAPS_ROLE", "king"), ("BITCRAPS_NAMES", "x"), ("HOME", "/h")]);
        let flags = [flag("http", &["here"]), flag("listen", &["tcp://ok:1", "ws://no:1"])];
        let problems = load(Some(&path), &env, &flags).unwrap_err();
        let text = problems.to_string();
        let file = format!("in {}", path.display());
        for line in [
            format!("bitcraps: prot {file}: no such key; did you mean port?"),
            format!("bitcraps: bots = \"99\" {file}: allowed is 0 to 15"),
            format!("bitcraps: table.a {file}: no such key"),
            "bitcraps: BITCRAPS_ROLE = \"king\" in the environment: allowed is player, bot or \
             witness"
                .to_owned(),
            "bitcraps: BITCRAPS_NAMES in the environment: no such key; did you mean \
             BITCRAPS_NAME?"
                .to_owned(),
            "bitcraps: --http = \"here\" on the command line: allowed is IP:PORT, or off"
                .to_owned(),
            "bitcraps: --listen = \"ws://no:1\" on the command line: allowed is tcp://HOST:PORT, \
             quic://HOST:PORT or udp://HOST:PORT (WebSocket peers join through `http`)"
                .to_owned(),
        ] {
            assert!(text.lines().any(|l| l.starts_with(&line)), "missing {line:?} in:\n{text}");
        }
        assert!(text.contains("work_bits = \"[1, 2]\""), "{text}");
        assert_eq!(problems.0.len(), 8, "{text}");
    }

    #[test]
    fn a_named_file_must_be_there_and_be_toml_and_the_default_one_need_not_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("absent.toml");
        let home = env(&[("HOME", dir.path().to_str().unwrap())]);
        assert!(load(None, &home, &[]).is_ok());
        assert!(matches!(
            load(Some(&path), &home, &[]).unwrap_err().0[..],
            [Problem::Unreadable { .. }]
        ));
        fs::write(&path, "name = ").unwrap();
        let problems = load(Some(&path), &home, &[]).unwrap_err();
        assert_eq!(problems.to_string().lines().count(), 1, "{problems}");
    }

    #[test]
    fn without_a_place_for_data_the_program_says_so() {
        assert_eq!(load(None, &[], &[]).unwrap_err().0, [Problem::NoData]);
    }
}
