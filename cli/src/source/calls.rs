//! Where functions are called, by their names: whether a call is made again and again.

use syn::visit::{self, Visit};

/// A use of a function's name in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name that is used; [`CLOSURE`] where a closure stands.
    pub name: String,
    /// The name of the function around it; empty outside of functions.
    pub within: String,
    /// Whether it may happen many times in one run of that function: in a loop, in a closure or
    /// future, or because it is no call but takes the function's address.
    pub is_repeated: bool,
}

/// What is called where a closure is written, or a future: that goes on whenever it is polled.
pub const CLOSURE: &str = "{{closure}}";

/// All uses of names that can be functions in a file.
pub(super) fn of(text: &str) -> Vec<Call> {
    let mut finder = Finder::default();
    if let Ok(file) = syn::parse_file(text) {
        finder.visit_file(&file);
    }
    finder.calls
}

#[derive(Default)]
struct Finder {
    calls: Vec<Call>,
    /// Functions around the next expression, each with the number of loops and closures in it.
    around: Vec<(String, usize)>,
    /// Whether the next expression is what a thread is started with: it runs once.
    in_spawn: bool,
}

impl Finder {
    fn add(&mut self, name: &syn::Ident, is_address: bool) {
        let (within, depth) = self.around.last().cloned().unwrap_or((String::new(), 1));
        let is_repeated = is_address || depth > 0;
        self.calls.push(Call { name: name.to_string(), within, is_repeated });
    }

    fn in_function(&mut self, signature: &syn::Signature, visit: impl FnOnce(&mut Self)) {
        self.around.push((signature.ident.to_string(), 0));
        if signature.asyncness.is_some() {
            self.add_repeated_closure();
        }
        visit(self);
        self.around.pop();
    }

    fn repeated(&mut self, visit: impl FnOnce(&mut Self)) {
        let deepen = |finder: &mut Self, by: isize| {
            if let Some((_, depth)) = finder.around.last_mut() {
                *depth = depth.saturating_add_signed(by);
            }
        };
        deepen(self, 1);
        visit(self);
        deepen(self, -1);
    }

    /// Arguments of a call.
    fn arguments<'a>(&mut self, name: &str, all: impl Iterator<Item = &'a syn::Expr>) {
        for argument in all {
            self.in_spawn = name.starts_with("spawn");
            self.visit_expr(argument);
            self.in_spawn = false;
        }
    }

    fn add_once(&mut self, name: &str) {
        let within = self.around.last().map(|(name, _)| name.clone()).unwrap_or_default();
        self.calls.push(Call { name: name.to_owned(), within, is_repeated: false });
    }

    fn add_repeated_closure(&mut self) {
        let within = self.around.last().map(|(name, _)| name.clone()).unwrap_or_default();
        self.calls.push(Call { name: CLOSURE.to_owned(), within, is_repeated: true });
    }

    fn add_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(name) => self.add(&name, false),
                proc_macro2::TokenTree::Group(group) => self.add_tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.in_function(&item.sig, |finder| visit::visit_item_fn(finder, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.in_function(&item.sig, |finder| visit::visit_impl_item_fn(finder, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        self.in_function(&item.sig, |finder| visit::visit_trait_item_fn(finder, item));
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        let mut name = String::new();
        match &*call.func {
            syn::Expr::Path(path) => {
                if let Some(last) = path.path.segments.last() {
                    name = last.ident.to_string();
                    self.add(&last.ident, false);
                }
            }
            other => self.visit_expr(other),
        }
        self.arguments(&name, call.args.iter());
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.add(&call.method, false);
        self.visit_expr(&call.receiver);
        self.arguments(&call.method.to_string(), call.args.iter());
    }

    fn visit_expr_path(&mut self, path: &'a syn::ExprPath) {
        if let Some(last) = path.path.segments.last() {
            if std::mem::take(&mut self.in_spawn) {
                self.add_once(&last.ident.to_string());
            } else {
                self.add(&last.ident, true);
            }
        }
    }

    fn visit_expr_loop(&mut self, item: &'a syn::ExprLoop) {
        self.repeated(|finder| visit::visit_expr_loop(finder, item));
    }

    fn visit_expr_while(&mut self, item: &'a syn::ExprWhile) {
        self.repeated(|finder| visit::visit_expr_while(finder, item));
    }

    fn visit_expr_for_loop(&mut self, item: &'a syn::ExprForLoop) {
        self.visit_expr(&item.expr);
        self.repeated(|finder| finder.visit_block(&item.body));
    }

    fn visit_expr_closure(&mut self, item: &'a syn::ExprClosure) {
        if std::mem::take(&mut self.in_spawn) {
            self.add_once(CLOSURE);
            let depth = self.around.last_mut().map(|(_, depth)| std::mem::take(depth));
            visit::visit_expr_closure(self, item);
            if let (Some((_, now)), Some(depth)) = (self.around.last_mut(), depth) {
                *now = depth;
            }
        } else {
            self.add_repeated_closure();
            self.repeated(|finder| visit::visit_expr_closure(finder, item));
        }
    }

    fn visit_expr_async(&mut self, item: &'a syn::ExprAsync) {
        self.add_repeated_closure();
        self.repeated(|finder| visit::visit_expr_async(finder, item));
    }

    fn visit_macro(&mut self, item: &'a syn::Macro) {
        self.add_tokens(item.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(text: &str, name: &str) -> Vec<(String, bool)> {
        let calls = of(text).into_iter().filter(|call| call.name == name);
        calls.map(|call| (call.within, call.is_repeated)).collect()
    }

    #[test]
    fn calls_in_loops_and_closures_are_repeated() {
        let text = "fn main() { App::new().run(); println!(\"{}\", run()); }";
        assert_eq!(repeated(text, "run"), [("main".into(), false), ("main".into(), false)]);
        for text in [
            "fn main() { loop { run() } }",
            "fn main() { while next() { x.run() } }",
            "fn main() { for x in all { println!(\"{}\", run(x)) } }",
            "fn main() { all.map(|| run()) }",
            "fn main() { spawn(|| loop { run() }) }",
            "fn main() { spawn(async { run() }) }",
            "fn main() { all.map(run) }",
        ] {
            assert_eq!(repeated(text, "run"), [("main".into(), true)], "{text}");
        }
        for text in [
            "fn main() { for x in run() {} }",
            "fn main() { for x in all { spawn(|| run()) } }",
            "fn main() { thread::Builder::new().spawn(run) }",
        ] {
            assert_eq!(repeated(text, "run"), [("main".into(), false)], "{text}");
        }
        assert_eq!(repeated("fn f() { spawn(|| 1) }", CLOSURE), [("f".into(), false)]);
        for text in
            ["fn f() { map(|| 1) }", "async fn f() { 1 }", "fn f() { tokio::spawn(async { 1 }) }"]
        {
            assert_eq!(repeated(text, CLOSURE), [("f".into(), true)], "{text}");
        }
    }
}
