//! What the documentation lists has to be all there is: events, codes, kinds; and what it leads to
//! has to be there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::blocks::{Page, pages, root};
use super::schema;

fn page(file: &str) -> Page {
    let found = pages().into_iter().find(|page| page.file == Path::new(file));
    found.unwrap_or_else(|| panic!("there is no {file}"))
}

/// The names that stand in backquotes at the beginning of headings.
fn sections(page: &Page) -> BTreeSet<String> {
    let named = page.headings.iter().filter_map(|(text, _)| text.strip_prefix('`'));
    named.filter_map(|rest| rest.split('`').next()).map(str::to_owned).collect()
}

/// The names that an enum of the schema has.
fn names(schema: &Value, of: &str) -> BTreeSet<String> {
    let kinds = schema["$defs"][of]["oneOf"].as_array().expect("the schema has it");
    let name = |kind: &Value| {
        let name = kind.get("const").or_else(|| kind.pointer("/properties/event/const"));
        name.and_then(Value::as_str).expect("it has a name").to_owned()
    };
    kinds.iter().map(name).collect()
}

#[test]
fn every_event_has_a_section_with_an_example() {
    let (schema, _) = schema("events");
    let page = page("docs/event-stream.md");
    let events: BTreeSet<String> =
        names(&schema, "Event").union(&names(&schema, "Own")).cloned().collect();
    assert_eq!(sections(&page), events, "sections, and the events that there are");
    for event in events {
        let starts = page.headings.iter().find(|(text, _)| *text == format!("`{event}`"));
        let start = starts.expect("it has a section").1;
        let next = page.headings.iter().map(|(_, line)| *line).find(|line| *line > start);
        let own = |line: usize| line > start && next.is_none_or(|next| line < next);
        let mut examples = page.blocks.iter().filter(|block| own(block.line));
        let is_example = examples.any(|block| {
            let line = serde_json::from_str::<Value>(block.text.lines().next().unwrap_or_default());
            block.language == "json" && line.is_ok_and(|line| line["event"] == *event)
        });
        assert!(is_example, "the section of `{event}` has no example of it");
    }
}

#[test]
fn every_code_and_kind_has_a_section() {
    let (schema, _) = schema("events");
    let listed = sections(&page("docs/troubleshooting.md"));
    for of in ["RefusalCode", "Kind"] {
        let missing: Vec<String> = names(&schema, of).difference(&listed).cloned().collect();
        assert!(missing.is_empty(), "no section for {missing:?} of {of}");
    }
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let folder: PathBuf = page.file.parent().unwrap_or(Path::new("")).to_owned();
        for link in page.links.iter().filter(|link| !link.contains("://")) {
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.file.clone() } else { folder.join(file) };
            assert!(root().join(&target).is_file(), "{}: {link}", page.file.display());
            let anchors = pages().into_iter().filter(|page| page.file == target);
            let mut anchors = anchors.flat_map(|page| page.headings).map(|(text, _)| anchor(&text));
            let is_there = section.is_empty() || anchors.any(|anchor| anchor == section);
            assert!(is_there, "{}: there is no {link}", page.file.display());
        }
    }
}

/// The name of a heading in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
