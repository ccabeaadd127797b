//! Declarations that decide how code is called and stand in no debug information.

use std::collections::BTreeMap;

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};

/// Declarations by the names that they declare, with the name of the module around them; what
/// several of one name say is put together. A file's own module has no name here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Modules around the next item.
    around: Vec<String>,
    /// `repr` attributes of types: how their values are handed over depends on them.
    pub reprs: BTreeMap<String, String>,
    /// Numbers of the variants of enums without fields, which code may keep in their place.
    pub numbers: BTreeMap<String, String>,
    /// How functions are called besides their parameters: `track_caller`, `extern "C"`.
    pub conventions: BTreeMap<String, String>,
    /// The `impl`s of each module, in order, those that derives and other macros make included: rustc
    /// numbers them. A file's own module has no name here.
    pub blocks: BTreeMap<String, Vec<String>>,
    /// What a table of a trait's methods follows from: supertraits, and the methods that can be
    /// called through it, with their types, in order.
    pub traits: BTreeMap<String, String>,
}

impl Declarations {
    pub(super) fn of(text: &str) -> Self {
        let mut found = Self::default();
        if let Ok(file) = syn::parse_file(text) {
            found.visit_file(&file);
            found.add_blocks("", &file.items);
        }
        found
    }

    fn add_blocks(&mut self, module: &str, items: &[syn::Item]) {
        for item in items {
            let blocks = match item {
                syn::Item::Impl(item) => {
                    let of = item.trait_.as_ref().map(|(_, path, _)| text(path));
                    vec![format!("{} for {}", of.unwrap_or_default(), text(&item.self_ty))]
                }
                syn::Item::Struct(item) => derives(&item.attrs, &item.ident),
                syn::Item::Enum(item) => derives(&item.attrs, &item.ident),
                syn::Item::Union(item) => derives(&item.attrs, &item.ident),
                syn::Item::Macro(item) => vec![text(&item.mac)],
                syn::Item::Mod(item) => {
                    if let Some((_, items)) = &item.content {
                        self.add_blocks(&item.ident.to_string(), items);
                    }
                    Vec::new()
                }
                _ => Vec::new(),
            };
            self.blocks.entry(module.to_owned()).or_default().extend(blocks);
        }
    }

    /// Takes in what a file declares whose module has this name.
    pub(super) fn extend(&mut self, other: &Self, module: &str) {
        for (name, blocks) in &other.blocks {
            let name = if name.is_empty() { module } else { name };
            self.blocks.entry(name.to_owned()).or_default().extend(blocks.iter().cloned());
        }
        let join = |ours: &mut BTreeMap<String, String>, theirs: &BTreeMap<String, String>| {
            for (name, is) in theirs {
                let name = match name.strip_prefix("::") {
                    Some(name) => format!("{module}::{name}"),
                    None => name.clone(),
                };
                ours.entry(name).or_default().push_str(is);
            }
        };
        join(&mut self.reprs, &other.reprs);
        join(&mut self.numbers, &other.numbers);
        join(&mut self.traits, &other.traits);
        join(&mut self.conventions, &other.conventions);
    }

    fn key(&self, name: &syn::Ident) -> String {
        format!("{}::{name}", self.around.last().map_or("", String::as_str))
    }

    fn add_type(&mut self, name: &syn::Ident, attributes: &[syn::Attribute]) {
        let reprs = attributes.iter().filter(|attribute| attribute.path().is_ident("repr"));
        let reprs: String = reprs.map(|attribute| text(&attribute.meta)).collect();
        let name = self.key(name);
        self.reprs.entry(name).or_default().push_str(&reprs);
    }

    fn add_numbers(&mut self, item: &syn::ItemEnum) {
        let (mut base, mut offset) = (String::new(), 0i128);
        for variant in &item.variants {
            if let Some((_, value)) = &variant.discriminant {
                let number = text(value).replace('_', "").parse();
                (base, offset) = match number {
                    Ok(number) => (String::new(), number),
                    Err(_) => (format!("{} + ", text(value)), 0),
                };
            }
            let name = format!("{}.{}", self.key(&item.ident), variant.ident);
            self.numbers.insert(name, format!("= {base}{offset}"));
            offset += 1;
        }
    }

    fn add_function(&mut self, signature: &syn::Signature, attributes: &[syn::Attribute]) {
        let convention = self.conventions.entry(signature.ident.to_string()).or_default();
        if attributes.iter().any(|attribute| attribute.path().is_ident("track_caller")) {
            convention.push_str("track_caller ");
        }
        convention.push_str(&text(&signature.abi));
    }
}

/// What a type's derives implement.
fn derives(attributes: &[syn::Attribute], name: &syn::Ident) -> Vec<String> {
    let attributes = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let all: String = attributes.map(|attribute| text(&attribute.meta)).collect();
    let all = all.replace("derive(", "").replace(')', ",");
    all.split(',').filter(|of| !of.is_empty()).map(|of| format!("{of} for {name}")).collect()
}

/// A type as text, however it is spelled: without lifetimes, and with the last names of paths.
fn type_text(of: &syn::Type) -> String {
    let mut plain = of.clone();
    Plain.visit_type_mut(&mut plain);
    text(&plain)
}

struct Plain;

impl VisitMut for Plain {
    fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
        reference.lifetime = None;
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        if let Some(last) = path.segments.pop() {
            path.segments = std::iter::once(last.into_value()).collect();
            path.leading_colon = None;
        }
        visit_mut::visit_path_mut(self, path);
    }

    fn visit_path_arguments_mut(&mut self, arguments: &mut syn::PathArguments) {
        if let syn::PathArguments::AngleBracketed(list) = arguments {
            let is_type = |argument: &syn::GenericArgument| {
                !matches!(argument, syn::GenericArgument::Lifetime(_))
            };
            list.args = std::mem::take(&mut list.args).into_iter().filter(is_type).collect();
            if list.args.is_empty() {
                *arguments = syn::PathArguments::None;
                return;
            }
        }
        visit_mut::visit_path_arguments_mut(self, arguments);
    }
}

/// Tokens as text, without spaces.
fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(' ', "")
}

impl<'a> Visit<'a> for Declarations {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        self.around.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.around.pop();
    }

    fn visit_item_struct(&mut self, item: &'a syn::ItemStruct) {
        self.add_type(&item.ident, &item.attrs);
    }

    fn visit_item_enum(&mut self, item: &'a syn::ItemEnum) {
        // Without fields it is a number, whatever says how large that is.
        if item.variants.iter().all(|variant| variant.fields.is_empty()) {
            self.add_numbers(item);
        } else {
            self.add_type(&item.ident, &item.attrs);
        }
    }

    /// What a body declares for itself, nothing outside keeps.
    fn visit_block(&mut self, block: &'a syn::Block) {
        let numbers = self.numbers.clone();
        visit::visit_block(self, block);
        self.numbers = numbers;
    }

    fn visit_item_union(&mut self, item: &'a syn::ItemUnion) {
        self.add_type(&item.ident, &item.attrs);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.add_function(&item.sig, &item.attrs);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.add_function(&item.sig, &item.attrs);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        self.add_function(&item.sig, &item.attrs);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_trait(&mut self, item: &'a syn::ItemTrait) {
        let supertraits = text(&item.supertraits);
        let methods = item.items.iter().filter_map(|item| match item {
            syn::TraitItem::Fn(method) => table_entry(&method.sig),
            _ => None,
        });
        let methods: Vec<String> = methods.collect();
        let table = format!("{supertraits}{{{}}}", methods.join(", "));
        let name = self.key(&item.ident);
        self.traits.entry(name).or_default().push_str(&table);
        visit::visit_item_trait(self, item);
    }
}

/// What a method has in a table; none where it is not in one.
fn table_entry(signature: &syn::Signature) -> Option<String> {
    let is_generic = signature.generics.type_params().next().is_some();
    let is_sized = signature.generics.where_clause.as_ref().is_some_and(|clause| {
        clause.predicates.iter().any(|predicate| text(predicate) == "Self:Sized")
    });
    let receiver = signature.receiver()?;
    if is_generic || is_sized {
        return None;
    }
    let inputs = signature.inputs.iter().filter_map(|input| match input {
        syn::FnArg::Receiver(_) => None,
        syn::FnArg::Typed(typed) => Some(type_text(&typed.ty)),
    });
    let inputs: Vec<String> = std::iter::once(type_text(&receiver.ty)).chain(inputs).collect();
    let output = match &signature.output {
        syn::ReturnType::Default => String::new(),
        syn::ReturnType::Type(_, is) => format!("->{}", type_text(is)),
    };
    let is = (text(&signature.asyncness), text(&signature.unsafety), text(&signature.abi));
    Some(format!("{}{}{}{}({}){output}", is.0, is.1, is.2, signature.ident, inputs.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_follows_from_methods_that_can_be_called_through_it() {
        let of = |text: &str| Declarations::of(text).traits["::Shape"].clone();
        let base = of("trait Shape: Named { fn area(&self, by: u32) -> u32; }");
        assert_eq!(base, "Named{area(&Self,u32)->u32}");
        for same in [
            "trait Shape: Named { /// More.\n fn area(&self, other: u32) -> u32 { 7 } }",
            "trait Shape: Named { fn area(&self, by: std::primitive::u32) -> u32; fn make() -> u32; }",
            "trait Shape: Named { fn area<'a>(&'a self, by: u32) -> u32; }",
            "trait Shape: Named { fn area(&self, by: u32) -> u32; fn any<T>(&self, t: T); }",
            "trait Shape: Named { fn area(&self, by: u32) -> u32; fn own(self) where Self: Sized; }",
        ] {
            assert_eq!(of(same), base, "{same}");
        }
        assert_ne!(of("trait Shape: Named { fn area(&self, by: f32) -> u32; }"), base);
        assert_ne!(of("trait Shape { fn area(&self, by: u32) -> u32; }"), base);
    }

    #[test]
    fn blocks_are_listed_in_the_order_of_their_numbers() {
        let found = Declarations::of(
            "impl A {} #[derive(Clone, Copy)] #[derive(Debug)] struct A; mod m { impl B for A {} }",
        );
        assert_eq!(found.blocks[""], [" for A", "Clone for A", "Copy for A", "Debug for A"]);
        assert_eq!(found.blocks["m"], ["B for A"]);
    }

    #[test]
    fn attributes_are_found_at_whatever_depth() {
        let found = Declarations::of(
            "mod a { #[repr(C)] struct S; impl S { #[track_caller] fn f(&self) {} } } struct T;",
        );
        assert_eq!(found.reprs["a::S"], "repr(C)");
        assert_eq!(found.reprs["::T"], "");
        assert_eq!(found.conventions["f"], "track_caller ");
    }
}
