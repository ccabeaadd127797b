//! Which program is run: the options that cargo spells the same way.

use hotdev_tests::{Session, Workspace};

fn goes_live(hot: &mut Session, file: &str, old: &str, new: &str) {
    hot.expect_output(old);
    hot.edit(file, old, new);
    hot.expect_verdict("live");
    hot.expect_output(new);
    hot.never_output(old);
}

#[test]
fn an_example() {
    let workspace = Workspace::copy("lib-and-bin");
    let main = workspace.read("src/main.rs").replace("binary-old", "example-old");
    workspace.write("examples/show.rs", &main);
    let mut hot = Session::start_in(workspace, &["--example", "show"]);
    goes_live(&mut hot, "examples/show.rs", "example-old", "example-new");
    goes_live(&mut hot, "src/lib.rs", "private-old", "private-new");
    hot.end();
}

#[test]
fn a_manifest_elsewhere() {
    let args = ["--manifest-path", "game/Cargo.toml", "--bin", "game", "--no-default-features"];
    let mut hot = Session::start_in(Workspace::copy("workspace"), &args);
    hot.expect_output("grey frame-old rules-old silent");
    goes_live(&mut hot, "libs/game-ui/src/lib.rs", "grey", "ashen");
    hot.end();
}

#[test]
fn another_target_directory() {
    let workspace = Workspace::copy("single");
    let mut hot = Session::start_in(workspace, &["--target-dir", "target/elsewhere"]);
    goes_live(&mut hot, "src/main.rs", "old greeting", "new greeting");
    hot.end();
}

#[test]
fn a_profile_of_the_projects_own() {
    let workspace = Workspace::copy("single");
    let manifest = workspace.read("Cargo.toml");
    let profile = "[profile.quick]\ninherits = \"dev\"\ndebug = 0\n";
    workspace.write("Cargo.toml", &format!("{manifest}\n{profile}"));
    let mut hot = Session::start_in(workspace, &["--profile", "quick"]);
    goes_live(&mut hot, "src/main.rs", "old greeting", "new greeting");
    hot.end();
}

#[test]
fn two_binaries_and_no_choice() {
    let workspace = Workspace::copy("workspace");
    let output = workspace.command(&["watch", "--json", "-p", "game"]);
    assert!(!matches!(output.code, Some(0) | None), "{output:#?}");
    let said = output.stdout + &output.stderr;
    assert!(said.contains("other-tool") && said.contains("--bin"), "{said}");
}

#[test]
fn a_binary_that_is_not_there() {
    let workspace = Workspace::copy("workspace");
    let output = workspace.command(&["watch", "--json", "--bin", "gaem"]);
    assert!(!matches!(output.code, Some(0) | None), "{output:#?}");
    let said = output.stdout + &output.stderr;
    assert!(said.contains("gaem"), "{said}");
    assert!(said.contains("--bin game") && said.contains("--bin other-tool"), "{said}");
}

#[test]
fn an_example_that_is_not_there() {
    let workspace = Workspace::copy("lib-and-bin");
    workspace.write("examples/show.rs", "fn main() {}");
    let output = workspace.command(&["watch", "--example", "shwo"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("no example `shwo`"), "{output:#?}");
    assert!(output.stderr.contains("--example show`"), "{output:#?}");
}

#[test]
fn a_package_without_a_binary() {
    let workspace = Workspace::copy("workspace");
    let output = workspace.command(&["watch", "-p", "game-core"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("the package `game-core` has no binary"), "{output:#?}");
    assert!(output.stderr.contains("`-p game --bin game`"), "{output:#?}");
}
