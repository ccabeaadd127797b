//! Functions that are inlined at every opt-level.

use memchr::memmem;
use proc_macro2::{TokenStream, TokenTree};

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

/// Names of the functions after such a mark; empty where a macro makes the name, or the text cannot
/// be read.
fn always_inlined(text: &str) -> Vec<String> {
    if memmem::find(text.as_bytes(), b"inline").is_none() {
        return Vec::new();
    }
    let Ok(stream) = text.parse() else { return vec![String::new()] };
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    let marks = tokens.windows(2).enumerate().filter(|(_, pair)| is_mark(pair));
    marks.map(|(at, _)| function(&tokens[at..])).collect()
}

/// All tokens in their order; a group comes before what is in it.
fn flatten(stream: TokenStream, tokens: &mut Vec<TokenTree>) {
    for token in stream {
        let within = if let TokenTree::Group(group) = &token { Some(group.stream()) } else { None };
        tokens.push(token);
        within.into_iter().for_each(|within| flatten(within, tokens));
    }
}

/// Whether it is `inline (always)`, or a macro may make that of it.
fn is_mark(pair: &[TokenTree]) -> bool {
    let [TokenTree::Ident(word), TokenTree::Group(group)] = pair else { return false };
    let how = group.stream().to_string();
    word == "inline" && (how == "always" || how.contains('$'))
}

/// The name of the first function of these.
fn function(tokens: &[TokenTree]) -> String {
    let is_fn = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "fn");
    let names = tokens.windows(2).filter(|pair| is_fn(&pair[0]));
    let name = names.map(|pair| match &pair[1] {
        TokenTree::Ident(name) => name.to_string(),
        _ => String::new(),
    });
    name.into_iter().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::always_inlined;

    #[test]
    fn the_function_after_the_mark_is_meant() {
        let text = "fn a() {}\n#[inline(always)]\npub(crate) const fn b<T>(t: T) {}\nfn c() {}";
        assert_eq!(always_inlined(text), ["b"]);
        assert_eq!(always_inlined("#[inline(always)] fn $name() {}"), [""]);
        assert!(always_inlined("#[inline] fn a() {} #[inline(never)] fn b() {}").is_empty());
    }

    #[test]
    fn a_mark_may_be_written_in_other_ways() {
        let spaced = "#[ inline\n( always ) ]\n/// The fn of all.\n#[must_use]\nfn\tb() {}";
        assert_eq!(always_inlined(spaced), ["b"]);
        assert_eq!(always_inlined("#[cfg_attr(all(), inline /* so */ (always))] fn b() {}"), ["b"]);
        assert_eq!(
            always_inlined("macro_rules! m { ($how:ident) => { #[inline($how)] fn b() {} } }"),
            ["b"]
        );
    }
}
