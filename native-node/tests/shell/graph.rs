//! `bitcraps graph`, through the built program.

use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Output, Stdio},
};

/// With its source.
const KARATE_CLUB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/graph/tests/karate.txt");

/// Two triangles on a bridge, and a pair apart; the weights make the spanning tree the only one.
const TWO_TRIANGLES: &str = "\
# from to weight
a b 1
b c 2

c a 3
c d 0.5
d e 1
e f 2
f d 4
% again, the other way round, and a loop
b a 9
x y
y y
";

fn graph(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitcraps"));
    command.arg("graph").args(args).stdin(Stdio::null());
    command
}

fn with_input(args: &[&str], text: &[u8]) -> Output {
    let mut child = graph(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has seen enough closes it.
    let _ = child.stdin.take().unwrap().write_all(text);
    child.wait_with_output().unwrap()
}

fn figures(args: &[&str], text: &str) -> Value {
    let output = with_input(&[&["-", "--json"], args].concat(), text.as_bytes());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn complaint(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code));
    assert!(output.stdout.is_empty(), "something was printed as a result");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_figure_of_a_small_graph_is_right_and_has_its_time() {
    let mut found = figures(&[], TWO_TRIANGLES);
    let micros = found.as_object_mut().unwrap().remove("micros").unwrap();
    let names = [
        "components",
        "diameter",
        "clustering",
        "cut_nodes",
        "cut_edges",
        "radius",
        "mean_path",
        "edge_connectivity",
        "mst",
        "communities",
    ];
    assert_eq!(micros.as_object().unwrap().len(), names.len());
    for name in names {
        assert!(micros[name].as_f64().unwrap() >= 0.0, "{name}");
    }
    let third = 1.0 / 3.0;
    assert_eq!(found["clustering"]["local"]["c"], json!(third));
    assert_eq!(found["clustering"]["local"]["x"], json!(0.0));
    let global = found["clustering"]["global"].as_f64().unwrap();
    assert!((global - (4.0 + 2.0 * third) / 6.0).abs() < 1e-12);
    // Six closed paths of two edges of ten.
    assert_eq!(found["clustering"]["transitivity"], json!(0.6));
    let mean = found["mean_path"].as_f64().unwrap();
    assert!((mean - 28.0 / 16.0).abs() < 1e-12, "{mean}");
    let modularity = found["modularity"].as_f64().unwrap();
    assert!(modularity > 0.4 && modularity < 1.0, "{modularity}");
    for key in ["clustering", "mean_path", "modularity"] {
        found.as_object_mut().unwrap().remove(key);
    }
    let expected = json!({
        "nodes": 8, "edges": 8, "loops": 1, "repeated": 1,
        "components": 2, "diameter": 3, "radius": 2, "edge_connectivity": 0,
        "cut_nodes": ["c", "d"], "cut_edges": [["c", "d"], ["x", "y"]],
        "communities": [["a", "b", "c"], ["d", "e", "f"], ["x", "y"]],
        "mst": {"weight": 7.5, "edges": [
            ["c", "d", 0.5], ["a", "b", 1.0], ["d", "e", 1.0], ["x", "y", 1.0],
            ["b", "c", 2.0], ["e", "f", 2.0],
        ]},
    });
    assert_eq!(found, expected);
}

#[test]
fn labels_keep_the_order_of_the_file() {
    let output = with_input(&["-", "--json", "--what", "clustering"], b"zoo b\nb a\na zoo\n");
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = concat!(
        r#"{"nodes":3,"edges":3,"loops":0,"repeated":0,"clustering":{"global":1.0,"#,
        r#""transitivity":1.0,"local":{"zoo":1.0,"b":1.0,"a":1.0}},"micros":{"clustering":"#,
    );
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn the_karate_club_has_its_published_figures() {
    let output = graph(&[KARATE_CLUB, "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["nodes"], &found["edges"]), (&json!(34), &json!(78)));
    assert_eq!((&found["components"], &found["diameter"]), (&json!(1), &json!(5)));
    assert_eq!(found["cut_nodes"], json!(["1"]));
    assert_eq!(found["cut_edges"], json!([["1", "12"]]));
    let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 5e-5;
    assert!(near(&found["clustering"]["transitivity"], 0.2557), "{}", found["clustering"]);
    // Over all 34 it is 0.5706; member 12 has but one friend.
    assert!(near(&found["clustering"]["global"], 0.5706 * 34.0 / 33.0), "{}", found["clustering"]);
    assert!(near(&found["mean_path"], 2.4082), "{}", found["mean_path"]);
    assert!(found["modularity"].as_f64().unwrap() >= 0.41, "{}", found["modularity"]);
    let members = found["communities"].as_array().unwrap();
    assert_eq!(members.iter().map(|group| group.as_array().unwrap().len()).sum::<usize>(), 34);
}

#[test]
fn people_get_a_table_with_a_line_for_each_figure() {
    let output = graph(&[KARATE_CLUB]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("34 nodes, 78 edges"));
    assert_eq!(lines.next(), Some(""));
    for (name, value) in [
        ("components", "1"),
        ("diameter", "5 hops"),
        ("clustering", "0.5879, transitivity 0.2557"),
        ("cut nodes", "1: 1"),
        ("cut edges", "1: 1 to 12"),
        ("radius", "3 hops"),
        ("mean path", "2.4082 hops"),
        ("edge connectivity", "1 edge"),
        ("mst", "weight 33, 33 edges"),
    ] {
        let line = lines.next().unwrap();
        assert!(line.starts_with(&format!("  {name:<17} ")), "{line}");
        assert!(line.ends_with(&format!("s   {value}")), "{line} is not {value}");
    }
    assert!(lines.next().unwrap().contains("modularity 0.4"), "{text}");
}

#[test]
fn only_what_is_named_is_computed_and_an_unknown_name_lists_those_there_are() {
    let found = figures(&["--what", "diameter,cut_nodes"], TWO_TRIANGLES);
    let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
    let expected = ["cut_nodes", "diameter", "edges", "loops", "micros", "nodes", "repeated"];
    assert_eq!(keys, expected);
    assert_eq!(found["micros"].as_object().unwrap().len(), 2);
    let text = complaint(&with_input(&["-", "--what", "diameter,girth"], b"a b\n"), 2);
    for name in ["girth", "components", "clustering", "cut_nodes", "mean_path", "communities"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn bad_lines_are_named_by_number_and_no_figure_is_printed() {
    let text = b"a b\nlonely\n# fine\na b heavy\na b 1 2 3\na,,b\n\xff b\n";
    for args in [&["-"][..], &["-", "--json"]] {
        let expected = "bitcraps: 5 lines are not `u v [weight]` in standard input:\n  \
            line 2: one label, and an edge has two: \"lonely\"\n  \
            line 4: the weight is no number above 0: \"heavy\"\n  \
            line 5: more than two labels and a weight: \"a b 1 2 3\"\n  \
            line 6: nothing before or after a comma: \"a,,b\"\n  \
            line 7: not UTF-8\n";
        assert_eq!(complaint(&with_input(args, text), 1), expected);
    }
    let text = complaint(&with_input(&["-"], "lonely\n".repeat(25).as_bytes()), 1);
    assert!(text.starts_with("bitcraps: 25 lines are"), "{text}");
    assert!(text.ends_with("\n  and 15 more\n"), "{text}");
    assert_eq!(text.lines().count(), 12);
}

#[test]
fn a_file_that_cannot_be_read_is_one_line() {
    let text = complaint(&graph(&["/nowhere/mesh.txt"]).output().unwrap(), 1);
    assert_eq!(text, "bitcraps: cannot read /nowhere/mesh.txt: no such file\n");
    let folder = tempfile::tempdir().unwrap();
    let text = complaint(&graph(&[folder.path().to_str().unwrap()]).output().unwrap(), 1);
    assert!(text.ends_with(": it is a directory\n"), "{text}");
}

#[test]
fn a_graph_without_edges_has_figures_too() {
    let found = figures(&[], "# nothing\n");
    assert_eq!((&found["nodes"], &found["components"]), (&json!(0), &json!(0)));
    assert_eq!((&found["clustering"]["global"], &found["mean_path"]), (&Value::Null, &Value::Null));
    let found = figures(&[], "a a\n");
    assert_eq!((&found["nodes"], &found["loops"]), (&json!(1), &json!(1)));
    assert_eq!(found["communities"], json!([["a"]]));
    let output = with_input(&["-"], b"");
    assert!(output.stdout.starts_with(b"0 nodes, 0 edges\n"));
}

#[test]
fn reading_that_takes_long_says_so_while_it_lasts() {
    let mut child = graph(&["-", "--what", "diameter"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"a b\nb c\n").unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "reading, 2 lines\n");
    drop(input);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.starts_with("3 nodes, 2 edges\n") && text.contains("2 hops"), "{text}");
    assert!(child.wait().unwrap().success());
}
