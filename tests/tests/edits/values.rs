//! Values of generated types, and what a definition must read where another wrote.

use crate::choices::discriminant;
use crate::model::*;

/// A value, with the types that it was made of.
#[derive(Clone, Debug)]
pub enum Value {
    Plain {
        of: &'static str,
        code: String,
        shown: String,
    },
    Option(Option<Box<Value>>),
    In(Container, Box<Value>),
    Vec(Vec<Value>),
    Array(Vec<Value>),
    Pair(Box<(Value, Value)>),
    /// A struct, or what implements a trait.
    Struct(usize, Vec<Part>),
    Variant(usize, u32, String, Vec<Part>),
    Union(usize, Vec<u8>),
}

/// The value of a field.
#[derive(Clone, Debug)]
pub struct Part {
    pub id: u32,
    pub key: String,
    pub value: Value,
}

/// Numbers that look like any, the same for the same seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Values of the module's first item: two of a struct, one of each variant of an enum.
pub fn make_all(module: &Module, seed: u64) -> Vec<Value> {
    let mut numbers = Numbers(seed);
    let count = match &module.items[0].kind {
        Kind::Enum(variants) => variants.len(),
        _ => 2,
    };
    (0..count).map(|number| make_item(&module.items, 0, None, Some(number), &mut numbers)).collect()
}

/// What the module shows of these values; `None` where the definitions cannot read one of them.
pub fn texts(module: &Module, values: &[Value]) -> Option<String> {
    let root = Type::Item(0, None);
    let texts: Option<Vec<String>> =
        values.iter().map(|value| read(&module.items, &root, value)).collect();
    Some(texts?.join(" "))
}

fn make(items: &[Item], of: &Type, numbers: &mut Numbers) -> Value {
    match of {
        Type::Plain(of) => make_plain(of, numbers.next()),
        Type::Of(Container::Option, of) => {
            let some = !numbers.next().is_multiple_of(4);
            Value::Option(some.then(|| Box::new(make(items, of, numbers))))
        }
        Type::Of(Container::Vec, of) => {
            let count = numbers.next() % 3;
            Value::Vec((0..count).map(|_| make(items, of, numbers)).collect())
        }
        Type::Of(container, of) => Value::In(*container, Box::new(make(items, of, numbers))),
        Type::Array(of, len) => Value::Array((0..*len).map(|_| make(items, of, numbers)).collect()),
        Type::Pair(of) => {
            let first = make(items, &of.0, numbers);
            Value::Pair(Box::new((first, make(items, &of.1, numbers))))
        }
        Type::Param => unreachable!("a value's type has its arguments"),
        Type::Item(item, argument) => make_item(items, *item, argument.as_deref(), None, numbers),
    }
}

fn make_item(
    items: &[Item],
    item: usize,
    argument: Option<&Type>,
    variant: Option<usize>,
    numbers: &mut Numbers,
) -> Value {
    match &items[item].kind {
        Kind::Struct(fields) | Kind::Trait { fields, .. } => {
            Value::Struct(item, make_fields(items, fields, argument, numbers))
        }
        Kind::Enum(variants) => {
            let number = variant.unwrap_or_else(|| numbers.next() as usize % variants.len());
            let Variant { id, name, fields, .. } = &variants[number];
            let parts = make_fields(items, fields, argument, numbers);
            Value::Variant(item, *id, name.clone(), parts)
        }
        Kind::Union(_) => {
            let size = union_size(&items[item]);
            Value::Union(item, (numbers.next() >> 2).to_le_bytes()[..size].to_vec())
        }
    }
}

fn make_fields(
    items: &[Item],
    fields: &Fields,
    argument: Option<&Type>,
    numbers: &mut Numbers,
) -> Vec<Part> {
    let parts = fields.list.iter().enumerate().map(|(index, field)| Part {
        id: field.id,
        key: fields.key(index),
        value: make(items, &field.of.with(argument), numbers),
    });
    parts.collect()
}

fn make_plain(of: &'static str, number: u64) -> Value {
    let small = number % 100 + 1;
    let sign = if number & 128 == 0 { "" } else { "-" };
    let (code, shown) = match of {
        "f32" => {
            let value = small as f32 + 0.25;
            (format!("{value}_f32"), format!("f{:x}", value.to_bits()))
        }
        "f64" => {
            let value = number as f64 + 0.5;
            (format!("f64::from_bits({})", value.to_bits()), format!("f{:x}", value.to_bits()))
        }
        "bool" => both((number & 128 == 0).to_string()),
        "char" => (format!("'\\u{{{small:x}}}'"), format!("c{small:x}")),
        "std::num::NonZeroU32" => {
            (format!("std::num::NonZeroU32::new({small}).unwrap()"), small.to_string())
        }
        "String" => (format!("\"s{small}\".to_owned()"), format!("s{small}")),
        "&'static str" => (format!("\"t{small}\""), format!("t{small}")),
        "Box<str>" => (format!("\"b{small}\".into()"), format!("b{small}")),
        "()" => both("()".to_owned()),
        "u64" | "usize" => both(number.to_string()),
        "u128" => both((u128::from(number) * 7_000_000_007).to_string()),
        "u16" | "u32" => both((number % 60_000 + 1).to_string()),
        "i16" | "i32" | "i64" => both(format!("{sign}{}", number % 30_000 + 1)),
        "i8" => both(format!("{sign}{small}")),
        _ => both(small.to_string()),
    };
    Value::Plain { of, code, shown }
}

fn both(text: String) -> (String, String) {
    (text.clone(), text)
}

/// Size of the largest field of a union.
pub fn union_size(item: &Item) -> usize {
    item.lists()[0].list.iter().map(|field| union_field_size(&field.of)).max().unwrap_or_default()
}

pub fn union_field_size(of: &Type) -> usize {
    match of {
        Type::Plain("u64" | "i64" | "f64") => 8,
        Type::Plain("u32" | "i32" | "f32") => 4,
        Type::Plain("u16" | "i16") => 2,
        _ => 1,
    }
}

/// The text that code with these definitions must make of a value that other code made: each field
/// is the old one of its name, or that which was renamed to it. `None` where there is no such
/// field, or one of another type: then only a refusal is right.
fn read(items: &[Item], of: &Type, value: &Value) -> Option<String> {
    let list = |of: &Type, values: &[Value]| -> Option<String> {
        let texts = values.iter().map(|value| Some(read(items, of, value)? + ","));
        Some(format!("[{}]", texts.collect::<Option<String>>()?))
    };
    match (of, value) {
        (Type::Plain("()"), _) => Some("()".to_owned()),
        (Type::Plain(now), Value::Plain { of, shown, .. }) => (now == of).then(|| shown.clone()),
        (Type::Of(Container::Option, of), Value::Option(value)) => match value {
            Some(value) => Some(format!("Some({})", read(items, of, value)?)),
            None => Some("None".to_owned()),
        },
        (Type::Of(Container::Vec, of), Value::Vec(values)) => list(of, values),
        (Type::Array(of, len), Value::Array(values)) if values.len() == *len => list(of, values),
        (Type::Of(now, of), Value::In(container, value)) if now == container => {
            read(items, of, value)
        }
        (Type::Pair(of), Value::Pair(value)) => {
            let (first, second) = (read(items, &of.0, &value.0)?, read(items, &of.1, &value.1)?);
            Some(format!("({first},{second})"))
        }
        (Type::Item(item, argument), _) => read_item(items, *item, argument.as_deref(), value),
        _ => None,
    }
}

fn read_item(
    items: &[Item],
    item: usize,
    argument: Option<&Type>,
    value: &Value,
) -> Option<String> {
    let definition = &items[item];
    let name = &definition.name;
    match (&definition.kind, value) {
        (Kind::Struct(fields), Value::Struct(of, parts)) if *of == item => {
            Some(format!("{name}{{{}}}", read_fields(items, fields, argument, parts)?))
        }
        (Kind::Trait { methods, based, fields }, Value::Struct(of, parts)) if *of == item => {
            let fields = read_fields(items, fields, argument, parts)?;
            let mut text = format!("{name}[");
            if *based {
                text += "base,";
            }
            for method in methods.iter().filter(|method| !method.sized) {
                let number = method_number(method);
                text += &format!("{}={number},", method.name);
            }
            Some(text + &fields + "]")
        }
        (Kind::Enum(variants), Value::Variant(of, id, old, parts)) if *of == item => {
            let by_name = variants.iter().position(|variant| variant.name == *old);
            let index =
                by_name.or_else(|| variants.iter().position(|variant| variant.id == *id))?;
            let variant = &variants[index];
            let fields = read_fields(items, &variant.fields, argument, parts)?;
            if definition.is_fieldless() {
                return Some(format!("{}={}", variant.name, discriminant(variants, index)));
            }
            Some(format!("{}{{{fields}}}", variant.name))
        }
        (Kind::Union(fields), Value::Union(of, bytes)) if *of == item => {
            let fields = fields.list.iter().map(|field| {
                let bytes = bytes.get(..union_field_size(&field.of))?;
                Some(format!("{}={},", field.name, read_bytes(&field.of, bytes)))
            });
            Some(format!("{name}({})", fields.collect::<Option<String>>()?))
        }
        _ => None,
    }
}

fn read_fields(
    items: &[Item],
    fields: &Fields,
    argument: Option<&Type>,
    parts: &[Part],
) -> Option<String> {
    let texts = fields.list.iter().enumerate().map(|(index, field)| {
        let key = fields.key(index);
        if field.of == Type::Plain("()") {
            return Some(format!("{key}=(),"));
        }
        let part = parts.iter().find(|part| part.key == key);
        let part = part.or_else(|| parts.iter().find(|part| part.id == field.id))?;
        Some(format!("{key}={},", read(items, &field.of.with(argument), &part.value)?))
    });
    texts.collect()
}

/// What a method's result is shown as.
fn method_number(method: &Method) -> String {
    match method.gives {
        "f64" => format!("f{:x}", f64::from(method.number).to_bits()),
        _ => method.number.to_string(),
    }
}

fn read_bytes(of: &Type, bytes: &[u8]) -> String {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    let number = u64::from_le_bytes(all);
    match of {
        Type::Plain("f32" | "f64") => format!("f{number:x}"),
        Type::Plain("i64") => number.cast_signed().to_string(),
        Type::Plain("i32") => (number as u32).cast_signed().to_string(),
        Type::Plain("i16") => (number as u16).cast_signed().to_string(),
        Type::Plain("i8") => (number as u8).cast_signed().to_string(),
        _ => number.to_string(),
    }
}
