//! Functions that are inlined at every opt-level.

use memchr::memmem;

use super::Sources;

impl Sources {
    /// Whether a function of this name may be one with `#[inline(always)]`.
    pub fn is_always_inlined(&self, name: &str) -> bool {
        // A macro may make any name.
        let is_it = |inlined: &String| inlined.is_empty() || inlined == name;
        self.0.values().any(|source| {
            source.always_inlined.get_or_init(|| always_inlined(&source.text)).iter().any(is_it)
        })
    }
}

/// Names of the functions after such a mark; empty where a macro makes the name.
fn always_inlined(text: &str) -> Vec<String> {
    let marks = memmem::find_iter(text.as_bytes(), "inline(always)");
    let names = marks.map(|at| {
        let after = text[at..].split_once("fn ").map_or("", |(_, after)| after.trim_start());
        let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        after[..end.unwrap_or(after.len())].to_owned()
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::always_inlined;

    #[test]
    fn the_function_after_the_mark_is_meant() {
        let text = "fn a() {}\n#[inline(always)]\npub(crate) const fn b<T>(t: T) {}\nfn c() {}";
        assert_eq!(always_inlined(text), ["b"]);
        assert_eq!(always_inlined("#[inline(always)] fn $name() {}"), [""]);
    }
}
