//! Functions that are inlined at every opt-level.

use memchr::memmem;

use super::Sources;

impl Sources {
    /// Whether a function of this name may be one with `#[inline(always)]`.
    pub fn is_always_inlined(&self, name: &str) -> bool {
        self.0.values().any(|source| is_always_inlined(source.text(), name))
    }
}

fn is_always_inlined(text: &str, name: &str) -> bool {
    let mut marks = memmem::find_iter(text.as_bytes(), "inline(always)");
    marks.any(|at| {
        let after = text[at..].split_once("fn ").map_or("", |(_, after)| after.trim_start());
        let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let function = &after[..end.unwrap_or(after.len())];
        // A macro may make any name.
        function.is_empty() || function == name
    })
}

#[cfg(test)]
mod tests {
    use super::is_always_inlined;

    #[test]
    fn the_function_after_the_mark_is_meant() {
        let text = "fn a() {}\n#[inline(always)]\npub(crate) const fn b<T>(t: T) {}\nfn c() {}";
        assert!(is_always_inlined(text, "b"));
        assert!(!is_always_inlined(text, "a") && !is_always_inlined(text, "c"));
        assert!(is_always_inlined("#[inline(always)] fn $name() {}", "c"));
    }
}
