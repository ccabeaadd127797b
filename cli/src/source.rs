//! What the debug information does not say, read from the sources.

mod calls;
mod declarations;
mod inlined;
mod interface;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use calls::{CLOSURE, Call};
pub use declarations::Declarations;
use interface::Interface;
use memchr::memmem;
use quote::ToTokens as _;
use syn::visit::{self, Visit};
use xxhash_rust::xxh3::xxh3_128;

/// The files of a crate, as they were when it was compiled.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<PathBuf, Arc<Source>>);

/// One file. Compilations between which it did not change share it.
#[derive(Debug)]
pub struct Source {
    /// Its text; of what is not Rust, a hash.
    text: String,
    declarations: OnceLock<Declarations>,
    interface: OnceLock<Option<Interface>>,
    calls: OnceLock<Vec<Call>>,
    always_inlined: OnceLock<Vec<String>>,
}

/// A file that differs between two states of a program's sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Which file.
    pub file: PathBuf,
    /// Its text in the earlier one; empty where it was no part of it.
    pub before: String,
    /// Its text in the later one; empty where it is no part of it any more.
    pub after: String,
}

impl Source {
    fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        let text = String::from_utf8(bytes).ok().filter(|_| is_rust);
        let text = match text {
            Some(text) => text,
            None => format!("{:032x}", xxh3_128(&fs::read(path).ok()?)),
        };
        Some(Self {
            text,
            declarations: OnceLock::new(),
            interface: OnceLock::new(),
            calls: OnceLock::new(),
            always_inlined: OnceLock::new(),
        })
    }

    /// Its text; of what is not Rust, a hash.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn interface(&self) -> Option<&Interface> {
        self.interface.get_or_init(|| Interface::of(&self.text)).as_ref()
    }

    fn calls(&self) -> &[Call] {
        self.calls.get_or_init(|| calls::of(&self.text))
    }

    fn has_word(&self, name: &str) -> bool {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        memmem::find_iter(self.text.as_bytes(), name).any(|at| {
            let (before, after) = (&self.text[..at], &self.text[at + name.len()..]);
            !is_part(before.chars().next_back()) && !is_part(after.chars().next())
        })
    }

    fn declarations(&self) -> &Declarations {
        self.declarations.get_or_init(|| Declarations::of(&self.text))
    }
}

impl Sources {
    /// Reads files; those that are as in `before` are shared.
    pub fn read<'a>(paths: impl Iterator<Item = &'a PathBuf>, before: Option<&Self>) -> Self {
        let read = paths.filter_map(|path| {
            let new = Source::read(path)?;
            let before = before.and_then(|before| before.0.get(path));
            let shared = before.filter(|before| before.text == new.text).cloned();
            Some((path.clone(), shared.unwrap_or_else(|| Arc::new(new))))
        });
        Self(read.collect())
    }

    /// Finds what will be asked for after an edit of files that were as in `before`.
    pub fn prepare(&self, before: &Self) {
        for (_, was, now) in self.changed(before) {
            for source in was.into_iter().chain(now) {
                let _ = (source.interface(), source.declarations(), source.calls());
            }
        }
    }

    /// Uses of a function's name.
    pub fn calls<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Call> {
        let sources = self.0.values().filter(move |source| source.has_word(name));
        sources.flat_map(|source| source.calls()).filter(move |call| call.name == name)
    }

    /// Closures in functions of this name.
    pub fn closures_in<'a>(&'a self, function: &'a str) -> impl Iterator<Item = &'a Call> {
        let sources = self.0.values().filter(move |source| source.has_word(function));
        let calls = sources.flat_map(|source| source.calls());
        calls.filter(move |call| call.name == CLOSURE && call.within == function)
    }

    /// Whether the crates that depend on this one may have to be compiled anew, as it was compiled
    /// from `before` when they were.
    pub fn matter(&self, before: &Self) -> bool {
        let occurs = |name: &str, in_before: bool| {
            let all = if in_before { before } else { self };
            all.0.values().any(|source| source.has_word(name))
        };
        self.changed(before).any(|(_, was, now)| {
            let both = was.and_then(|was| was.interface()).zip(now.and_then(|now| now.interface()));
            !both.is_some_and(|(was, now)| now.is_like(was, &occurs))
        })
    }

    /// Reads the files among `paths` that were not known before they were compiled, and forgets
    /// those that are not among them.
    pub fn add(&mut self, paths: &BTreeSet<PathBuf>) {
        self.0.retain(|path, _| paths.contains(path));
        let new = paths.iter().filter(|path| !self.0.contains_key(*path));
        let new = Self::read(new, None);
        self.0.extend(new.0);
    }

    /// The files that one of both has and the other has not as it is: path, before, now.
    pub fn changed<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'a Path, Option<&'a Arc<Source>>, Option<&'a Arc<Source>>)> {
        let paths: BTreeSet<&PathBuf> = self.0.keys().chain(before.0.keys()).collect();
        let pairs =
            paths.into_iter().map(|path| (path.as_path(), before.0.get(path), self.0.get(path)));
        pairs.filter(|(_, was, now)| match (was, now) {
            (Some(was), Some(now)) => !Arc::ptr_eq(was, now),
            _ => true,
        })
    }

    /// What the files declare that changed, before and now.
    pub fn changed_declarations(&self, before: &Self) -> (Declarations, Declarations) {
        let (mut was, mut now) = (Declarations::default(), Declarations::default());
        for (path, old, new) in self.changed(before) {
            let module = module_name(path);
            old.into_iter().for_each(|old| was.extend(old.declarations(), &module));
            new.into_iter().for_each(|new| now.extend(new.declarations(), &module));
        }
        (was, now)
    }

    /// The functions of these names, as they are written.
    pub fn signatures(&self, names: &BTreeSet<String>) -> BTreeMap<String, Written> {
        let mut functions = Functions { names, found: BTreeMap::new() };
        for source in self.0.values() {
            if names.iter().any(|name| source.text.contains(name.as_str()))
                && let Ok(file) = syn::parse_file(&source.text)
            {
                functions.visit_file(&file);
            }
        }
        functions.found
    }
}

/// The functions of one name, as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whether all parameters of all of them are plain names.
    pub is_plain: bool,
    signatures: BTreeSet<String>,
}

/// The name of the module that a file is; nothing for the root of a crate.
fn module_name(path: &Path) -> String {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match stem(path).as_str() {
        "mod" => path.parent().map(stem).unwrap_or_default(),
        "lib" | "main" => String::new(),
        name => name.to_owned(),
    }
}

struct Functions<'a> {
    names: &'a BTreeSet<String>,
    found: BTreeMap<String, Written>,
}

impl<'a> Visit<'a> for Functions<'_> {
    fn visit_signature(&mut self, signature: &'a syn::Signature) {
        let name = signature.ident.to_string();
        if self.names.contains(&name) {
            let is_plain = |input: &syn::FnArg| match input {
                syn::FnArg::Receiver(_) => true,
                syn::FnArg::Typed(typed) => matches!(&*typed.pat, syn::Pat::Ident(_)),
            };
            let is_plain = signature.inputs.iter().all(is_plain);
            let new = || Written { is_plain: true, signatures: BTreeSet::new() };
            let written = self.found.entry(name).or_insert_with(new);
            written.is_plain &= is_plain;
            let types = signature.inputs.iter().map(|input| match input {
                syn::FnArg::Receiver(receiver) => receiver.ty.to_token_stream(),
                syn::FnArg::Typed(typed) => typed.ty.to_token_stream(),
            });
            let types: Vec<String> = types.map(|tokens| tokens.to_string()).collect();
            let (generics, output) = (&signature.generics, &signature.output);
            let (generics, output) = (generics.to_token_stream(), output.to_token_stream());
            written.signatures.insert(format!("{generics}({}){output}", types.join(", ")));
        }
        visit::visit_signature(self, signature);
    }
}
