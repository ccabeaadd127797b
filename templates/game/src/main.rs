//! A ball in a box, drawn with characters: a loop with a fixed step, which never returns.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

mod world;

use world::World;

/// Steps in a second.
const RATE: u32 = 20;

fn main() -> io::Result<()> {
    let step = Duration::from_secs(1) / RATE;
    let mut world = World::default();
    let mut next = Instant::now();
    loop {
        world.step();
        frame(&world)?;
        next += step;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Draws over the frame before.
fn frame(world: &World) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "\x1b[H\x1b[2J{}", world.picture())?;
    writeln!(out, "frame {}", world.frames())?;
    out.flush()
}
