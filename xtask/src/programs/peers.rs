//! What tools want of a program that patch through `subsecond`: `main` connects to the tool and calls what
//! is edited through the tool's `call`. And the program of one crate, which is all that cargo-hot patches.

use super::modules::{SERVICE_DEPENDENCIES, crate_files};
use super::sizes::{BEAT_LOOP, edited};
use super::{BEAT, Program, Style};

/// cargo-hot passes `-fuse-ld=lld` on to the link of a patch, and not the `-B` that comes before it:
/// where no lld is installed beside rustup's, every patch would fail.
const SYSTEM_LINKER: &str =
    "[target.x86_64-unknown-linux-gnu]\nrustflags = [\"-Clinker-features=-lld\"]\n";

/// What a tool wants of a program.
struct Wants {
    dependency: &'static str,
    connect: &'static str,
    call: &'static str,
}

/// Nothing where it wants no calls of its own.
fn wants(style: Style) -> Option<Wants> {
    match style {
        Style::CargoHot => Some(Wants {
            dependency: "cargo-hot-protocol = \"0.1\"\n",
            connect: "    cargo_hot_protocol::connect();\n",
            call: "cargo_hot_protocol::subsecond::call",
        }),
        Style::Dx => Some(Wants {
            dependency: "dioxus-devtools = \"=0.8.0-alpha.3\"\n",
            connect: "    dioxus_devtools::connect_subsecond();\n",
            call: "dioxus_devtools::subsecond::call",
        }),
        Style::Plain | Style::HotLib => None,
    }
}

/// The line of the manifest that the tool of a style wants.
pub fn dependency(style: Style) -> &'static str {
    wants(style).map_or("", |wants| wants.dependency)
}

/// The line that it wants at the begin of `main`.
pub fn connect(style: Style) -> &'static str {
    wants(style).map_or("", |wants| wants.connect)
}

/// The call of a function that may change.
pub fn call(style: Style, function: &str) -> String {
    match wants(style) {
        Some(wants) => format!("{}(|| {function}())", wants.call),
        None => format!("{function}()"),
    }
}

/// The package `app` with so many modules.
pub fn one_crate(modules: usize, style: Style) -> Program {
    let mut program = Program::new("app/src/edited.rs", &edited(Style::Plain), "app");
    let mut dependencies = dependency(style).to_owned();
    let (mut declared, mut run) = ("", "");
    if modules > 0 {
        dependencies.push_str(SERVICE_DEPENDENCIES);
        declared = "mod modules;\n";
        run = "    let runtime = tokio::runtime::Runtime::new().expect(\"a runtime\");\n    \
               println!(\"{}\", runtime.block_on(modules::exercise()));\n";
        add_modules(&mut program, modules);
    }
    program.package("app", "", &dependencies);
    let main = format!(
        "mod beat;\nmod edited;\n{declared}\nfn main() {{\n{}{run}{}",
        connect(style),
        BEAT_LOOP.replace("CALL()", &call(style, "edited::marker")),
    );
    program.add("app/src/main.rs", main);
    program.add("app/src/beat.rs", BEAT);
    program.members(&["app".into()]);
    if style == Style::CargoHot {
        program.add(".cargo/config.toml", SYSTEM_LINKER);
    }
    program
}

/// The modules of the medium program, below one of this crate.
fn add_modules(program: &mut Program, modules: usize) {
    for (path, text) in crate_files(0, modules, 1, "") {
        let path = match path.as_str() {
            "src/lib.rs" => "app/src/modules.rs".to_owned(),
            _ => path.replacen("src/", "app/src/modules/", 1),
        };
        program.add(&path, text);
    }
}
