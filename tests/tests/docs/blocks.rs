//! Code blocks, headings and links of the README and of every page in `docs/`.

use std::fmt;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A code block and where it stands.
#[derive(Debug)]
pub struct Block {
    pub file: PathBuf,
    pub line: usize,
    pub language: String,
    pub attributes: Vec<String>,
    pub text: String,
}

impl Block {
    /// Why it is not run, where it says so.
    pub fn not_run(&self) -> Option<&str> {
        let reason = self.attributes.iter().find_map(|it| it.strip_prefix("not-run="))?;
        Some(reason.trim_matches('"'))
    }

    /// Whether it wants a session that runs.
    pub fn wants_session(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute == "session")
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A page of documentation.
#[derive(Debug)]
pub struct Page {
    pub file: PathBuf,
    pub blocks: Vec<Block>,
    /// Text of the headings, with backquotes as they are written, and the first line of each.
    pub headings: Vec<(String, usize)>,
    /// Where links and pictures lead.
    pub links: Vec<String>,
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All pages.
pub fn pages() -> Vec<Page> {
    let docs = std::fs::read_dir(root().join("docs")).expect("there is documentation");
    let docs = docs.flatten().map(|entry| Path::new("docs").join(entry.file_name()));
    let mut files: Vec<PathBuf> = docs.collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.push("README.md".into());
    files.sort();
    files.into_iter().map(page).collect()
}

/// All code blocks of all pages.
pub fn blocks() -> Vec<Block> {
    pages().into_iter().flat_map(|page| page.blocks).collect()
}

fn page(file: PathBuf) -> Page {
    let text = std::fs::read_to_string(root().join(&file)).expect("a page can be read");
    let mut page = Page { file, blocks: Vec::new(), headings: Vec::new(), links: Vec::new() };
    let (mut block, mut heading): (Option<Block>, Option<(String, usize)>) = (None, None);
    for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
        let line = || text[..range.start].lines().count() + 1;
        match event {
            Event::Start(Tag::CodeBlock(kind)) => block = Some(begun(&page.file, line(), &kind)),
            Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
            Event::Start(Tag::Heading { .. }) => heading = Some((String::new(), line())),
            Event::End(TagEnd::Heading(_)) => page.headings.extend(heading.take()),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.to_string());
            }
            Event::Text(text) => match (&mut block, &mut heading) {
                (Some(block), _) => block.text += &text,
                (_, Some((heading, _))) => *heading += &text,
                _ => {}
            },
            Event::Code(code) => {
                heading.iter_mut().for_each(|(heading, _)| *heading += &format!("`{code}`"));
            }
            _ => {}
        }
    }
    page
}

fn begun(file: &Path, line: usize, kind: &CodeBlockKind<'_>) -> Block {
    let info = match kind {
        CodeBlockKind::Fenced(info) => info.as_ref(),
        CodeBlockKind::Indented => "",
    };
    let (language, rest) = info.split_once(',').unwrap_or((info, ""));
    // A reason may have commas in it, and stands last.
    let (rest, reason) = rest.split_at(rest.find("not-run=").unwrap_or(rest.len()));
    let attributes = rest.split(',').chain([reason]).filter(|attribute| !attribute.is_empty());
    Block {
        file: file.to_owned(),
        line,
        language: language.to_owned(),
        attributes: attributes.map(str::to_owned).collect(),
        text: String::new(),
    }
}
