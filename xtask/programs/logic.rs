//! Grid __N__: a field of cells, rules for them, and walks through it.

use std::collections::{HashMap, VecDeque};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place__N__ {
    pub x: i32,
    pub y: i32,
}

#[derive(Clone, Debug, Default)]
pub struct Grid__N__ {
    cells: HashMap<(i32, i32), Cell__N__>,
    pub width: i32,
    pub height: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell__N__ {
    Free,
    Wall,
    Goal(u32),
}

pub trait Rule__N__ {
    fn allows(&self, grid: &Grid__N__, place: Place__N__) -> bool;
    fn name(&self) -> String;
}

pub struct Inside__N__;
pub struct Every__N__(pub i32);

impl Rule__N__ for Inside__N__ {
    fn allows(&self, grid: &Grid__N__, place: Place__N__) -> bool {
        (0..grid.width).contains(&place.x) && (0..grid.height).contains(&place.y)
    }
    fn name(&self) -> String {
        "inside".to_owned()
    }
}

impl Rule__N__ for Every__N__ {
    fn allows(&self, _: &Grid__N__, place: Place__N__) -> bool {
        (place.x + place.y) % self.0 != self.0 - 1
    }
    fn name(&self) -> String {
        format!("every {}", self.0)
    }
}

impl fmt::Display for Grid__N__ {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for y in 0..self.height {
            let row = (0..self.width).map(|x| match self.cells.get(&(x, y)) {
                Some(Cell__N__::Wall) => '#',
                Some(Cell__N__::Goal(_)) => '*',
                _ => '.',
            });
            writeln!(out, "{}", row.collect::<String>())?;
        }
        Ok(())
    }
}

impl Grid__N__ {
    pub fn new(width: i32, height: i32) -> Self {
        Self { cells: HashMap::new(), width, height }
    }

    pub fn set(&mut self, x: i32, y: i32, cell: Cell__N__) -> &mut Self {
        self.cells.insert((x, y), cell);
        self
    }

    pub fn walk(&self, rules: &[Box<dyn Rule__N__>]) -> Option<(u32, usize)> {
        let mut seen = vec![Place__N__ { x: 0, y: 0 }];
        let mut queue: VecDeque<_> = seen.iter().map(|place| (*place, 0)).collect();
        while let Some((place, steps)) = queue.pop_front() {
            if let Some(Cell__N__::Goal(goal)) = self.cells.get(&(place.x, place.y)) {
                return Some((*goal, steps));
            }
            for (dx, dy) in [(1, 0), (0, 1), (-1, 0), (0, -1)] {
                let next = Place__N__ { x: place.x + dx, y: place.y + dy };
                let wall = self.cells.get(&(next.x, next.y)) == Some(&Cell__N__::Wall);
                if !wall && !seen.contains(&next) && rules.iter().all(|rule| rule.allows(self, next)) {
                    seen.push(next);
                    queue.push_back((next, steps + 1));
                }
            }
        }
        None
    }
}

pub fn exercise() -> u64 {
    let mut grid = Grid__N__::new(6, 5);
    grid.set(1, 0, Cell__N__::Wall).set(4, 3, Cell__N__::Goal(__N__));
    let rules: Vec<Box<dyn Rule__N__>> = vec![Box::new(Inside__N__), Box::new(Every__N__(97))];
    let names: usize = rules.iter().map(|rule| rule.name().len()).sum();
    let (goal, steps) = grid.walk(&rules).unwrap_or_default();
    u64::from(goal) + (steps + names + grid.to_string().len()) as u64
}
