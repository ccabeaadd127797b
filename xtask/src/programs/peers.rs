//! The programs as tools need them that patch the binary crate only: all of it is in that one crate,
//! `main` connects to the tool and calls what is edited through the tool's `call`.

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

fn wants(style: Style) -> Wants {
    match style {
        Style::CargoHot => Wants {
            dependency: "cargo-hot-protocol = \"0.1\"\n",
            connect: "cargo_hot_protocol::connect()",
            call: "cargo_hot_protocol::subsecond::call",
        },
        _ => Wants {
            dependency: "dioxus-devtools = \"=0.8.0-alpha.3\"\n",
            connect: "dioxus_devtools::connect_subsecond()",
            call: "dioxus_devtools::subsecond::call",
        },
    }
}

/// The package `app` with so many modules.
pub fn one_crate(modules: usize, style: Style) -> Program {
    let wants = wants(style);
    let mut program = Program::new("app/src/edited.rs", &edited(Style::Plain), "app");
    let mut dependencies = wants.dependency.to_owned();
    let (mut declared, mut run) = ("", "");
    if modules > 0 {
        dependencies.push_str(SERVICE_DEPENDENCIES);
        declared = "mod modules;\n";
        run = "    let runtime = tokio::runtime::Runtime::new().expect(\"a runtime\");\n    \
               println!(\"{}\", runtime.block_on(modules::exercise()));\n";
        add_modules(&mut program, modules);
    }
    program.package("app", "", &dependencies);
    let call = BEAT_LOOP.replace("CALL()", &format!("{}(|| edited::marker())", wants.call));
    let main = format!(
        "mod beat;\nmod edited;\n{declared}\nfn main() {{\n    {};\n{run}{call}",
        wants.connect
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
