//! The program around the generated modules, and what it must print.

use hotdev_tests::Workspace;

use crate::generate;
use crate::model::*;
use crate::mutate::{EDITS, Edit};
use crate::source::{self, Place};
use crate::values::{self, Value};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A module and an edit of it.
pub struct Pair {
    pub seed: u64,
    pub edit: &'static Edit,
    pub old: Module,
    pub new: Module,
}

impl Pair {
    /// The pair of this seed; the seed chooses the kind of edit in turn.
    pub fn generate(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let modules = generate::module();
        let edit = &EDITS[seed as usize % EDITS.len()];
        loop {
            let tree = modules.new_tree(&mut runner).expect("modules are not too long");
            let (old, numbers) = tree.current();
            if let Some(new) = edit.of(&old, &numbers) {
                return Self { seed, edit, old, new };
            }
        }
    }

    /// Values that are made at start.
    fn old_values(&self) -> Vec<Value> {
        values::make_all(&self.old, self.seed)
    }

    /// Values that new code makes: others, where it can.
    fn new_values(&self) -> Vec<Value> {
        let same = self.old.items == self.new.items;
        values::make_all(&self.new, if same { self.seed } else { !self.seed })
    }

    /// What must be shown of the old values by new code; `None` where it cannot read them.
    pub fn right(&self) -> Option<String> {
        held(&self.new, &self.old_values())
    }
}

/// A module in the program.
pub struct Running {
    pub pair: Pair,
    place: Place,
    sizes: String,
}

impl Running {
    pub fn new(pair: Pair, number: usize) -> Self {
        let place = Place { number, held: pair.old_values().len(), items: pair.old.items.len() };
        Self { pair, place, sizes: String::new() }
    }

    /// Whether it is a module of the library: one in five.
    fn in_library(&self) -> bool {
        self.pair.seed.is_multiple_of(5)
    }

    pub fn name(&self) -> String {
        format!("m{}", self.place.number)
    }

    pub fn file(&self) -> String {
        let folder = if self.in_library() { "shapes" } else { "app" };
        format!("{folder}/src/{}.rs", self.name())
    }

    pub fn old_source(&self) -> String {
        source::write(&self.pair.old, &self.place, "old", &self.pair.old_values())
    }

    pub fn new_source(&self) -> String {
        source::write(&self.pair.new, &self.place, "new", &self.pair.new_values())
    }

    /// Takes the sizes of types, which the program alone knows, from its first line.
    pub fn learn(&mut self, line: &str) {
        let start = self.start("old");
        let rest = line.split_once(&start).map_or("", |(_, rest)| rest);
        self.sizes = rest.split(' ').next().unwrap_or_default().to_owned();
    }

    /// How its part of a line starts.
    pub fn start(&self, mark: &str) -> String {
        format!("|{}:{mark} ", self.place.number)
    }

    /// Its part of a line before the edit.
    pub fn old_text(&self) -> String {
        let values = self.pair.old_values();
        let old = held(&self.pair.old, &values).expect("a module reads its own values");
        self.text("old", &old, &self.pair.old, &values)
    }

    /// Its part of a line after the edit, when the old values are shown like this.
    pub fn new_text(&self, right: &str) -> String {
        self.text("new", right, &self.pair.new, &self.pair.new_values())
    }

    fn text(&self, mark: &str, held: &str, module: &Module, made: &[Value]) -> String {
        let made = values::texts(module, made).expect("a module reads its own values");
        format!("{}{} {held} ~ {made}", self.start(mark), self.sizes)
    }
}

/// What a module shows of the values that are held.
fn held(module: &Module, values: &[Value]) -> Option<String> {
    let text = values::texts(module, values)?;
    if module.holder != Holder::Options {
        return Some(text);
    }
    let each: Vec<String> = text.split(' ').map(|one| format!("Some({one})")).collect();
    Some(format!("{} None", each.join(" ")))
}

/// Writes a program with these modules into a workspace.
pub fn write(workspace: &Workspace, modules: &[Running]) {
    let (mut app, mut shapes) = (String::new(), String::new());
    let (mut made, mut shown) = (String::new(), String::new());
    for module in modules {
        workspace.write(&module.file(), &module.old_source());
        let name = module.name();
        let path = if module.in_library() {
            shapes += &format!("pub mod {name};\n");
            format!("shapes::{name}")
        } else {
            app += &format!("mod {name};\n");
            name.clone()
        };
        made += &format!("    let {name} = {path}::hold();\n");
        shown += &format!("        line += &{path}::show(&{name});\n");
    }
    workspace.write("shapes/src/lib.rs", &shapes);
    workspace.write(
        "app/src/main.rs",
        &format!(
            "{app}
#[allow(clippy::all)]
fn main() {{
{made}    let mut tick = 0;
    loop {{
        tick += 1;
        let mut line = format!(\"tick {{tick}} \");
{shown}        println!(\"{{line}}|\");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }}
}}
"
        ),
    );
}
