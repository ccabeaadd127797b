//! Which first calls people are told of, line by line: the first few of a generation, and the one
//! after which nothing waits any more.

use super::event::Event;

/// Lines for one generation, apart from the last.
const MOST: usize = 3;

/// The generation that was live last, as far as calls go.
#[derive(Debug, Default)]
pub(super) struct Running {
    generation: u64,
    told: usize,
    /// Functions that waited at the last line.
    left: usize,
}

impl Running {
    /// Whether an event is worth a line. Only calls may not be.
    pub(super) fn is_worth(&mut self, event: &Event) -> bool {
        match event {
            Event::Live { generation, waiting, .. } => {
                *self = Self { generation: *generation, told: 0, left: waiting.len() };
                true
            }
            Event::Called { generation, waiting, .. } => {
                if *generation != self.generation {
                    *self = Self { generation: *generation, told: 0, left: waiting.len() };
                }
                let is_last = self.left > 0 && waiting.is_empty();
                let is_worth = self.told < MOST || is_last;
                (self.told, self.left) = (self.told + usize::from(is_worth), waiting.len());
                is_worth
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(waiting: usize) -> Event {
        let (functions, waiting) = (vec!["game::a".into()], vec!["game::b".into(); waiting]);
        Event::Called { generation: 2, pid: 7, functions, waiting }
    }

    #[test]
    fn a_generation_has_some_lines_and_the_last() {
        let mut running = Running::default();
        let told: Vec<usize> =
            (0..9).rev().filter(|waiting| running.is_worth(&called(*waiting))).collect();
        assert_eq!(told, [8, 7, 6, 0]);
        assert!(!running.is_worth(&called(0)));
    }
}
