//! What rustc warns of is said after the verdict, and once, until it is mended.

use hotdev_tests::Session;

#[test]
fn a_warning_follows_the_verdict_and_is_said_again_only_where_it_was_mended() {
    let mut hot = Session::start("single");
    hot.expect_output("old greeting");
    let greeting = "\"old greeting\"";
    let main = hot.workspace().read("src/main.rs");
    assert!(main.contains(greeting), "the fixture has the text that is edited");
    hot.edit("src/main.rs", greeting, "{ let idle = 1; \"first greeting\" }");
    hot.expect_event("live");
    let warnings = hot.expect_event("warnings");
    let first = &warnings["diagnostics"][0];
    assert_eq!(first["level"], "warning");
    assert!(first["message"].as_str().is_some_and(|text| text.contains("idle")), "{warnings}");
    hot.expect_output("first greeting");

    hot.edit("src/main.rs", "first greeting", "second greeting");
    hot.expect_output("second greeting");
    hot.edit("src/main.rs", "let idle", "let other");
    let warnings = hot.expect_event("warnings");
    assert!(
        warnings["diagnostics"][0]["message"].as_str().is_some_and(|text| text.contains("other"))
    );

    hot.edit("src/main.rs", "let other", "let _other");
    hot.verdict();
    hot.edit("src/main.rs", "let _other", "let other");
    hot.verdict();
    let warnings = hot.expect_event("warnings");
    let again = &warnings["diagnostics"][0]["message"];
    assert!(again.as_str().is_some_and(|text| text.contains("other")), "{warnings}");
    hot.end();
}
