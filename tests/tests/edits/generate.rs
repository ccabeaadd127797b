//! Random modules, as proptest's strategies make them, put right where they would not compile.

use proptest::{collection::vec, prelude::*, sample::select};

use crate::model::*;
use crate::values;

pub const PLAIN: &[&str] = &[
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "f32",
    "f64",
    "bool",
    "char",
    "std::num::NonZeroU32",
    "String",
    "&'static str",
    "Box<str>",
    "()",
];

/// Lists of plain types of one size, which values of a union can be.
pub const OF_A_UNION: &[&[&str]] = &[&["u32", "f32", "i32"], &["u64", "f64", "i64"]];

/// Types that a method takes or gives.
pub const OF_A_METHOD: &[&str] = &["u8", "u32", "i32", "u64", "f64"];

/// Longest text of a module's values.
const LONGEST: usize = 400;

pub fn plain() -> impl Strategy<Value = &'static str> {
    select(PLAIN)
}

/// A module, and numbers by which an edit of it chooses.
pub fn module() -> impl Strategy<Value = (Module, Vec<usize>)> {
    let root = prop_oneof![4 => structure(), 4 => enumeration(), 1 => union_()];
    let inner =
        vec(prop_oneof![3 => structure(), 2 => enumeration(), 1 => union_(), 3 => trait_()], 0..3);
    let holder = select(vec![
        Holder::Local,
        Holder::Options,
        Holder::Vec,
        Holder::Boxes,
        Holder::Any,
        Holder::Static,
        Holder::ThreadLocal,
    ]);
    let module = (root, inner, holder).prop_map(|(root, inner, holder)| {
        let mut items = vec![root];
        items.extend(inner);
        settle(&mut items);
        Module { items, holder, extra: String::new() }
    });
    let short = module.prop_filter("its values are too long a text", |module| {
        values::texts(module, &values::make_all(module, 0)).is_some_and(|text| text.len() < LONGEST)
    });
    (short, vec(0..10_000_usize, 24))
}

fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        6 => plain().prop_map(Type::Plain),
        3 => (0..100_usize).prop_map(|item| Type::Item(item, None)),
        1 => Just(Type::Param),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        let container = select(vec![
            Container::Option,
            Container::Option,
            Container::Box,
            Container::Vec,
            Container::Rc,
            Container::Ref,
        ]);
        prop_oneof![
            4 => (container, inner.clone()).prop_map(|(of, inner)| Type::Of(of, Box::new(inner))),
            1 => (inner.clone(), 1..3_usize).prop_map(|(of, len)| Type::Array(Box::new(of), len)),
            1 => (inner.clone(), inner).prop_map(|pair| Type::Pair(Box::new(pair))),
        ]
    })
}

fn fields(len: std::ops::Range<usize>) -> impl Strategy<Value = Fields> {
    (vec(any_type(), len), proptest::bool::weighted(0.3)).prop_map(|(types, tuple)| {
        let list = types.into_iter().map(|of| Field { id: 0, name: String::new(), of }).collect();
        Fields { tuple, list }
    })
}

fn item(kind: Kind, repr: Option<&'static str>, generic: bool) -> Item {
    Item { name: String::new(), kind, repr, generic, derives_clone: false }
}

fn structure() -> impl Strategy<Value = Item> {
    let repr = select(vec![None, None, Some("C"), Some("align(16)")]);
    (fields(1..5), repr, any::<bool>())
        .prop_map(|(fields, repr, generic)| item(Kind::Struct(fields), repr, generic))
}

fn enumeration() -> impl Strategy<Value = Item> {
    let variant = |len| {
        fields(len).prop_map(|fields| Variant {
            id: 0,
            name: String::new(),
            discriminant: None,
            fields,
        })
    };
    let variants = prop_oneof![3 => vec(variant(0..3), 1..5), 1 => vec(variant(0..1), 2..5)];
    let repr = select(vec![None, None, None, Some("u8"), Some("i16"), Some("C")]);
    let discriminants = proptest::option::of(1..20_i64);
    (variants, repr, discriminants, any::<bool>()).prop_map(|(variants, repr, step, generic)| {
        let mut item = item(Kind::Enum(variants), repr, generic);
        let fieldless = item.is_fieldless();
        if let (Kind::Enum(variants), Some(step), true) = (&mut item.kind, step, fieldless) {
            for (index, variant) in variants.iter_mut().enumerate() {
                variant.discriminant = Some((index as i64 + 1) * step);
            }
        }
        item
    })
}

fn union_() -> impl Strategy<Value = Item> {
    select(OF_A_UNION).prop_flat_map(|of| {
        vec(select(of), 1..4).prop_map(|types| {
            let types = types.into_iter().map(Type::Plain);
            let list = types.map(|of| Field { id: 0, name: String::new(), of }).collect();
            item(Kind::Union(Fields { tuple: false, list }), Some("C"), false)
        })
    })
}

fn trait_() -> impl Strategy<Value = Item> {
    let name = String::new;
    let method = (select(OF_A_METHOD), select(OF_A_METHOD), 1..99_u32, any::<bool>()).prop_map(
        move |(takes, gives, number, provided)| Method {
            name: name(),
            takes,
            gives,
            number,
            provided,
            sized: false,
        },
    );
    (vec(method, 1..5), fields(0..3), any::<bool>()).prop_map(|(methods, fields, based)| {
        item(Kind::Trait { methods, based, fields }, None, false)
    })
}

/// Names everything, leads each use of an item to a later one, and uses all of them.
fn settle(items: &mut [Item]) {
    if items.len() > 1 && matches!(items[0].kind, Kind::Union(_)) {
        items[0].kind =
            Kind::Struct(Fields { tuple: false, list: items[0].lists()[0].list.clone() });
    }
    let count = items.len();
    for (index, item) in items.iter_mut().enumerate() {
        item.generic &= index > 0 && matches!(item.kind, Kind::Struct(_) | Kind::Enum(_));
    }
    let generics: Vec<bool> = items.iter().map(|item| item.generic).collect();
    for (index, item) in items.iter_mut().enumerate() {
        for field in item.lists_mut().into_iter().flat_map(|fields| &mut fields.list) {
            settle_type(&mut field.of, index, &generics);
        }
        let uses_parameter = |of: &Type| of.any(&mut |of| *of == Type::Param);
        let mut types = item.lists().into_iter().flat_map(|fields| &fields.list);
        if item.generic && !types.any(|field| uses_parameter(&field.of)) {
            add(item, Type::Param);
        }
    }
    for used in 1..count {
        let uses = |item: &Item| {
            let mut types = item.lists().into_iter().flat_map(|fields| &fields.list);
            types.any(|field| {
                field.of.any(&mut |of| matches!(of, Type::Item(item, _) if *item == used))
            })
        };
        if !items[..used].iter().any(uses) {
            let mut of = Type::Item(used - 1, None);
            settle_type(&mut of, 0, &generics);
            add(&mut items[0], of);
        }
    }
    name_all(items);
}

fn settle_type(of: &mut Type, index: usize, generics: &[bool]) {
    match of {
        Type::Plain(_) => {}
        Type::Of(_, of) | Type::Array(of, _) => settle_type(of, index, generics),
        Type::Pair(pair) => {
            settle_type(&mut pair.0, index, generics);
            settle_type(&mut pair.1, index, generics);
        }
        Type::Param if generics[index] => {}
        Type::Param => *of = Type::Plain("i32"),
        Type::Item(raw, argument) => {
            let later = generics.len() - index - 1;
            if later == 0 {
                *of = Type::Plain("u32");
                return;
            }
            let item = index + 1 + *raw % later;
            *argument = generics[item].then(|| {
                let other = index + 1 + (*raw + 1) % later;
                Box::new(if generics[other] { Type::Plain("u16") } else { Type::Item(other, None) })
            });
            *raw = item;
        }
    }
}

/// Adds a field to a struct, or a variant with one to an enum.
fn add(item: &mut Item, of: Type) {
    let field = Field { id: 0, name: String::new(), of };
    match &mut item.kind {
        Kind::Enum(variants) => {
            variants.iter_mut().for_each(|variant| variant.discriminant = None);
            variants.push(Variant {
                id: 0,
                name: String::new(),
                discriminant: None,
                fields: Fields { tuple: true, list: vec![field] },
            });
        }
        _ => item.lists_mut()[0].list.push(field),
    }
}

fn name_all(items: &mut [Item]) {
    let mut id = 0;
    let mut next = || {
        id += 1;
        id
    };
    for (index, item) in items.iter_mut().enumerate() {
        item.name = match item.kind {
            _ if index == 0 => "Root".to_owned(),
            Kind::Struct(_) => format!("Struct{index}"),
            Kind::Enum(_) => format!("Enum{index}"),
            Kind::Union(_) => format!("Union{index}"),
            Kind::Trait { .. } => format!("Trait{index}"),
        };
        for fields in item.lists_mut() {
            for (index, field) in fields.list.iter_mut().enumerate() {
                (field.id, field.name) = (next(), format!("f{index}"));
            }
        }
        match &mut item.kind {
            Kind::Enum(variants) => {
                for (index, variant) in variants.iter_mut().enumerate() {
                    (variant.id, variant.name) = (next(), format!("V{index}"));
                }
            }
            Kind::Trait { methods, .. } => {
                for (index, method) in methods.iter_mut().enumerate() {
                    method.name = format!("m{index}");
                }
            }
            Kind::Struct(_) | Kind::Union(_) => {}
        }
    }
}
