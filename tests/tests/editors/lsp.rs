//! `hotdev lsp`, spoken to as an editor does.

use hotdev_tests::{LanguageServer, Session, Workspace};
use serde_json::{Value, json};

fn start(workspace: &Workspace) -> LanguageServer {
    let parameters = json!({"processId": std::process::id(), "rootUri": null, "capabilities": {}});
    let (server, answer) = LanguageServer::start(&mut workspace.hotdev(&["lsp"]), parameters);
    let saves = &answer["result"]["capabilities"]["textDocumentSync"]["save"];
    assert!(!saves.is_null(), "it wants to know of saves: {answer}");
    server
}

fn saved(server: &mut LanguageServer, workspace: &Workspace, file: &str) {
    server.send(json!({"method": "textDocument/didSave",
        "params": {"textDocument": {"uri": uri(workspace, file)}}}));
}

/// The next diagnostics, and the message after them.
fn verdict(server: &LanguageServer) -> (Value, String) {
    let published = server.receive();
    assert_eq!(published["method"], "textDocument/publishDiagnostics", "{published}");
    let said = server.receive();
    assert_eq!(said["method"], "window/showMessage", "{said}");
    (published["params"].clone(), said["params"]["message"].as_str().unwrap().to_owned())
}

fn uri(workspace: &Workspace, file: &str) -> String {
    format!("file://{}", workspace.path(file).display())
}

const MAIN: &str = "src/main.rs";
const GAME: &str = "src/game.rs";

#[test]
fn saves_are_answered_with_diagnostics() {
    let mut hot = Session::start("single");
    let mut server = start(hot.workspace());
    hot.edit(MAIN, "number * 2", "number * true");
    saved(&mut server, hot.workspace(), MAIN);
    let (published, said) = verdict(&server);
    assert_eq!(published["uri"], uri(hot.workspace(), MAIN));
    let found = &published["diagnostics"][0];
    assert_eq!(found["range"]["start"], json!({"line": 14, "character": 11}), "{published}");
    assert_eq!(found["message"], "cannot multiply `u32` by `bool`");
    assert_eq!(said, "hotdev: compile error: 1 error");

    hot.edit(MAIN, "number * true", "number * 3");
    saved(&mut server, hot.workspace(), MAIN);
    let (published, said) = verdict(&server);
    assert_eq!(published["diagnostics"], json!([]), "it is taken back");
    assert!(said.starts_with("hotdev: live 1 "), "{said}");
    hot.expect_verdict("compile-error");
    hot.expect_verdict("live");
    server.end();
    hot.end();
}

#[test]
fn refused_items_are_diagnostics_too() {
    let mut hot = Session::start("layouts");
    let mut server = start(hot.workspace());
    hot.edit(GAME, "pub score: u32", "pub score: u64");
    saved(&mut server, hot.workspace(), GAME);
    hot.expect_verdict("refused");
    let (published, said) = verdict(&server);
    let message = published["diagnostics"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("u32") && message.contains("u64"), "{published}");
    assert!(said.starts_with("hotdev: refused: "), "{said}");
    server.end();
    hot.end();
}

#[test]
fn without_a_session_it_is_silent() {
    let workspace = Workspace::copy("single");
    let mut server = start(&workspace);
    saved(&mut server, &workspace, MAIN);
    assert_eq!(server.end(), [] as [Value; 0]);
}
