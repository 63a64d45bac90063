//! Embeds the web client: the folder `$BITCRAPS_WEB_DIST`, or `target/web` of the workspace.
//!
//! A file `x.br` beside `x` is its Brotli form. Without the folder the node is built without a
//! web client, and its first page says how to get one.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=BITCRAPS_WEB_DIST");
    println!("cargo::rerun-if-changed=build.rs");
    let folder = match env::var_os("BITCRAPS_WEB_DIST") {
        Some(folder) => fs::canonicalize(folder)?,
        None => {
            let workspace = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
            let folder = fs::canonicalize(workspace)?.join("target/web");
            // Cargo can only watch what is there.
            fs::create_dir_all(&folder)?;
            folder
        }
    };
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let mut code = String::from("pub static FILES: &[File] = &[\n");
    for file in files.iter().filter(|file| file.extension().is_none_or(|e| e != "br")) {
        let compressed = PathBuf::from(format!("{}.br", file.display()));
        let brotli = match files.contains(&compressed) {
            true => format!("Some(include_bytes!({compressed:?}))"),
            false => "None".to_owned(),
        };
        let name = file.strip_prefix(&folder).map_err(io::Error::other)?;
        let mut hash = DefaultHasher::new();
        fs::read(file)?.hash(&mut hash);
        code += &format!(
            "    File {{ path: {:?}, etag: \"\\\"{:016x}\\\"\", bytes: include_bytes!({file:?}), \
             brotli: {brotli} }},\n",
            format!("/{}", name.display()),
            hash.finish(),
        );
    }
    code += "];\n";
    fs::write(PathBuf::from(variable("OUT_DIR")).join("page.rs"), code)
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}
