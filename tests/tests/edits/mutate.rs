//! Edits of a generated module.

use crate::choices::{Choices, is_clone, is_valid, same_size};
use crate::generate::{OF_A_METHOD, PLAIN};
use crate::model::*;

type Apply = fn(&mut Module, &mut Choices) -> Option<()>;

/// A kind of edit.
pub struct Edit {
    pub name: &'static str,
    /// Whether it leaves every old value and table of methods as it was.
    pub harmless: bool,
    /// `None` where there is nothing to edit so.
    apply: Apply,
}

const fn harmless(name: &'static str, apply: Apply) -> Edit {
    Edit { name, harmless: true, apply }
}

const fn other(name: &'static str, apply: Apply) -> Edit {
    Edit { name, harmless: false, apply }
}

/// Every kind.
pub const EDITS: &[Edit] = &[
    harmless(BODY, |_, _| Some(())),
    harmless("derive added", derive),
    harmless("new type and impl", |module, _| {
        module.extra += "
pub struct More {
    pub name: String,
    pub inside: Option<Root>,
}

impl More {
    fn text(&self) -> String {
        format!(\"{}{}\", self.name, self.inside.show())
    }
}

impl Root {
    fn more(self) -> String {
        More { name: \"more\".to_owned(), inside: Some(self) }.text()
    }
}
";
        Some(())
    }),
    harmless("body of a method", |module, choices| {
        choices.method(module)?.number += 100;
        Some(())
    }),
    other("method made provided or not", |module, choices| {
        let method = choices.method(module)?;
        method.provided = !method.provided;
        Some(())
    }),
    harmless("method for Self: Sized added", |module, choices| {
        let methods = choices.methods(module)?;
        let mut method = methods[0].clone();
        (method.name, method.sized) = ("sized".to_owned(), true);
        methods.insert(choices.below(methods.len() + 1), method);
        Some(())
    }),
    other("fields in another order", |module, choices| {
        let fields = &mut choices.fields(module, 2)?.list;
        let (a, b) = choices.two(fields.len());
        fields.swap(a, b);
        Some(())
    }),
    other("types of two fields swapped", |module, choices| {
        let fields = &mut choices.fields(module, 2)?.list;
        let (a, b) = choices.two(fields.len());
        let of = fields[a].of.clone();
        fields[a].of = std::mem::replace(&mut fields[b].of, of);
        Some(())
    }),
    other("field of another type of the same size", |module, choices| {
        choices.change_type(
            module,
            |of| same_size(of).is_some(),
            |of| {
                *of = same_size(of).expect("wanted");
            },
        )
    }),
    other("field of another type", |module, choices| {
        let new = Type::Plain(PLAIN[choices.below(PLAIN.len())]);
        choices.change_type(module, |of| matches!(of, Type::Plain(_)), |of| *of = new.clone())
    }),
    other("field wrapped in Option", |module, choices| {
        choices.change_type(
            module,
            |_| true,
            |of| {
                *of = Type::Of(Container::Option, Box::new(of.clone()));
            },
        )
    }),
    other("length of an array", |module, choices| {
        choices.change_type(
            module,
            |of| matches!(of, Type::Array(..)),
            |of| {
                if let Type::Array(_, len) = of {
                    *len += 1;
                }
            },
        )
    }),
    other("type argument", |module, choices| {
        let new = PLAIN[choices.below(PLAIN.len())];
        let is_it = |of: &Type| matches!(of, Type::Item(_, Some(_)));
        choices.change_type(module, is_it, |of| {
            if let Type::Item(_, Some(argument)) = of {
                **argument = same_size(argument).unwrap_or(Type::Plain(new));
            }
        })
    }),
    other("field renamed", |module, choices| {
        let fields = choices.fields(module, 1)?;
        let index = choices.below(fields.list.len());
        fields.list[index].name += "x";
        (!fields.tuple).then_some(())
    }),
    other("field inserted", |module, choices| {
        let of = Type::Plain(PLAIN[choices.below(PLAIN.len())]);
        insert_field(choices.fields(module, 0)?, of, choices);
        Some(())
    }),
    other("field without size inserted", |module, choices| {
        insert_field(choices.fields(module, 0)?, Type::Plain("()"), choices);
        Some(())
    }),
    other("field removed", |module, choices| {
        let fields = &mut choices.fields(module, 1)?.list;
        fields.remove(choices.below(fields.len()));
        Some(())
    }),
    other("names of fields made places, or places names", |module, choices| {
        let fields = choices.fields(module, 1)?;
        fields.tuple = !fields.tuple;
        Some(())
    }),
    other("repr", |module, choices| {
        let item = choices.below(module.items.len());
        let item = &mut module.items[item];
        let of = match item.kind {
            Kind::Struct(_) => ["C", "align(16)", "align(2)"],
            Kind::Enum(_) => ["C", "u8", "i16"],
            Kind::Union(_) | Kind::Trait { .. } => return None,
        };
        let new = of[choices.below(of.len())];
        item.repr = (item.repr != Some(new)).then_some(new);
        Some(())
    }),
    other("struct made an enum", |module, choices| {
        let item = choices.below(module.items.len());
        let kind = &mut module.items[item].kind;
        let Kind::Struct(fields) = kind else { return None };
        let (name, fields) = ("V".to_owned(), std::mem::take(fields));
        *kind = Kind::Enum(vec![Variant { id: 1000, name, discriminant: None, fields }]);
        Some(())
    }),
    other("type renamed", |module, choices| {
        let item = 1 + choices.below(module.items.len().checked_sub(1)?.max(1));
        module.items.get_mut(item)?.name += "x";
        Some(())
    }),
    other("variant inserted", |module, choices| {
        let variants = choices.variants(module)?;
        let mut variant = variants[choices.below(variants.len())].clone();
        (variant.id, variant.name) = (1000, "New".to_owned());
        variant.discriminant = variant.discriminant.map(|_| 99);
        variants.insert(choices.below(variants.len() + 1), variant);
        Some(())
    }),
    other("variant removed", |module, choices| {
        let variants = choices.variants(module)?;
        variants.remove(choices.below(variants.len()));
        Some(())
    }),
    other("variants in another order", |module, choices| {
        let variants = choices.variants(module)?;
        let (a, b) = choices.two(variants.len());
        variants.swap(a, b);
        Some(())
    }),
    other("variant renamed", |module, choices| {
        let variants = choices.variants(module)?;
        let index = choices.below(variants.len());
        variants[index].name += "x";
        Some(())
    }),
    other("discriminant", |module, choices| {
        let variants = choices.variants(module)?;
        if variants.iter().any(|variant| !variant.fields.list.is_empty()) {
            return None;
        }
        let index = choices.below(variants.len());
        variants[index].discriminant = Some(77);
        Some(())
    }),
    other("method inserted", |module, choices| {
        let methods = choices.methods(module)?;
        let mut method = methods[choices.below(methods.len())].clone();
        method.name = "new".to_owned();
        methods.insert(choices.below(methods.len() + 1), method);
        Some(())
    }),
    other("method removed", |module, choices| {
        let methods = choices.methods(module)?;
        methods.remove(choices.below(methods.len()));
        Some(())
    }),
    other("methods in another order", |module, choices| {
        let methods = choices.methods(module)?;
        let (a, b) = choices.two(methods.len());
        methods.swap(a, b);
        Some(())
    }),
    other("method renamed", |module, choices| {
        choices.method(module)?.name += "x";
        Some(())
    }),
    other("method takes another type", |module, choices| {
        choices.method(module)?.takes = OF_A_METHOD[choices.below(OF_A_METHOD.len())];
        Some(())
    }),
    other("method gives another type", |module, choices| {
        choices.method(module)?.gives = OF_A_METHOD[choices.below(OF_A_METHOD.len())];
        Some(())
    }),
    other("method made for Self: Sized", |module, choices| {
        choices.method(module)?.sized = true;
        Some(())
    }),
    other("supertrait", |module, choices| {
        let traits = module.items.iter_mut().filter_map(|item| match &mut item.kind {
            Kind::Trait { based, .. } => Some(based),
            _ => None,
        });
        let mut traits: Vec<_> = traits.collect();
        let index = choices.below(traits.len().max(1));
        let based = traits.get_mut(index)?;
        **based = !**based;
        Some(())
    }),
];

/// The edit of which nothing but the text of a body is new.
pub const BODY: &str = "body alone";

impl Edit {
    /// The module after this edit; `None` where it has nothing to be edited so.
    pub fn of(&self, module: &Module, numbers: &[usize]) -> Option<Module> {
        let mut new = module.clone();
        (self.apply)(&mut new, &mut Choices(numbers.to_vec()))?;
        let changed = new != *module || self.name == BODY;
        if !self.harmless {
            new.items.iter_mut().for_each(renumber);
        }
        (changed && is_valid(&new)).then_some(new)
    }
}

/// Gives methods another body, so that one that still runs old code shows.
fn renumber(item: &mut Item) {
    if let Kind::Trait { methods, .. } = &mut item.kind {
        methods.iter_mut().for_each(|method| method.number += 100);
    }
}

fn insert_field(fields: &mut Fields, of: Type, choices: &mut Choices) {
    let index = choices.below(fields.list.len() + 1);
    fields.list.insert(index, Field { id: 1000, name: "new".to_owned(), of });
}

/// For the last item that can have it.
fn derive(module: &mut Module, _: &mut Choices) -> Option<()> {
    let can = |item: &Item| {
        let mut types = item.lists().into_iter().flat_map(|fields| &fields.list);
        let fit = matches!(item.kind, Kind::Struct(_) | Kind::Enum(_)) && !item.is_fieldless();
        fit && types.all(|field| is_clone(&module.items, &field.of))
    };
    let index = module.items.iter().rposition(can)?;
    module.items[index].derives_clone = true;
    Some(())
}
