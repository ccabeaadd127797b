//! A generated module as Rust source.

use crate::holders::{holding, show};
use crate::model::*;
use crate::values::{Part, Value, union_field_size};

/// What stays when a module is edited.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub number: usize,
    /// How many values are held.
    pub held: usize,
    /// How many of its items are known from the start: their sizes are shown.
    pub items: usize,
}

/// The whole file: definitions, how each is shown, the values, and the functions that main calls.
pub fn write(module: &Module, place: &Place, mark: &str, values: &[Value]) -> String {
    let items = &module.items;
    let mut text = "#![allow(warnings)]\nuse std::rc::Rc;\nuse show::Show;\n".to_owned();
    for item in items {
        text += &definition(items, item);
    }
    for item in items {
        text += &shown(item);
    }
    let root = Type::Item(0, None);
    let values: Vec<String> = values.iter().map(|value| code(items, &root, value)).collect();
    text += &format!(
        "\nfn make() -> Vec<Root> {{\n    vec![\n        {},\n    ]\n}}\n",
        values.join(",\n        ")
    );
    text + &holding(module.holder, place.held)
        + &show(module, place.number, mark, place.items)
        + &module.extra
}

/// The definitions alone, as a failure shows them.
pub fn definitions(module: &Module) -> String {
    let items = module.items.iter().map(|item| definition(&module.items, item));
    format!("{}// held as {:?}\n{}", items.collect::<String>(), module.holder, module.extra)
}

fn definition(items: &[Item], item: &Item) -> String {
    let mut text = "\n".to_owned();
    if item.derives_clone {
        text += "#[derive(Clone)]\n";
    } else if matches!(item.kind, Kind::Union(_)) || item.is_fieldless() {
        text += "#[derive(Clone, Copy)]\n";
    }
    if let Some(repr) = item.repr {
        text += &format!("#[repr({repr})]\n");
    }
    let name = &item.name;
    let generic = if item.generic { "<T: 'static>" } else { "" };
    match &item.kind {
        Kind::Struct(fields) => {
            let end = if fields.tuple { ";" } else { "" };
            text + &format!(
                "pub struct {name}{generic}{}{end}\n",
                fields_text(items, fields, "pub ")
            )
        }
        Kind::Union(fields) => {
            text + &format!("pub union {name}{}\n", fields_text(items, fields, "pub "))
        }
        Kind::Enum(variants) => {
            text += &format!("pub enum {name}{generic} {{\n");
            for Variant { name, discriminant, fields, .. } in variants {
                let fields = if fields.list.is_empty() {
                    String::new()
                } else {
                    fields_text(items, fields, "")
                };
                let is = discriminant.map(|is| format!(" = {is}")).unwrap_or_default();
                text += &format!("    {name}{fields}{is},\n");
            }
            text + "}\n"
        }
        Kind::Trait { methods, based, fields } => {
            text + &trait_text(name, methods, *based)
                + &format!(
                    "\npub struct {name}Is{}{}\n",
                    fields_text(items, fields, "pub "),
                    if fields.tuple { ";" } else { "" }
                )
                + &implementation(name, methods, *based, fields)
        }
    }
}

fn fields_text(items: &[Item], fields: &Fields, public: &str) -> String {
    let texts = fields.list.iter().map(|field| {
        let of = type_text(items, &field.of);
        if fields.tuple {
            format!("{public}{of}, ")
        } else {
            format!("{public}{}: {of}, ", field.name)
        }
    });
    let texts: String = texts.collect();
    if fields.tuple { format!("({texts})") } else { format!(" {{ {texts}}}") }
}

fn type_text(items: &[Item], of: &Type) -> String {
    match of {
        Type::Plain(name) => (*name).to_owned(),
        Type::Of(container, of) => {
            let of = type_text(items, of);
            match container {
                Container::Option => format!("Option<{of}>"),
                Container::Box => format!("Box<{of}>"),
                Container::Vec => format!("Vec<{of}>"),
                Container::Rc => format!("Rc<{of}>"),
                Container::Ref => format!("&'static {of}"),
            }
        }
        Type::Array(of, len) => format!("[{}; {len}]", type_text(items, of)),
        Type::Pair(of) => format!("({}, {})", type_text(items, &of.0), type_text(items, &of.1)),
        Type::Param => "T".to_owned(),
        Type::Item(item, argument) => {
            let name = &items[*item].name;
            match argument {
                Some(of) => format!("{name}<{}>", type_text(items, of)),
                None if matches!(items[*item].kind, Kind::Trait { .. }) => {
                    format!("Box<dyn {name}>")
                }
                None => name.clone(),
            }
        }
    }
}

fn trait_text(name: &str, methods: &[Method], based: bool) -> String {
    let (base, of_base) = if based {
        (
            format!(
                "pub trait {name}Base {{\n    fn base(&self) -> &'static str {{\n        \"base,\"\n    }}\n}}\n\n"
            ),
            format!(": {name}Base"),
        )
    } else {
        Default::default()
    };
    let mut text = format!("{base}pub trait {name}{of_base} {{\n");
    for method in methods {
        let body = if method.provided { body(method) } else { ";".to_owned() };
        text += &format!("    {}{body}\n", head(method));
    }
    text + "    fn fields(&self) -> String;\n}\n"
}

fn implementation(name: &str, methods: &[Method], based: bool, fields: &Fields) -> String {
    let mut text =
        if based { format!("\nimpl {name}Base for {name}Is {{}}\n") } else { String::new() };
    text += &format!("\nimpl {name} for {name}Is {{\n");
    for method in methods.iter().filter(|method| !method.provided) {
        text += &format!("    {}{}\n", head(method), body(method));
    }
    let shown = fields_shown(fields);
    text + &format!("    fn fields(&self) -> String {{\n        String::new(){shown}\n    }}\n}}\n")
}

fn head(method: &Method) -> String {
    let sized = if method.sized { " where Self: Sized" } else { "" };
    format!("fn {}(&self, by: {}) -> {}{sized}", method.name, method.takes, method.gives)
}

fn body(method: &Method) -> String {
    let Method { takes, gives, number, .. } = method;
    format!(" {{ if by == 1_{takes} {{ {number}_{gives} }} else {{ 0_{gives} }} }}")
}

/// How values of an item become text.
fn shown(item: &Item) -> String {
    let name = &item.name;
    let body = match &item.kind {
        Kind::Struct(fields) => {
            format!("\"{name}{{\".to_owned(){} + \"}}\"", fields_shown(fields))
        }
        Kind::Union(fields) => {
            format!("unsafe {{ \"{name}(\".to_owned(){} + \")\" }}", fields_shown(fields))
        }
        Kind::Enum(variants) => {
            let fieldless = item.is_fieldless();
            let arms = variants.iter().map(|variant| arm(variant, fieldless));
            format!(
                "match self {{\n            {}\n        }}",
                arms.collect::<Vec<_>>().join("\n            ")
            )
        }
        Kind::Trait { methods, based, .. } => {
            let base = if *based { " + self.base()" } else { "" };
            let called = methods.iter().filter(|method| !method.sized).map(|method| {
                let Method { name, takes, .. } = method;
                format!(" + \"{name}=\" + &self.{name}(1_{takes}).show() + \",\"")
            });
            let called: String = called.collect();
            format!("\"{name}[\".to_owned(){base}{called} + &self.fields() + \"]\"")
        }
    };
    let (generic, argument) = if item.generic { ("<T: Show + 'static>", "<T>") } else { ("", "") };
    let of = if matches!(item.kind, Kind::Trait { .. }) { "dyn " } else { "" };
    format!(
        "\nimpl{generic} Show for {of}{name}{argument} {{\n    fn show(&self) -> String {{\n        {body}\n    }}\n}}\n"
    )
}

fn arm(variant: &Variant, fieldless: bool) -> String {
    let Variant { name, fields, .. } = variant;
    if fieldless {
        return format!("Self::{name} => format!(\"{name}={{}}\", *self as i64),");
    }
    let names: String =
        (0..fields.list.len()).map(|index| format!("{}: v{index}, ", fields.key(index))).collect();
    let shown = (0..fields.list.len())
        .map(|index| format!(" + \"{}=\" + &v{index}.show() + \",\"", fields.key(index)));
    let shown: String = shown.collect();
    format!("Self::{name} {{ {names}}} => \"{name}{{\".to_owned(){shown} + \"}}\",")
}

fn fields_shown(fields: &Fields) -> String {
    let keys = (0..fields.list.len()).map(|index| fields.key(index));
    keys.map(|key| format!(" + \"{key}=\" + &self.{key}.show() + \",\"")).collect()
}

/// An expression that makes the value.
fn code(items: &[Item], of: &Type, value: &Value) -> String {
    let all = |of: &Type, values: &[Value]| {
        values.iter().map(|value| code(items, of, value)).collect::<Vec<_>>().join(", ")
    };
    match (of, value) {
        (_, Value::Plain { code, .. }) => code.clone(),
        (_, Value::Option(None)) => "None".to_owned(),
        (Type::Of(_, of), Value::Option(Some(value))) => {
            format!("Some({})", code(items, of, value))
        }
        (Type::Of(container, of), Value::In(_, value)) => {
            let inner = code(items, of, value);
            match container {
                Container::Rc => format!("Rc::new({inner})"),
                Container::Ref => format!("&*Box::leak(Box::new({inner}))"),
                _ => format!("Box::new({inner})"),
            }
        }
        (Type::Of(_, of), Value::Vec(values)) => format!("vec![{}]", all(of, values)),
        (Type::Array(of, _), Value::Array(values)) => format!("[{}]", all(of, values)),
        (Type::Pair(of), Value::Pair(pair)) => {
            format!("({}, {})", code(items, &of.0, &pair.0), code(items, &of.1, &pair.1))
        }
        (Type::Item(item, argument), value) => item_code(items, *item, argument.as_deref(), value),
        _ => unreachable!("the value was made of this type"),
    }
}

fn item_code(items: &[Item], item: usize, argument: Option<&Type>, value: &Value) -> String {
    let Item { name, kind, .. } = &items[item];
    let of = |fields: &Fields, parts: &[Part]| -> String {
        let parts = fields.list.iter().zip(parts);
        let parts = parts.map(|(field, Part { key, value, .. })| {
            format!("{key}: {}, ", code(items, &field.of.with(argument), value))
        });
        parts.collect()
    };
    match (kind, value) {
        (Kind::Struct(fields), Value::Struct(_, parts)) => {
            format!("{name} {{ {}}}", of(fields, parts))
        }
        (Kind::Trait { fields, .. }, Value::Struct(_, parts)) => {
            format!("(Box::new({name}Is {{ {}}}) as Box<dyn {name}>)", of(fields, parts))
        }
        (Kind::Enum(variants), Value::Variant(_, _, variant, parts)) => {
            let is = variants.iter().find(|is| is.name == *variant).expect("made of this type");
            format!("{name}::{variant} {{ {}}}", of(&is.fields, parts))
        }
        (Kind::Union(fields), Value::Union(_, bytes)) => {
            let largest =
                fields.list.iter().find(|field| union_field_size(&field.of) == bytes.len());
            let largest = largest.expect("made of this type");
            let of = type_text(items, &largest.of);
            format!("{name} {{ {}: {of}::from_le_bytes({bytes:?}) }}", largest.name)
        }
        _ => unreachable!("the value was made of this type"),
    }
}
