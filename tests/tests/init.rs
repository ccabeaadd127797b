//! `hotdev init` in a project that is there: what it says of it is what a session makes true.

use hotdev_tests::{Session, Workspace};
use serde_json::{Value, json};

/// A workspace with two programs, a proc macro, a build script, and a package that none of them uses.
fn workspace() -> Workspace {
    let workspace = Workspace::empty();
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nedition = \"2024\"\nversion = \"0.1.0\"\n{rest}")
    };
    let members =
        "[workspace]\nmembers = [\"app\", \"engine\", \"shapes\", \"tools\"]\nresolver = \"3\"\n";
    let needs = "[dependencies]\nengine.path = \"../engine\"\nshapes.path = \"../shapes\"\n";
    let main = "fn main() {\n    for tick in 0.. {\n        println!(\"tick {tick} {}\", engine::word());\n        \
                std::thread::sleep(std::time::Duration::from_millis(50));\n    }\n}\n";
    for (file, text) in [
        ("Cargo.toml", members),
        ("app/Cargo.toml", &package("app", needs)),
        ("app/src/bin/play.rs", main),
        ("app/src/bin/edit.rs", "fn main() {}\n"),
        ("engine/Cargo.toml", &package("engine", "")),
        ("engine/build.rs", "fn main() {}\n"),
        ("engine/src/lib.rs", "pub fn word() -> &'static str {\n    \"old\"\n}\n"),
        ("shapes/Cargo.toml", &package("shapes", "[lib]\nproc-macro = true\n")),
        ("shapes/src/lib.rs", ""),
        ("tools/Cargo.toml", &package("tools", "")),
        ("tools/src/lib.rs", ""),
    ] {
        workspace.write(file, text);
    }
    workspace
}

/// What `hotdev init` says of the project.
fn look(workspace: &Workspace) -> Value {
    let output = workspace.command(&["init", "--json"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let line: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    line["project"].clone()
}

#[test]
fn only_the_settings_are_left_behind() {
    let workspace = workspace();
    look(&workspace);
    assert!(!workspace.path("target").exists());

    let output = workspace.command(&["init", "--json", "--target-dir", "elsewhere"]);
    let line: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    let command = line["project"]["next"].as_str().expect("there is a program");
    let elsewhere = workspace.path("elsewhere");
    assert!(command.ends_with(&format!(" --target-dir {}", elsewhere.display())), "{command}");
    assert!(!elsewhere.exists() && !workspace.path("target").exists());
}

#[test]
fn a_workspace_is_told_apart_and_the_command_it_names_works() {
    let workspace = workspace();
    let files = workspace.files();
    let project = look(&workspace);
    assert_eq!(project["hot"], json!(["app", "engine"]), "{project:#}");
    assert_eq!(project["unused"], json!(["tools"]), "{project:#}");
    let cold = json!([
        {"package": "engine", "reason": "build-script"},
        {"package": "shapes", "reason": "proc-macro"},
    ]);
    assert_eq!(project["not-hot"], cold, "{project:#}");
    assert_eq!(project["checks"], json!([]), "{project:#}");
    assert!(project["programs"].as_array().unwrap().iter().all(|one| one["default"] == false));
    let mut written = workspace.files();
    written.retain(|file| !files.contains(file));
    assert_eq!(written, ["hotdev.toml"], "no Cargo.lock either");
    assert_eq!(workspace.command(&["watch"]).code, Some(1), "more than one program");

    workspace.write("hotdev.toml", "[app]\nbin = \"play\"\n[hot]\nexclude = [\"engine\"]\n");
    let project = look(&workspace);
    assert_eq!(project["next"], "hotdev watch", "{project:#}");
    assert_eq!(project["not-hot"][0], json!({"package": "engine", "reason": "excluded"}));

    // The first one it named.
    workspace.delete("hotdev.toml");
    let project = look(&workspace);
    let command = project["programs"][1]["command"].as_str().unwrap();
    assert_eq!(command, "hotdev watch -p app --bin play", "{project:#}");
    let args: Vec<&str> = command.split(' ').skip(2).collect();
    let mut hot = Session::start_in(workspace, &args);
    hot.edit("engine/src/lib.rs", "old", "new");
    hot.expect_verdict("live");
    hot.expect_output(" new");
    hot.end();
}

#[test]
fn settings_that_keep_it_from_patching_are_named() {
    let workspace = workspace();
    let manifest = workspace.read("Cargo.toml");
    let profile = "[profile.dev]\nlto = true\n[profile.dev.package.engine]\nopt-level = 2\n";
    workspace.write("Cargo.toml", &format!("{manifest}{profile}"));
    let output = workspace.command(&["init"]);
    for text in
        ["problem   link: ", "lto = false", "warning   overrides: `engine` has opt-level = 2"]
    {
        assert!(output.stdout.contains(text), "{text} in {}", output.stdout);
    }
    assert!(output.stdout.lines().skip(1).all(|line| line.chars().count() <= 80), "{output:#?}");
    let doctor = workspace.command(&["doctor", "--bin", "play"]);
    assert!(doctor.stdout.contains("warning  overrides: `engine`"), "{doctor:#?}");
}

#[test]
fn a_package_named_like_a_dependency_is_told_from_it() {
    let workspace = Workspace::empty();
    let package = "[package]\nname = \"app\"\nedition = \"2024\"\nversion = \"0.1.0\"\n";
    let needs = "[dependencies]\nother = { path = \"other\", package = \"app\" }\n";
    let main = "fn main() {\n    for tick in 0.. {\n        println!(\"tick {tick} {} {}\", other::word(), word());\n        \
                std::thread::sleep(std::time::Duration::from_millis(50));\n    }\n}\n\n\
                fn word() -> &'static str {\n    \"old\"\n}\n";
    for (file, text) in [
        ("Cargo.toml", format!("{package}{needs}[workspace]\nexclude = [\"other\"]\n")),
        ("src/main.rs", main.into()),
        ("other/Cargo.toml", package.replace("0.1.0", "0.2.0")),
        ("other/src/lib.rs", "pub fn word() -> &'static str {\n    \"other\"\n}\n".into()),
    ] {
        workspace.write(file, &text);
    }
    let project = look(&workspace);
    assert_eq!(project["not-hot"], json!([{"package": "app", "reason": "outside"}]), "{project:#}");
    let mut hot = Session::start_in(workspace, &[]);
    hot.edit("src/main.rs", "\"old\"", "\"new\"");
    hot.expect_verdict("live");
    hot.expect_output("other new");
    hot.end();
}
