//! Compiles and links small sources, each once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use hotdev_cli::elf::SymbolKind;
use hotdev_cli::elf::object_file::{ObjectFile, Symbol};
use hotdev_cli::elf::rewrite::{Linkage, Rewritten, rewrite};
use hotdev_cli::symbol_name::path;
use hotdev_cli::units::LINK_OPTIONS;
use object::elf;

/// Objects by source and options; a second caller waits for the first.
type Cache = Mutex<HashMap<String, Arc<OnceLock<Vec<u8>>>>>;

static OBJECTS: LazyLock<Cache> = LazyLock::new(Cache::default);

/// A library's object, not optimized.
pub fn debug(source: &str) -> Vec<u8> {
    compile(source, &["--crate-type=lib", "-Copt-level=0"])
}

/// A library's object at the lowest optimization.
pub fn optimized(source: &str) -> Vec<u8> {
    compile(source, &["--crate-type=lib", "-Copt-level=1"])
}

/// The object of a crate named `demo`, one unit, with debug information.
pub fn compile(source: &str, options: &[&str]) -> Vec<u8> {
    let key = format!("{options:?} {source}");
    let slot = OBJECTS.lock().unwrap_or_else(|e| e.into_inner()).entry(key).or_default().clone();
    slot.get_or_init(|| run_rustc(source, options)).clone()
}

fn run_rustc(source: &str, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("src")).expect("a folder");
    fs::write(folder.path().join("src/demo.rs"), source).expect("a source file");
    let output = Command::new(rustc())
        .current_dir(folder.path())
        .args(["src/demo.rs", "--crate-name=demo", "--edition=2021", "--emit=obj", "-o", "demo.o"])
        .args(["-Ccodegen-units=1", "-Cdebuginfo=2", "-Crelocation-model=pic", "--cap-lints=allow"])
        .args(options)
        .output()
        .expect("rustc starts");
    assert!(output.status.success(), "{}\n{source}", String::from_utf8_lossy(&output.stderr));
    fs::read(folder.path().join("demo.o")).expect("rustc wrote an object")
}

fn rustc() -> PathBuf {
    std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from)
}

/// Parses an object that is known to be good.
pub fn parse(bytes: Vec<u8>) -> ObjectFile {
    ObjectFile::parse(bytes).expect("rustc's object is one")
}

/// Writes an object and parses the result.
pub fn again(object: ObjectFile) -> ObjectFile {
    parse(object.write().expect("it can be written"))
}

/// The symbol with this path or, for names without one, this name.
pub fn symbol<'a>(object: &'a ObjectFile, wanted: &str) -> &'a Symbol {
    let found = object.symbols.iter().find(|symbol| is(symbol, wanted));
    found.unwrap_or_else(|| panic!("no symbol {wanted} in {:?}", names(object)))
}

fn is(symbol: &Symbol, wanted: &str) -> bool {
    path(&symbol.name) == wanted
}

/// Paths of all symbols that have a name.
pub fn names(object: &ObjectFile) -> Vec<String> {
    object.symbols.iter().filter(|s| !s.name.is_empty()).map(|s| path(&s.name)).collect()
}

/// A relocation with everything it is about named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Path of the function or static it stands in, else the section's name.
    pub within: String,
    /// Offset in the section.
    pub offset: u64,
    /// `R_X86_64_*`
    pub kind: u32,
    /// Path of the symbol, else the section's name.
    pub target: String,
    /// Whether the symbol stands for a section.
    pub of_section: bool,
    /// The addend.
    pub addend: i64,
}

/// The relocations of all loaded sections.
pub fn uses(object: &ObjectFile) -> Vec<Use> {
    let mut uses = Vec::new();
    for table in object.relocations.iter().filter(|t| object.sections[t.target].is_loaded()) {
        for entry in &table.entries {
            let symbol = &object.symbols[entry.symbol as usize];
            let of_section = symbol.kind == elf::STT_SECTION;
            let target = match of_section {
                true => object.sections[usize::from(symbol.section)].name.clone(),
                false => path(&symbol.name),
            };
            uses.push(Use {
                within: within(object, table.target, entry.offset),
                offset: entry.offset,
                kind: entry.kind,
                target,
                of_section,
                addend: entry.addend,
            });
        }
    }
    uses
}

fn within(object: &ObjectFile, section: usize, offset: u64) -> String {
    let holds = |symbol: &&Symbol| {
        usize::from(symbol.section) == section
            && matches!(symbol.kind, elf::STT_FUNC | elf::STT_OBJECT | elf::STT_TLS)
            && (symbol.value..symbol.value + symbol.size).contains(&offset)
    };
    let found = object.symbols.iter().find(holds);
    found.map_or_else(|| object.sections[section].name.clone(), |symbol| path(&symbol.name))
}

/// The uses that code or data `within` makes of `target`.
pub fn uses_of(object: &ObjectFile, within: &str, target: &str) -> Vec<Use> {
    uses(object).into_iter().filter(|u| u.within == within && u.target == target).collect()
}

/// What is known where the given objects are all that is hot.
#[derive(Default)]
pub struct Known {
    kinds: HashMap<String, (SymbolKind, u32)>,
    /// Paths that are said to stand in other objects as well.
    pub repeated: Vec<String>,
}

impl Known {
    /// Knows what `objects` define.
    pub fn of(objects: &[&ObjectFile]) -> Self {
        let mut known = Self::default();
        for object in objects {
            for (name, kind) in hotdev_cli::units::definitions(object) {
                known.kinds.entry(name.to_owned()).or_insert((kind, 0)).1 += 1;
            }
        }
        known
    }
}

impl Linkage for Known {
    fn kind(&self, name: &str) -> Option<SymbolKind> {
        self.kinds.get(name).map(|(kind, _)| *kind)
    }

    fn is_unique(&self, name: &str) -> bool {
        let once = self.kinds.get(name).is_some_and(|(_, count)| *count == 1);
        once && !self.repeated.contains(&path(name))
    }
}

/// Rewrites one object that is all there is, and reads it again as it was written.
pub fn rewritten(bytes: Vec<u8>, optimized: bool) -> (ObjectFile, Rewritten) {
    let mut object = parse(bytes);
    let known = Known::of(&[&object]);
    let found = rewrite(&mut object, &known, optimized);
    (again(object), found)
}

/// Links objects to a library with hotdev's own options and `options`.
pub fn link(objects: &[Vec<u8>], options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for (number, bytes) in objects.iter().enumerate() {
        let file = folder.path().join(format!("{number}.o"));
        fs::write(&file, bytes).expect("an object file");
        files.push(file);
    }
    let library = folder.path().join("lib.so");
    let mut command = Command::new(lld());
    command.args(["-flavor", "gnu", "-shared", "-o"]).arg(&library);
    let output =
        command.args(LINK_OPTIONS).args(options).args(files).output().expect("the linker starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(library).expect("the linker wrote a library")
}

/// rust-lld, from the toolchain.
pub fn lld() -> &'static Path {
    static LLD: LazyLock<PathBuf> = LazyLock::new(|| {
        let output = Command::new(rustc()).args(["--print", "sysroot"]).output();
        let output = output.expect("rustc starts").stdout;
        let sysroot = String::from_utf8(output).expect("a path in UTF-8");
        Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld")
    });
    &LLD
}
