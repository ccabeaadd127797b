//! Builds the shim, so that the CLI can carry it inside its own binary.
//!
//! The shim is built by a cargo of its own into this build's output folder: it must be a library
//! for the developer's program, whatever profile hotdev itself is built with.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    let manifest = PathBuf::from(env("CARGO_MANIFEST_DIR")).join("../runtime/shim/Cargo.toml");
    let target = PathBuf::from(env("OUT_DIR")).join("shim");
    for source in [
        "../runtime/shim/src",
        "../runtime/shim/Cargo.toml",
        "../runtime/protocol/src",
        "../Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={source}");
    }
    let mut cargo = Command::new(env("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--locked", "--manifest-path"]).arg(&manifest);
    cargo.arg("--target-dir").arg(&target);
    cargo.env("CARGO_PROFILE_RELEASE_STRIP", "true").env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    // Flags and wrappers meant for hotdev itself (clippy's among them) are not meant for the shim.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"] {
        cargo.env_remove(name);
    }
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "the shim does not build: see above");
    println!("cargo::rustc-env=HOTDEV_SHIM={}", target.join("release/libhotdev_shim.so").display());
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
