//! Whether an edit of a crate can matter to the crates that depend on it.
//!
//! It cannot where only bodies of functions changed that are compiled in the crate itself: not
//! generic, not inlined into other crates, not evaluated by the compiler, and with no type in their
//! signature that follows from the body. rustc decides on its own to inline across crates only
//! without incremental compilation, which hotdev always has
//! (`cross_crate_inlinable` in `compiler/rustc_mir_transform`). When in doubt, it matters.

use std::collections::BTreeMap;

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};

/// What the dependents of a file's crate may see of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Interface {
    /// All tokens but those of bodies that do not matter and of `private`.
    rest: String,
    /// Private functions whose bodies do not matter: signature by name, with what they stand in.
    private: BTreeMap<String, String>,
}

/// Attributes that leave a function what it is. Others may be macros that make anything of it.
const PLAIN: &[&str] = &[
    "allow",
    "cfg",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "must_use",
    "no_mangle",
    "target_feature",
    "test",
    "track_caller",
    "unsafe",
    "warn",
];

impl Interface {
    /// Reads it from a file's text; none where the text is not Rust.
    pub fn of(text: &str) -> Option<Self> {
        let mut file = syn::parse_file(text).ok()?;
        let mut eraser = Eraser::default();
        eraser.visit_file_mut(&mut file);
        Some(Self { rest: file.to_token_stream().to_string(), private: eraser.private })
    }

    /// Whether dependents can do with code that was compiled against `other`. `occurs` says whether
    /// a name stands anywhere in the crate before (`true`) or now (`false`): a name that came or
    /// went may have given others that were there another meaning.
    pub fn is_like(&self, other: &Self, occurs: &dyn Fn(&str, bool) -> bool) -> bool {
        let kept = self.private.iter().filter(|(name, _)| other.private.contains_key(*name));
        let same = kept.into_iter().all(|(name, is)| other.private[name] == *is);
        let came = self.private.keys().filter(|name| !other.private.contains_key(*name));
        let went = other.private.keys().filter(|name| !self.private.contains_key(*name));
        self.rest == other.rest
            && same
            && !came.into_iter().any(|name| occurs(last(name), true))
            && !went.into_iter().any(|name| occurs(last(name), false))
    }
}

fn last(name: &str) -> &str {
    name.rsplit(' ').next().unwrap_or(name)
}

/// Takes out what does not matter.
#[derive(Default)]
struct Eraser {
    /// Modules and blocks around the next item.
    around: Vec<String>,
    private: BTreeMap<String, String>,
}

impl Eraser {
    /// Empties the body if it does not matter. Whether the whole function does not, because nobody
    /// outside sees it.
    fn erase(
        &mut self,
        attributes: &mut Vec<syn::Attribute>,
        visibility: &syn::Visibility,
        signature: &syn::Signature,
        block: &mut syn::Block,
    ) -> bool {
        if !attributes.iter().all(is_plain) || !is_compiled_here(signature) || !is_closed(block) {
            return false;
        }
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
        block.stmts.clear();
        if !matches!(visibility, syn::Visibility::Inherited) {
            return false;
        }
        let name = format!("{} {}", self.around.join(" "), signature.ident);
        let mut is = signature.to_token_stream().to_string();
        for attribute in attributes {
            is.push_str(&attribute.to_token_stream().to_string());
        }
        // Of twins under `cfg`, each counts.
        self.private.entry(name).or_default().push_str(&is);
        true
    }

    fn erase_items(&mut self, items: &mut Vec<syn::Item>) {
        items.retain_mut(|item| match item {
            syn::Item::Fn(item) => {
                !self.erase(&mut item.attrs, &item.vis, &item.sig, &mut item.block)
            }
            syn::Item::Impl(item) => {
                self.erase_impl(item);
                true
            }
            syn::Item::Mod(item) => {
                self.around.push(item.ident.to_string());
                if item.attrs.iter().all(is_plain)
                    && let Some((_, items)) = &mut item.content
                {
                    self.erase_items(items);
                }
                self.around.pop();
                true
            }
            _ => true,
        });
    }

    fn erase_impl(&mut self, item: &mut syn::ItemImpl) {
        if !item.attrs.iter().all(is_plain) || is_generic(&item.generics) {
            return;
        }
        // A trait's methods are as visible as the trait.
        let is_trait = item.trait_.is_some();
        self.around.push(item.self_ty.to_token_stream().to_string());
        item.items.retain_mut(|item| match item {
            syn::ImplItem::Fn(method) => {
                let public = syn::parse_quote!(pub);
                let visibility = if is_trait { &public } else { &method.vis };
                !self.erase(&mut method.attrs, visibility, &method.sig, &mut method.block)
            }
            _ => true,
        });
        self.around.pop();
    }
}

impl VisitMut for Eraser {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        self.erase_items(&mut file.items);
    }
}

fn is_plain(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    let is_tool = path.segments.len() > 1
        && path
            .segments
            .first()
            .is_some_and(|tool| tool.ident == "clippy" || tool.ident == "rustfmt");
    is_tool || path.get_ident().is_some_and(|name| PLAIN.iter().any(|plain| name == plain))
}

fn is_generic(generics: &syn::Generics) -> bool {
    generics.params.iter().any(|param| !matches!(param, syn::GenericParam::Lifetime(_)))
}

/// Whether only the crate itself ever compiles the body.
fn is_compiled_here(signature: &syn::Signature) -> bool {
    let mut hidden = Hidden(false);
    hidden.visit_signature_mut(&mut signature.clone());
    signature.constness.is_none()
        && signature.asyncness.is_none()
        && !is_generic(&signature.generics)
        && !hidden.0
}

/// Whether a signature has a type that follows from the body.
struct Hidden(bool);

impl VisitMut for Hidden {
    fn visit_type_impl_trait_mut(&mut self, _: &mut syn::TypeImplTrait) {
        self.0 = true;
    }
}

/// Whether a body declares nothing that counts outside it.
fn is_closed(block: &syn::Block) -> bool {
    let mut items = Items(true);
    items.visit_block_mut(&mut block.clone());
    items.0
}

struct Items(bool);

impl VisitMut for Items {
    fn visit_item_mut(&mut self, item: &mut syn::Item) {
        let is_inner = matches!(
            item,
            syn::Item::Const(_)
                | syn::Item::Enum(_)
                | syn::Item::Fn(_)
                | syn::Item::Static(_)
                | syn::Item::Struct(_)
                | syn::Item::Type(_)
                | syn::Item::Use(_)
        );
        self.0 &= is_inner;
        visit_mut::visit_item_mut(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matters(old: &str, new: &str) -> bool {
        let occurs = |name: &str, before: bool| {
            let text = if before { old } else { new };
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
        };
        let (was, now) = (Interface::of(old).expect("Rust"), Interface::of(new).expect("Rust"));
        !now.is_like(&was, &occurs)
    }

    #[test]
    fn bodies_that_only_this_crate_compiles_do_not_matter() {
        for (old, new) in [
            ("pub fn f() -> u32 { 1 }", "pub fn f() -> u32 { 2 }"),
            ("pub fn f() {}", "/// Says more.\npub fn f() { use std::fmt::Write as _; }"),
            (
                "struct S; impl S { pub fn f(&self) { 1; } }",
                "struct S; impl S { pub fn f(&self) { 2; } }",
            ),
            ("impl D for S { fn f(&self) { 1; } }", "impl D for S { fn f(&self) { 2; } }"),
            (
                "mod m { pub fn f<'a>(x: &'a str) -> &'a str { x } }",
                "mod m { pub fn f<'a>(x: &'a str) -> &'a str { &x[1..] } }",
            ),
            ("#[must_use] pub fn f() -> u32 { 1 }", "#[must_use] pub fn f() -> u32 { || 3; 2 }"),
            ("pub fn f() -> u32 { 1 }", "pub fn f() -> u32 { helper() } fn helper() -> u32 { 2 }"),
            ("pub fn f() -> u32 { helper() } fn helper() -> u32 { 2 }", "pub fn f() -> u32 { 1 }"),
        ] {
            assert!(!matters(old, new), "{old} -> {new}");
        }
    }

    #[test]
    fn what_dependents_compile_or_see_matters() {
        for (old, new) in [
            ("pub fn f() -> u32 { 1 }", "pub fn f() -> u64 { 1 }"),
            ("pub fn f() {}", "pub fn f() {} pub fn g() {}"),
            ("pub fn f<T>(t: T) { 1; }", "pub fn f<T>(t: T) { 2; }"),
            ("pub fn f(t: impl D) { 1; }", "pub fn f(t: impl D) { 2; }"),
            ("pub fn f() -> impl D { 1 }", "pub fn f() -> impl D { 2 }"),
            ("pub async fn f() { 1; }", "pub async fn f() { 2; }"),
            ("pub const fn f() -> u32 { 1 }", "pub const fn f() -> u32 { 2 }"),
            ("#[inline] pub fn f() { 1; }", "#[inline] pub fn f() { 2; }"),
            ("#[instrument] pub fn f() { 1; }", "#[instrument] pub fn f() { 2; }"),
            ("impl<T> S<T> { pub fn f(&self) { 1; } }", "impl<T> S<T> { pub fn f(&self) { 2; } }"),
            (
                "#[async_trait] impl S { pub fn f(&self) { 1; } }",
                "#[async_trait] impl S { pub fn f(&self) { 2; } }",
            ),
            ("trait D { fn f(&self) { 1; } }", "trait D { fn f(&self) { 2; } }"),
            ("pub const N: u32 = 1;", "pub const N: u32 = 2;"),
            ("struct S { a: u32 }", "struct S { a: u64 }"),
            ("pub fn f() {}", "pub fn f() { impl D for S {} }"),
            ("pub fn f() {}", "#[track_caller] pub fn f() {}"),
            ("fn h(x: u32) {} pub fn f<T>() { h(1) }", "fn h(x: u64) {} pub fn f<T>() { h(1) }"),
            (
                "#[cfg(a)] fn h(x: u32) {} #[cfg(b)] fn h() {}",
                "#[cfg(a)] fn h(x: u64) {} #[cfg(b)] fn h() {}",
            ),
            ("use m::*; pub fn f<T>() { h() }", "use m::*; pub fn f<T>() { h() } fn h() {}"),
            ("macro_rules! m { () => { 1 } }", "macro_rules! m { () => { 2 } }"),
            ("m! { 1 }", "m! { 2 }"),
        ] {
            assert!(matters(old, new), "{old} -> {new}");
        }
    }
}
