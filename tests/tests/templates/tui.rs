//! The program that has the whole terminal: in a real one, under `hotdev run`.

use hotdev_tests::Screen;

use super::{look, make};

#[test]
fn tui_keeps_its_state_and_leaves_the_terminal_as_it_was() {
    let workspace = make("tui");
    let said = look(&workspace);
    assert!(said.contains("ratatui   0.") && said.ends_with("next: hotdev run"), "{said}");
    let mut screen = Screen::run(workspace, &["run"], (24, 80), &[]);
    screen.expect_built(&[" fruit ", "   0  apples"]);
    screen.press("j\r\r/an\r");
    screen.expect(&["   2  bananas", " /an"]);
    screen.expect_gone("apples");
    screen.workspace().edit("src/view.rs", "\" fruit \"", "\" in the basket \"");
    screen.expect(&[" in the basket ", "   2  bananas", " /an"]);
    screen.workspace().edit("src/app.rs", "self.add(1)", "self.add(10)");
    let reload = screen.workspace().command(&["reload"]);
    assert_eq!(reload.code, Some(0), "{reload:#?}");
    screen.press("\r");
    screen.expect(&["  12  bananas"]);
    screen.press("\x1b");
    screen.expect(&["   0  apples"]);

    // As README.md has it. The program that is ended has no chance to leave the terminal as it was.
    screen.workspace().edit(
        "src/app.rs",
        "pub count: u32,",
        "pub count: u32,\n    pub price: u32,",
    );
    screen.workspace().edit("src/app.rs", "count: 0 }", "count: 0, price: 3 }");
    assert_eq!(screen.workspace().command(&["reload"]).code, Some(2), "refused");
    screen.expect(&["  12  bananas"]);
    assert_eq!(screen.workspace().command(&["restart"]).code, Some(0), "restarted");
    screen.expect(&["   0  bananas"]);
    assert!(!screen.text().contains("Compiling"), "cargo writes over it:\n{}", screen.text());
    screen.press("q");
    screen.ends_clean(0);
}
