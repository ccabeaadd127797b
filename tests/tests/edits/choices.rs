//! What an edit picks from a module, and whether the result is Rust.

use std::collections::BTreeSet;

use crate::model::*;

/// Numbers, used up one after the other.
pub struct Choices(pub Vec<usize>);

impl Choices {
    /// One of `count` numbers from 0.
    pub fn below(&mut self, count: usize) -> usize {
        self.0.pop().unwrap_or_default() % count.max(1)
    }

    /// Two different ones, where there are two.
    pub fn two(&mut self, count: usize) -> (usize, usize) {
        let first = self.below(count);
        (first, (first + 1 + self.below(count.saturating_sub(1))) % count)
    }

    fn one<T>(&mut self, mut all: Vec<T>) -> Option<T> {
        (!all.is_empty()).then(|| all.swap_remove(self.below(all.len())))
    }

    /// A list of at least so many fields.
    pub fn fields<'a>(&mut self, module: &'a mut Module, least: usize) -> Option<&'a mut Fields> {
        let lists = module.items.iter_mut().flat_map(Item::lists_mut);
        self.one(lists.filter(|fields| fields.list.len() >= least).collect())
    }

    /// The variants of an enum.
    pub fn variants<'a>(&mut self, module: &'a mut Module) -> Option<&'a mut Vec<Variant>> {
        let enums = module.items.iter_mut().filter_map(|item| match &mut item.kind {
            Kind::Enum(variants) => Some(variants),
            _ => None,
        });
        self.one(enums.collect())
    }

    /// The methods of a trait that has any.
    pub fn methods<'a>(&mut self, module: &'a mut Module) -> Option<&'a mut Vec<Method>> {
        let traits = module.items.iter_mut().filter_map(|item| match &mut item.kind {
            Kind::Trait { methods, .. } if !methods.is_empty() => Some(methods),
            _ => None,
        });
        self.one(traits.collect())
    }

    /// A method of a trait.
    pub fn method<'a>(&mut self, module: &'a mut Module) -> Option<&'a mut Method> {
        let methods = self.methods(module)?;
        let index = self.below(methods.len());
        Some(&mut methods[index])
    }

    /// Changes one of the types that are wanted, also inside others.
    pub fn change_type(
        &mut self,
        module: &mut Module,
        wanted: fn(&Type) -> bool,
        change: impl Fn(&mut Type),
    ) -> Option<()> {
        let mut count = 0;
        each_type(module, &mut |of| count += usize::from(wanted(of)));
        let mut left = self.below(count);
        each_type(module, &mut |of| {
            if wanted(of) {
                if left == 0 {
                    change(of);
                }
                left = left.wrapping_sub(1);
            }
        });
        (count > 0).then_some(())
    }
}

/// Visits inner types first, so that a changed one is not visited again.
fn each_type(module: &mut Module, visit: &mut dyn FnMut(&mut Type)) {
    for fields in module.items.iter_mut().flat_map(Item::lists_mut) {
        fields.list.iter_mut().for_each(|field| each_inside(&mut field.of, visit));
    }
}

fn each_inside(of: &mut Type, visit: &mut dyn FnMut(&mut Type)) {
    match of {
        Type::Plain(_) | Type::Param | Type::Item(_, None) => {}
        Type::Of(_, inner) | Type::Array(inner, _) | Type::Item(_, Some(inner)) => {
            each_inside(inner, visit);
        }
        Type::Pair(pair) => {
            each_inside(&mut pair.0, visit);
            each_inside(&mut pair.1, visit);
        }
    }
    visit(of);
}

/// Another type of the same size and mostly of the same alignment.
pub fn same_size(of: &Type) -> Option<Type> {
    let plain = |of| Some(Type::Plain(of));
    match of {
        Type::Plain(name) => match *name {
            "u8" => plain("i8"),
            "i8" => plain("bool"),
            "bool" => plain("u8"),
            "u16" => plain("i16"),
            "i16" => plain("u16"),
            "u32" => plain("f32"),
            "f32" => plain("i32"),
            "i32" => plain("u32"),
            "char" => plain("std::num::NonZeroU32"),
            "std::num::NonZeroU32" => plain("u32"),
            "u64" => plain("f64"),
            "f64" => plain("i64"),
            "i64" => plain("usize"),
            "usize" => plain("u64"),
            "&'static str" => plain("Box<str>"),
            "Box<str>" => plain("&'static str"),
            "String" => Some(Type::Of(Container::Vec, Box::new(Type::Plain("u8")))),
            _ => None,
        },
        Type::Of(container, inner) => {
            let other = match container {
                Container::Vec => return plain("String"),
                Container::Box => Container::Rc,
                Container::Rc => Container::Ref,
                Container::Ref => Container::Box,
                Container::Option => return None,
            };
            Some(Type::Of(other, inner.clone()))
        }
        Type::Pair(pair) => Some(Type::Pair(Box::new((pair.1.clone(), pair.0.clone())))),
        Type::Array(..) | Type::Param | Type::Item(..) => None,
    }
}

/// Whether a derived `Clone` of a type compiles.
pub fn is_clone(items: &[Item], of: &Type) -> bool {
    !of.any(&mut |of| match of {
        Type::Item(item, _) => {
            let item = &items[*item];
            !(item.derives_clone || item.is_fieldless() || matches!(item.kind, Kind::Union(_)))
        }
        _ => false,
    })
}

/// Whether the module compiles.
pub fn is_valid(module: &Module) -> bool {
    module.items.iter().all(is_valid_item)
}

fn is_valid_item(item: &Item) -> bool {
    let mut types = item.lists().into_iter().flat_map(|fields| &fields.list);
    let uses_parameter = types.any(|field| field.of.any(&mut |of| *of == Type::Param));
    let named = item
        .lists()
        .into_iter()
        .all(|fields| fields.tuple || differ(fields.list.iter().map(|field| field.name.as_str())));
    named
        && (uses_parameter || !item.generic)
        && match &item.kind {
            Kind::Struct(_) => true,
            Kind::Enum(variants) => {
                let explicit = variants.iter().any(|variant| variant.discriminant.is_some());
                let numbers = (0..variants.len()).map(|index| discriminant(variants, index));
                !variants.is_empty()
                    && (item.is_fieldless() || !explicit)
                    && differ(variants.iter().map(|variant| variant.name.as_str()))
                    && differ(numbers)
            }
            Kind::Union(fields) => {
                let of_a_union = |of: &Type| {
                    matches!(
                        of,
                        Type::Plain(
                            "u8" | "i8"
                                | "u16"
                                | "i16"
                                | "u32"
                                | "i32"
                                | "f32"
                                | "u64"
                                | "i64"
                                | "f64",
                        )
                    )
                };
                let mut types = fields.list.iter().map(|field| &field.of);
                !fields.tuple && !fields.list.is_empty() && types.all(of_a_union)
            }
            Kind::Trait { methods, .. } => {
                differ(methods.iter().map(|method| method.name.as_str()))
            }
        }
}

fn differ<T: Ord>(all: impl Iterator<Item = T> + Clone) -> bool {
    all.clone().collect::<BTreeSet<_>>().len() == all.count()
}

/// As rustc counts them: one more than the variant before.
pub fn discriminant(variants: &[Variant], index: usize) -> i64 {
    let mut next = 0;
    for variant in &variants[..=index] {
        next = variant.discriminant.unwrap_or(next) + 1;
    }
    next - 1
}
