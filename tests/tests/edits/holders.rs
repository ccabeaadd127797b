//! The functions of a module that main calls: one makes what main keeps, one shows it.

use crate::model::*;

/// Declares what is held. `count` is the number of values at start.
pub fn holding(holder: Holder, count: usize) -> String {
    let (of, hold) = match holder {
        Holder::Local => (format!("[Root; {count}]"), "make().try_into().ok().expect(\"all\")"),
        Holder::Options => {
            let more = count + 1;
            let hold = "let mut held: Held = [const { None }; LEN];
    for (place, one) in held.iter_mut().zip(make()) {
        *place = Some(one);
    }
    held";
            return format!(
                "\nconst LEN: usize = {more};\npub type Held = [Option<Root>; LEN];\n\npub fn hold() -> Held {{\n    {hold}\n}}\n"
            );
        }
        Holder::Vec => ("Vec<Root>".to_owned(), "make()"),
        Holder::Boxes => {
            ("Vec<Box<Root>>".to_owned(), "make().into_iter().map(Box::new).collect()")
        }
        Holder::Any => (
            "Vec<Box<dyn std::any::Any>>".to_owned(),
            "let mut all: Held = Vec::new();
    for one in make() {
        all.push(Box::new(one));
    }
    all",
        ),
        Holder::Static => ("()".to_owned(), "assert!(KEPT.set(Kept(make())).is_ok());"),
        Holder::ThreadLocal => ("()".to_owned(), ""),
    };
    let kept = match holder {
        Holder::Static => {
            "
struct Kept(Vec<Root>);

// One thread uses it.
unsafe impl Send for Kept {}
unsafe impl Sync for Kept {}

static KEPT: std::sync::OnceLock<Kept> = std::sync::OnceLock::new();
"
        }
        Holder::ThreadLocal => "\nthread_local! {\n    static KEPT: Vec<Root> = make();\n}\n",
        _ => "",
    };
    format!("{kept}\npub type Held = {of};\n\npub fn hold() -> Held {{\n    {hold}\n}}\n")
}

/// The function that main calls each tick: mark, sizes of types, values held, values made now.
pub fn show(module: &Module, number: usize, mark: &str, sized: usize) -> String {
    let sizes = module.items[..sized].iter().map(|item| match &item.kind {
        Kind::Trait { .. } => format!("\n    text += &(show::size::<{}Is>() + \",\");", item.name),
        _ if item.generic => String::new(),
        _ => format!("\n    text += &(show::size::<{}>() + \",\");", item.name),
    });
    let sizes: String = sizes.collect();
    let held = match module.holder {
        Holder::Local | Holder::Vec | Holder::Boxes | Holder::Options => {
            "for one in held {\n        text += &(\" \".to_owned() + &one.show());\n    }"
        }
        Holder::Any => {
            "for one in held {
        text += \" \";
        match one.downcast_ref::<Root>() {
            Some(root) => text += &root.show(),
            None => text += \"unknown\",
        }
    }"
        }
        Holder::Static => {
            "for one in &KEPT.get().expect(\"main has made it\").0 {
        text += &(\" \".to_owned() + &one.show());
    }"
        }
        Holder::ThreadLocal => "text += &KEPT.with(listed);",
    };
    format!(
        "
pub fn show(held: &Held) -> String {{
    let mut text = \"|{number}:{mark} \".to_owned();{sizes}
    {held}
    text + \" ~\" + &listed(&make())
}}

fn listed(all: &Vec<Root>) -> String {{
    let mut text = String::new();
    for one in all {{
        text += &(\" \".to_owned() + &one.show());
    }}
    text
}}
"
    )
}
