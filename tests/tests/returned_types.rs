//! A type that a rollback took out of the code: values of it may live on.

use hotdev_tests::{Session, Workspace};

const MAIN: &str = r#"
mod game;

fn main() {
    let mut things = Vec::new();
    for tick in 1.. {
        println!("tick {tick} {}", game::line(&mut things));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
"#;

const WITHOUT: &str = r#"
use std::any::Any;

pub fn line(things: &mut Vec<Box<dyn Any>>) -> String {
    format!("first {}", things.len())
}
"#;

const WITH: &str = r#"
use std::any::Any;

struct Nest {
    left: u32,
    right: u32,
}

pub fn line(things: &mut Vec<Box<dyn Any>>) -> String {
    if things.is_empty() {
        things.push(Box::new(Nest { left: 1, right: 2 }));
    }
    let nest = things[0].downcast_ref::<Nest>().unwrap();
    format!("second {} {}", nest.left, nest.right)
}
"#;

#[test]
fn a_type_of_a_generation_that_was_rolled_back_is_still_known() {
    let workspace = Workspace::copy("later");
    workspace.write("src/main.rs", MAIN);
    workspace.write("src/game.rs", WITHOUT);
    let mut hot = Session::start_in(workspace, &[]);
    hot.expect_output("first 0");
    hot.workspace().write("src/game.rs", WITH);
    hot.expect_verdict("live");
    hot.expect_output("second 1 2");
    assert_eq!(hot.command(&["rollback"]).code, Some(0), "back to the beginning");
    hot.expect_event("rolled-back");
    hot.expect_output("first 1");

    let other = WITH.replace("right: u32", "right: f32").replace("right: 2", "right: 2.0");
    hot.workspace().write("src/game.rs", &other.replace("second", "third"));
    let refused = hot.expect_verdict("refused");
    assert_eq!(refused["code"], "layout-changed", "{refused}");
    assert!(refused.to_string().contains("later::game::Nest"), "{refused}");
    hot.never_output("third");
    hot.workspace().write("src/game.rs", &WITH.replace("second", "fourth"));
    hot.expect_verdict("live");
    hot.expect_output("fourth 1 2");
    hot.end();
}
