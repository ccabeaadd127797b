//! The sizes of the main measurement.

use std::fmt::Write as _;

use super::modules::{SERVICE_DEPENDENCIES, crate_files};
use super::peers::{call, connect, dependency, one_crate};
use super::{BEAT, MARKER, Program, Style};

/// The direct dependencies of the `deps` program, as lines of a manifest.
const DEPENDENCIES: &str = include_str!("../../programs/dependencies.toml");

/// Modules of the medium program.
const MEDIUM: usize = 80;

/// Modules of a crate that the edited one has nothing to do with.
const OTHER_MODULES: usize = 10;

/// How big a measured program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Size {
    /// About 30 lines besides the reporting, one crate.
    Small,
    /// About 8,000 lines with tokio, serde and regex.
    Medium,
    /// The same, all in the binary crate.
    Binary,
    /// About 50,000 lines in ten crates with many dependencies.
    Large,
    /// Some 300 dependencies; the edited crate is small.
    Deps,
}

impl Size {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Binary => "binary",
            Self::Large => "large",
            Self::Deps => "deps",
        }
    }
}

/// Generates a program.
pub fn program(size: Size, style: Style) -> Program {
    match (size, style) {
        (Size::Small, Style::Plain) => small(),
        (Size::Small, Style::HotLib) => sized(1, 0, "", style),
        (Size::Small, Style::Dx | Style::CargoHot) => one_crate(0, style),
        (Size::Medium, _) => sized(1, MEDIUM, "", style),
        (Size::Binary, _) => one_crate(MEDIUM, style),
        (Size::Large, _) => sized(10, 50, &large_dependencies(), style),
        (Size::Deps, _) => sized(1, 0, DEPENDENCIES, style),
    }
}

/// One small program whose edited crate has about so many lines without dependencies.
pub fn lines(count: usize) -> Program {
    let mut program = sized(1, 0, "", Style::Plain);
    let modules = (count / 100).max(1);
    let head = "mod edited;\npub use edited::marker;\n\n";
    program.files.retain(|(path, _)| path != "work/src/lib.rs");
    for (path, text) in logic_files(modules, head) {
        program.add(&format!("work/{path}"), text);
    }
    program
}

/// Files of a crate without dependencies.
fn logic_files(modules: usize, head: &str) -> Vec<(String, String)> {
    // No module is a service: the numbers go from 1 and none reaches the divisor.
    let files = crate_files(1, modules, usize::MAX, head).into_iter();
    let plain = |text: String| text.replace("pub async fn exercise", "pub fn exercise");
    files.map(|(path, text)| (path, plain(text))).collect()
}

/// A small edited crate beside so many other crates of some 1,000 lines, which the binary crate uses
/// and the edited one does not know of.
pub fn crates(count: usize) -> Program {
    let names: Vec<String> = (0..count).map(|at| format!("part{at}")).collect();
    let mut program = Program::new("work/src/edited.rs", &edited(Style::Plain), "work");
    for name in &names {
        program.package(name, "", "");
        for (path, text) in logic_files(OTHER_MODULES, "") {
            program.add(&format!("{name}/{path}"), text);
        }
    }
    program.package("work", "", "");
    program.add("work/src/lib.rs", "mod edited;\npub use edited::marker;\n");
    let own: Vec<String> = names.iter().cloned().chain(["work".into()]).collect();
    let needs = own.iter().map(|name| format!("{name} = {{ path = \"../{name}\" }}\n"));
    program.package("app", "", &needs.collect::<String>());
    let runs = names.iter().map(|name| format!("    println!(\"{{}}\", {name}::exercise());\n"));
    let runs = runs.collect::<String>();
    let call = BEAT_LOOP.replace("CALL", "work::marker");
    program.add("app/src/main.rs", format!("mod beat;\n\nfn main() {{\n{runs}{call}"));
    program.add("app/src/beat.rs", BEAT);
    program.members(&[own, vec!["app".into()]].concat());
    program
}

/// A small edited crate in a program with the first so many of the list of dependencies.
pub fn dependencies(count: usize) -> Program {
    let lines = DEPENDENCIES.lines().take(count).map(|line| format!("{line}\n"));
    sized(1, 0, &lines.collect::<String>(), Style::Plain)
}

/// The end of every `main`, which calls what is edited.
pub const BEAT_LOOP: &str = "    let mut beat = beat::Beat::connect();
    loop {
        beat.show(CALL());
        std::thread::sleep(std::time::Duration::from_micros(250));
    }
}
";

/// The function that every edit changes.
pub fn edited(style: Style) -> String {
    let attribute = if style == Style::HotLib { "#[unsafe(no_mangle)]\n" } else { "" };
    format!(
        "//! What is edited.\n\n{attribute}pub fn marker() -> u64 {{\n    \
         let words = [\"so\", \"many\", \"edits\"];\n    \
         let letters = words.iter().map(|word| word.len() as u64).sum::<u64>();\n    \
         letters - 11 + {MARKER}\n}}\n"
    )
}

/// One crate of three files.
fn small() -> Program {
    let mut program = Program::new("src/edited.rs", &edited(Style::Plain), "app");
    let package = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    program.add("Cargo.toml", format!("{package}\n[workspace]\n"));
    let call = BEAT_LOOP.replace("CALL", "edited::marker");
    program.add("src/main.rs", format!("mod beat;\nmod edited;\n\nfn main() {{\n{call}"));
    program.add("src/beat.rs", BEAT);
    program
}

/// `work` is edited, with `modules` modules, and is the middle of a chain of `crates` crates of as
/// many modules each; `app` uses them all.
fn sized(crates: usize, modules: usize, dependencies: &str, style: Style) -> Program {
    let mut program = Program::new("work/src/edited.rs", &edited(style), "work");
    let names: Vec<String> = (0..crates)
        .map(|at| if at == crates / 2 { "work".into() } else { format!("part{at}") })
        .collect();
    for (at, name) in names.iter().enumerate() {
        let mut needs = if modules == 0 { "" } else { SERVICE_DEPENDENCIES }.to_owned();
        let mut head = String::new();
        if at > 0 {
            let _ = writeln!(needs, "{0} = {{ path = \"../{0}\" }}", names[at - 1]);
            let _ = writeln!(head, "pub use {};", names[at - 1]);
        }
        let hot_lib = style == Style::HotLib && name == "work";
        if name == "work" {
            head.push_str("pub mod edited;\npub use edited::marker;\n\n");
        }
        let lib = if hot_lib { "\n[lib]\ncrate-type = [\"rlib\", \"dylib\"]\n" } else { "" };
        program.package(name, lib, &needs);
        // In the large program one module in four is serde-heavy, in the medium one every one.
        let every = if crates > 1 { 4 } else { 1 };
        let files = match modules {
            0 => vec![("src/lib.rs".to_owned(), format!("//! Small.\n\n{head}"))],
            _ => crate_files(at * modules, modules, every, &head),
        };
        for (path, text) in files {
            program.add(&format!("{name}/{path}"), text);
        }
    }
    let app = App { names: &names, modules, dependencies, style };
    program.package("app", "", &app.dependencies());
    program.add("app/src/main.rs", app.main());
    program.add("app/src/beat.rs", BEAT);
    program.members(&[names, vec!["app".into()]].concat());
    program
}

/// The binary crate.
struct App<'a> {
    names: &'a [String],
    modules: usize,
    dependencies: &'a str,
    style: Style,
}

impl App<'_> {
    fn dependencies(&self) -> String {
        let mut lines = self.dependencies.to_owned();
        if self.modules > 0 && !lines.contains("\ntokio = ") {
            lines.push_str("tokio = { version = \"1\", features = [\"rt-multi-thread\"] }\n");
        }
        for name in self.names {
            let _ = writeln!(lines, "{name} = {{ path = \"../{name}\" }}");
        }
        if self.style == Style::HotLib {
            lines.push_str("hot-lib-reloader = \"0.8\"\n");
        }
        lines.push_str(dependency(self.style));
        lines
    }

    fn main(&self) -> String {
        let mut text = "mod beat;\n".to_owned();
        // A dependency that nothing names is not linked.
        for line in self.dependencies.lines() {
            let name = line.split(' ').next().unwrap_or_default().replace('-', "_");
            let _ = writeln!(text, "use {name} as _;");
        }
        let mut marker = "work::marker";
        if self.style == Style::HotLib {
            text.push_str(
                "\n#[hot_lib_reloader::hot_module(\n    dylib = \"work\",\n    \
                 lib_dir = concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../target/debug\"),\n    \
                 file_watch_debounce = 10\n)]\n\
                 mod hot {\n    hot_functions_from_file!(\"work/src/edited.rs\");\n}\n",
            );
            marker = "hot::marker";
        }
        text.push_str("\nfn main() {\n");
        text.push_str(connect(self.style));
        if self.modules > 0 {
            text.push_str(
                "    let runtime = tokio::runtime::Runtime::new().expect(\"a runtime\");\n",
            );
            for name in self.names {
                let _ =
                    writeln!(text, "    println!(\"{{}}\", runtime.block_on({name}::exercise()));");
            }
        }
        text + &BEAT_LOOP.replace("CALL()", &call(self.style, marker))
    }
}

/// Over two hundred crates: those of the large list that bring the most for the least to compile.
fn large_dependencies() -> String {
    let wanted = [
        "axum",
        "chrono",
        "clap",
        "csv",
        "futures",
        "itertools",
        "rand",
        "ratatui",
        "rayon",
        "regex",
        "reqwest",
        "serde",
        "serde_json",
        "tera",
        "tokio",
        "toml",
        "tracing",
        "tracing-subscriber",
        "url",
        "uuid",
        "walkdir",
    ];
    let is_wanted = |line: &&str| wanted.contains(&line.split(' ').next().unwrap_or_default());
    DEPENDENCIES.lines().filter(is_wanted).map(|line| format!("{line}\n")).collect()
}
