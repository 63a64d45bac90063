//! Flags and their help. Examples come first, because most people read no further.
//!
//! Settings are taken as text: `config` checks them together with the file and the environment,
//! so that every fault is told at once.

use crate::graph::figures::Figure;
use bitcraps_core::craps::Rules;
use bitcraps_node::config::{self, Problems, Settings};
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};

const TOP: &str = "\
Examples:
  bitcraps run                                      play at http://127.0.0.1:8080, with three bots
  bitcraps run --connect tcp://192.168.1.5:9000     join the mesh of another machine
  bitcraps status                                   what the node on this machine is doing
  bitcraps table list                               tables to join

{about}

{usage-heading} {usage}

{all-args}";

const RUN: &str = "\
Examples:
  bitcraps run
  bitcraps run --name kitchen --bots 0 --listen tcp://0.0.0.0:9000
  bitcraps run --data /tmp/b --http 127.0.0.1:8081 --listen tcp://127.0.0.1:0 \\
               --connect tcp://127.0.0.1:9000
  bitcraps run --bot-strategies conservative,iron_cross,random
  BITCRAPS_BOTS=5 bitcraps run --json

{about}

{usage-heading} {usage}

{all-args}";

const ID: &str = "\
Examples:
  bitcraps id
  bitcraps id --data /tmp/b --json

{about}

{usage-heading} {usage}

{all-args}";

const STATUS: &str = "\
Examples:
  bitcraps status
  bitcraps status --http http://127.0.0.1:8081 --json

{about}

{usage-heading} {usage}

{all-args}";

const TABLE: &str = "\
Examples:
  bitcraps table list
  bitcraps table create \"Friday night\"
  bitcraps table create \"High table\" --rules '{\"min\": 25, \"odds\": {\"times\": 10}}'
  bitcraps table join 3fa9c1d2
  bitcraps table transcript 3fa9c1d2 > friday.transcript

{about}

{usage-heading} {usage}

{all-args}";

const SIM: &str = "\
Examples:
  bitcraps sim --scenario converge
  bitcraps sim --scenario partition --nodes 10 --seed 7
  bitcraps sim --scenario lossy --seed 3 --json
  bitcraps sim --scenario byzantine --worlds 100    liars at the table, a hundred times
  bitcraps sim --long                               every long experiment: minutes

{about}

{usage-heading} {usage}

{all-args}{after-help}";

const GRAPH: &str = "\
Examples:
  bitcraps graph mesh.txt
  bitcraps graph mesh.txt --what diameter,cut_nodes
  sort -u edges.csv | bitcraps graph - --json

{about}

{usage-heading} {usage}

{all-args}{after-help}";

const CRAPS: &str = "\
Examples:
  bitcraps craps odds
  bitcraps craps odds --json
  bitcraps craps odds --rules '{\"field\": \"double\", \"hop\": \"twenty_nine_fourteen\"}'

{about}

{usage-heading} {usage}

{all-args}";

const VERIFY: &str = "\
Examples:
  bitcraps verify friday.transcript
  bitcraps verify friday.transcript --rolls
  bitcraps table transcript 3fa9c1d2 | bitcraps verify - --json

{about}

{usage-heading} {usage}

{all-args}{after-help}";

const VERIFY_PROVES: &str = "\
Every signature, certificate, secret, roll and payout is recomputed; no node and no network is
needed. The exit code is 0 when every line is true and 1 when one is not; that line is named. It
proves what the members agreed on, not who they are: compare their ids with those you know.";

const GRAPH_FILE: &str = "\
An edge a line: two labels and, if you like, a weight above 0, separated by blanks, tabs or
commas. Lines that begin with # or % are comments. Loops and repeated edges are counted and left
out.";

/// Provably fair craps with nobody in the middle. The chips are play money.
#[derive(Parser)]
#[command(name = "bitcraps", version, help_template = TOP)]
pub struct Cli {
    #[command(subcommand)]
    pub task: Task,
}

#[derive(Subcommand)]
pub enum Task {
    /// Start a node, its web pages and its bots
    #[command(help_template = RUN)]
    Run(Box<Run>),
    /// Print the peer id of a data directory, making one if there is none
    #[command(help_template = ID)]
    Id(Id),
    /// Show what a running node is doing
    #[command(help_template = STATUS)]
    Status(Ask),
    /// List, create or join tables through a running node, or write one's transcript
    #[command(subcommand, help_template = TABLE)]
    Table(Table),
    /// Check a table's transcript: every roll, payout and signature
    #[command(help_template = VERIFY, after_help = VERIFY_PROVES)]
    Verify(Verify),
    /// Play out a scenario in the simulator and check what must always hold
    #[command(help_template = SIM, after_help = crate::simulate::scenarios())]
    Sim(Sim),
    /// What every bet pays, how often it wins and what it costs
    #[command(subcommand, help_template = CRAPS)]
    Craps(Craps),
    /// Print the figures of a graph, given as a list of edges
    #[command(help_template = GRAPH, after_help = GRAPH_FILE)]
    Graph(Graph),
}

#[derive(Args)]
pub struct Run {
    /// A TOML file with these settings [default: config.toml in the data directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where identity, chips and tables are kept [default: the user's data directory]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Address of the web pages and the API, or off [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT")]
    http: Option<String>,
    /// The same over TLS, for phones on this network: docs/BROWSERS.md says why [default: off]
    #[arg(long, value_name = "IP:PORT")]
    https: Option<String>,
    /// Find peers on this network and be found: on or off [default: on]
    #[arg(long, value_name = "MODE")]
    lan_discovery: Option<String>,
    /// Accept peers here, tcp://, quic:// or udp://; may be repeated [default: all three on
    /// 0.0.0.0:9000]
    #[arg(long, value_name = "URL")]
    listen: Vec<String>,
    /// The port of the default --listen [default: 9000]
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Keep a link to this peer, tcp://, quic://, udp://, ws://, wss:// or ble://; may be repeated
    #[arg(long, value_name = "URL")]
    connect: Vec<String>,
    /// Tell others to dial this address; may be repeated [default: by --listen]
    #[arg(long, value_name = "URL")]
    advertise: Vec<String>,
    /// A PEM file of certificates that wss:// may rest on besides the system's
    #[arg(long, value_name = "FILE")]
    trust: Option<String>,
    /// Make the links that the mesh lacks: automatic or on_request [default: automatic]
    #[arg(long, value_name = "WHEN")]
    healing: Option<String>,
    /// Use Bluetooth: on, off, or auto where there is an adapter [default: auto]
    #[arg(long, value_name = "MODE")]
    ble: Option<String>,
    /// The Bluetooth adapter to use, such as hci0 [default: any]
    #[arg(long, value_name = "NAME")]
    ble_adapter: Option<String>,
    /// Shown to others, at most 32 bytes [default: node]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Bots to play with, each a node of its own [default: 3]
    #[arg(long, value_name = "N")]
    bots: Option<String>,
    /// How the bots bet, in turn: conservative, iron_cross, martingale, random, with commas
    /// [default: conservative]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    bot_strategies: Vec<String>,
    /// What this node does at a table: player, bot or witness [default: witness]
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Work that peers must show, in bits; the same on a whole mesh [default: 16]
    #[arg(long, value_name = "BITS")]
    work_bits: Option<String>,
    /// Connections accepted from peers [default: 200]
    #[arg(long, value_name = "N")]
    max_concurrent_connections: Option<String>,
    /// A site whose pages may join through this node; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
    /// Log error, warn, info, debug or trace [default: warn]
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Log at debug level and print the API token
    #[arg(long)]
    debug: bool,
    /// Print one JSON object per line: ready, every event, stopped
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Sim {
    /// Which scenario
    #[arg(long, value_name = "NAME", required_unless_present = "long")]
    pub scenario: Option<String>,
    /// Run the long experiments, or only this one, and print what they found as Markdown
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "all",
          conflicts_with_all = ["scenario", "nodes", "worlds", "json"])]
    pub long: Option<String>,
    /// How many nodes [default: the scenario's own]
    #[arg(long, value_name = "N")]
    pub nodes: Option<usize>,
    /// The same seed gives the same run, on every machine
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Run so many seeds, from --seed on, on all cores, and print what they came to
    #[arg(long, value_name = "N")]
    pub worlds: Option<u64>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Verify {
    /// The transcript, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Refuse the transcript of any other table
    #[arg(long, value_name = "ID")]
    pub table: Option<bitcraps_core::id::TableId>,
    /// List every roll
    #[arg(long)]
    pub rolls: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Graph {
    /// The list of edges, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only these figures, separated by commas [default: all that suit the size of the graph]
    #[arg(long, value_name = "FIGURES", value_delimiter = ',')]
    pub what: Vec<Figure>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Craps {
    /// Print the exact odds of every bet
    Odds {
        /// The table's rules as JSON; what is left out is the default
        #[arg(long, value_name = "JSON", value_parser = rules)]
        rules: Option<Rules>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Sound rules of a table.
fn rules(json: &str) -> anyhow::Result<Rules> {
    let rules: Rules = serde_json::from_str(json)?;
    rules.check()?;
    Ok(rules)
}

#[derive(Args)]
pub struct Id {
    /// The data directory [default: the user's data directory]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Ask {
    /// Where the node's pages are
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub http: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Table {
    /// Tables this node sits at, and tables to join
    List(Ask),
    /// Form a table with the peers, bots and witnesses in reach
    Create {
        name: String,
        /// Invite this peer instead of everybody; may be repeated
        #[arg(long, value_name = "PEER")]
        invite: Vec<bitcraps_core::id::PeerId>,
        /// Limits and payouts as JSON; what is left out is the default
        #[arg(long, value_name = "JSON", value_parser = rules)]
        rules: Option<Rules>,
        #[command(flatten)]
        ask: Ask,
        #[command(flatten)]
        key: Key,
    },
    /// Take a seat
    Join {
        /// The table's id, or enough of its start to be the only one
        table: String,
        #[command(flatten)]
        ask: Ask,
        #[command(flatten)]
        key: Key,
    },
    /// Write the transcript of a table this node sits at to standard output
    Transcript {
        /// The table's id, or enough of its start to be the only one
        table: String,
        /// Where the node's pages are
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        http: String,
    },
}

/// Where the API token comes from.
#[derive(Args)]
pub struct Key {
    /// The API token [default: the file `token` of the data directory]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// The node's data directory [default: the user's data directory]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
}

impl Run {
    pub fn settings(&self) -> Result<Settings, Problems> {
        let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        let debug = if self.debug { vec!["true".to_owned()] } else { Vec::new() };
        let flags = [
            ("data", one(&self.data)),
            ("http", one(&self.http)),
            ("https", one(&self.https)),
            ("lan_discovery", one(&self.lan_discovery)),
            ("listen", self.listen.clone()),
            ("port", one(&self.port)),
            ("connect", self.connect.clone()),
            ("name", one(&self.name)),
            ("advertise", self.advertise.clone()),
            ("trust", one(&self.trust)),
            ("healing", one(&self.healing)),
            ("ble", one(&self.ble)),
            ("ble_adapter", one(&self.ble_adapter)),
            ("bots", one(&self.bots)),
            ("bot_strategies", self.bot_strategies.clone()),
            ("role", one(&self.role)),
            ("work_bits", one(&self.work_bits)),
            ("max_concurrent_connections", one(&self.max_concurrent_connections)),
            ("allowed_origins", self.allowed_origins.clone()),
            ("log", one(&self.log)),
            ("debug", debug),
        ];
        settings(self.config.as_deref(), &flags)
    }
}

/// The settings with this process's environment.
pub fn settings(
    file: Option<&Path>,
    flags: &[(&'static str, Vec<String>)],
) -> Result<Settings, Problems> {
    let env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    config::load(file, &env, flags)
}
