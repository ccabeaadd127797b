//! The source text behind a patch, for whoever wants to see what was edited.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Workshop;
use crate::rebuild::Output;
use crate::source::{Edit, Source};

impl Workshop {
    /// What was edited between the code that runs and the newest: the very texts that were
    /// compiled, Rust files only.
    pub fn edits(&self) -> Vec<Edit> {
        let mut edits = BTreeMap::new();
        for (id, newest) in &self.newest {
            let Some(live) = self.live.get(id).filter(|live| !Arc::ptr_eq(live, newest)) else {
                continue;
            };
            edits.extend(changed(live, newest).map(|edit| (edit.file.clone(), edit)));
        }
        edits.into_values().collect()
    }
}

fn changed<'a>(live: &'a Output, newest: &'a Output) -> impl Iterator<Item = Edit> + 'a {
    let text = |source: Option<&Arc<Source>>| {
        source.map(|source| source.text().to_owned()).unwrap_or_default()
    };
    let is_rust = |file: &Path| file.extension().is_some_and(|extension| extension == "rs");
    newest
        .sources
        .changed(&live.sources)
        .map(move |(file, before, after)| Edit {
            file: file.to_owned(),
            before: text(before),
            after: text(after),
        })
        .filter(move |edit| is_rust(&edit.file) && edit.before != edit.after)
}
