//! `hotdev doctor` finds what keeps a program from being patched: each case is a real one, and
//! what it says of a healthy project is what a session makes true.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use hotdev_tests::{CommandOutput, Session, Workspace, run_to_end};
use serde_json::Value;

/// Runs the doctor and returns its exit code and its checks.
fn examine(command: &mut Command) -> (i32, Vec<Value>) {
    let output = run_to_end(command.arg("--json"));
    let checks = output.stdout.lines().map(|line| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
    });
    (output.code.expect("it ends by itself"), checks.collect())
}

/// What it says of one thing.
fn find<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("nothing is said of `{name}`: {checks:#?}"))
}

/// Expects one problem, with these texts in what is said and in how to mend it.
fn has_problem(command: &mut Command, name: &str, message: &str, mend: &str) {
    let (code, checks) = examine(command);
    let check = find(&checks, name);
    assert_eq!((code, &check["status"]), (1, &Value::from("problem")), "{checks:#?}");
    assert!(check["message"].as_str().unwrap().contains(message), "{check}");
    assert!(check["mend"].as_str().unwrap_or_default().contains(mend), "{check}");
}

/// Expects that nothing keeps hotdev from patching, and returns what is said of one thing.
fn is_healthy(command: &mut Command, name: &str) -> (String, String) {
    let (code, checks) = examine(command);
    assert_eq!(code, 0, "{checks:#?}");
    assert_eq!(find(&checks, "link")["status"], "ok", "{checks:#?}");
    let check = find(&checks, name);
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"))
}

fn with_profile(profile: &str) -> Workspace {
    let workspace = Workspace::copy("single");
    let manifest = workspace.read("Cargo.toml");
    workspace.write("Cargo.toml", &format!("{manifest}\n[profile.dev]\n{profile}\n"));
    workspace
}

fn with_flags(flags: &str) -> (Workspace, Command) {
    let workspace = Workspace::copy("single");
    let mut command = workspace.hotdev(&["doctor"]);
    command.env("RUSTFLAGS", flags);
    (workspace, command)
}

fn script(workspace: &Workspace, name: &str, text: &str) -> String {
    workspace.write(name, &format!("#!/bin/sh\n{text}\n"));
    let path = workspace.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    path.to_string_lossy().into_owned()
}

#[test]
fn a_healthy_project_has_no_problem_and_is_left_as_it_was() {
    let workspace = Workspace::copy("single");
    let before = workspace.files();
    let (status, message) = is_healthy(&mut workspace.hotdev(&["doctor"]), "file watches");
    assert_eq!(status, "ok");
    assert!(message.starts_with("2 folders need a watch each"), "{message}");
    assert_eq!(workspace.files(), before);
    assert!(!workspace.path("target").exists());
}

#[test]
fn link_time_optimization_is_a_problem_in_a_session_too() {
    for lto in ["true", "\"fat\"", "\"thin\""] {
        let workspace = with_profile(&format!("lto = {lto}"));
        has_problem(
            &mut workspace.hotdev(&["doctor"]),
            "link",
            "link-time optimization",
            "lto = false",
        );
    }
    let mut hot = Session::launch(with_profile("lto = true"), &[]);
    let warning = hot.expect_event("warning");
    assert!(warning.to_string().contains("link-time optimization"), "{warning}");
    hot.expect_event("started");
    hot.end();
}

#[test]
fn sanitizers_are_a_problem() {
    let (_workspace, mut command) = with_flags("-Zsanitizer=address");
    // What a nightly compiler takes, a stable one takes with this.
    command.env("RUSTC_BOOTSTRAP", "1");
    has_problem(&mut command, "link", "sanitizer", "-Z sanitizer");
}

#[test]
fn static_programs_other_targets_and_foreign_bitcode_are_problems() {
    let (_workspace, mut command) = with_flags("-C target-feature=+crt-static");
    has_problem(&mut command, "link", "linked statically", "crt-static");
    let (_workspace, mut command) = with_flags("-C linker-plugin-lto");
    has_problem(&mut command, "link", "cannot be patched", "linker-plugin-lto");
    let workspace = Workspace::copy("single");
    let mut command = workspace.hotdev(&["doctor"]);
    command.env("CARGO_BUILD_TARGET", "x86_64-unknown-linux-musl");
    has_problem(&mut command, "toolchain", "linux-musl", "x86_64-unknown-linux-gnu");
}

#[test]
fn a_missing_c_compiler_is_a_problem() {
    let workspace = Workspace::copy("single");
    let cargo = Path::new(env!("CARGO"));
    let mut command = workspace.hotdev(&["doctor"]);
    command.env("CARGO", cargo).env("PATH", cargo.parent().expect("it lies in a folder"));
    has_problem(&mut command, "linker", "`cc` cannot be started", "gcc");
    let mut command = workspace.hotdev(&["doctor"]);
    command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "no-such-cc");
    has_problem(&mut command, "linker", "`no-such-cc` cannot be started", "");
}

#[test]
fn a_missing_rust_lld_is_a_problem() {
    let workspace = Workspace::copy("single");
    let output = workspace.program(Path::new("rustc"), &["--print", "sysroot"]).output();
    let sysroot = String::from_utf8(output.expect("rustc starts").stdout).expect("a path");
    let own = workspace.path("sysroot");
    fs::create_dir(&own).expect("a folder can be made");
    let mut copy = Command::new("cp");
    copy.arg("-rs").arg(Path::new(sysroot.trim()).join("lib")).arg(own.join("lib"));
    assert_eq!(run_to_end(&mut copy).code, Some(0), "links to the toolchain's files");
    fs::remove_file(own.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld"))
        .expect("a toolchain of rustup's has it");
    let mut command = workspace.hotdev(&["doctor"]);
    command.env("RUSTFLAGS", format!("--sysroot={}", own.display()));
    has_problem(&mut command, "link", "rust-lld is missing", "rustup");
}

#[test]
fn wrappers_of_rustc_are_told_apart() {
    let workspace = Workspace::copy("single");
    let passes = script(&workspace, "passes.sh", "exec \"$@\"");
    let fails = script(&workspace, "fails.sh", "exit 1");
    let with = |name: &str, value: &str| {
        let mut command = workspace.hotdev(&["doctor"]);
        command.env(name, value);
        command
    };
    let (status, message) = is_healthy(&mut with("RUSTC_WRAPPER", &passes), "wrappers");
    assert!(status == "ok" && message.contains("passes.sh"), "{message}");
    let (status, message) = is_healthy(&mut with("RUSTC_WORKSPACE_WRAPPER", &passes), "wrappers");
    assert!(status == "warning" && message.contains("is not called under hotdev"), "{message}");
    has_problem(&mut with("RUSTC_WRAPPER", &fails), "build", "cargo ended with", "");

    workspace.write(".cargo/config.toml", &format!("[build]\nrustc-wrapper = \"{fails}\"\n"));
    let (code, checks) = examine(&mut workspace.hotdev(&["doctor"]));
    let check = find(&checks, "wrappers");
    assert_eq!((code, &check["status"]), (1, &"warning".into()));
    assert!(check["message"].as_str().unwrap().contains(".cargo/config.toml"), "{check}");
    // As the hint says.
    is_healthy(&mut with("RUSTC_WRAPPER", ""), "wrappers");
}

#[test]
fn settings_that_are_other_under_hotdev_do_no_harm() {
    let profile = "strip = true\nsplit-debuginfo = \"packed\"\npanic = \"abort\"\ndebug = 1";
    let workspace = with_profile(profile);
    let config = "[build]\nrustflags = [\"-C\", \"link-arg=-fuse-ld=mold\"]\n";
    workspace.write(".cargo/config.toml", config);
    let (status, message) = is_healthy(&mut workspace.hotdev(&["doctor"]), "profile");
    assert_eq!(status, "ok");
    for text in ["strip", "split-debuginfo", "full debug information"] {
        assert!(message.contains(text), "{message}");
    }
    let (_, message) = is_healthy(&mut workspace.hotdev(&["doctor"]), "linker");
    assert!(message.contains("`-fuse-ld=mold` is left out"), "{message}");
    let (status, message) = is_healthy(&mut workspace.hotdev(&["doctor", "--release"]), "profile");
    assert!(status == "warning" && message.contains("one codegen unit"), "{message}");
    // And so it is.
    let mut hot = Session::start_in(workspace, &[]);
    hot.edit("src/main.rs", "old greeting", "new greeting");
    hot.expect_verdict("live");
    hot.expect_output("new greeting");
    hot.end();
}

#[test]
fn a_socket_folder_that_others_can_enter_is_a_problem() {
    let workspace = Workspace::copy("single");
    is_healthy(&mut workspace.hotdev(&["doctor"]), "sockets");
    let folder = fs::read_dir(workspace.runtime()).expect("it is there").flatten().next();
    let folder = folder.expect("the folder of this project's sockets").path();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    has_problem(
        &mut workspace.hotdev(&["doctor"]),
        "sockets",
        "others can get into it",
        "remove it",
    );
}

#[test]
fn no_watches_left_is_a_problem() {
    let workspace = Workspace::copy("single");
    // A namespace has limits of its own, which only its own root can lower.
    let limited = |file: &str, limit: u32| -> Option<CommandOutput> {
        let line = format!("echo {limit} > /proc/sys/user/{file} || exit 77; exec \"$@\"");
        let hotdev = workspace.hotdev(&["doctor"]);
        let mut command = workspace.program(Path::new("unshare"), &["-Ur", "sh", "-c", &line, "-"]);
        let output = run_to_end(command.arg(hotdev.get_program()).args(hotdev.get_args()));
        (!matches!(output.code, Some(77)) && output.stdout.contains("file watches"))
            .then_some(output)
    };
    let Some(output) = limited("max_inotify_watches", 1) else {
        eprintln!("skipped: no user namespaces here");
        return;
    };
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stdout.contains("sysctl fs.inotify.max_user_watches"), "{output:#?}");
    assert!(output.stdout.contains("allows 1 watches"), "{output:#?}");
    let output = limited("max_inotify_instances", 0).expect("it worked before");
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stdout.contains("sysctl fs.inotify.max_user_instances"), "{output:#?}");
}

#[test]
fn a_project_that_cannot_be_understood_is_a_problem() {
    let workspace = Workspace::copy("single");
    workspace.write("hotdev.toml", "[app]\nbinn = \"x\"\n");
    has_problem(&mut workspace.hotdev(&["doctor"]), "project", "unknown key `binn`", "write `bin`");
    workspace.delete("hotdev.toml");
    let mut elsewhere = workspace.hotdev(&["doctor"]);
    elsewhere.current_dir(workspace.runtime());
    has_problem(&mut elsewhere, "project", "Cargo.toml", "--manifest-path");
    workspace.write("target", "");
    has_problem(&mut workspace.hotdev(&["doctor"]), "target directory", "target", "--target-dir");
}
