//! What moves, and how it looks.

const WIDTH: i32 = 40;
const HEIGHT: i32 = 12;

/// The state: it lives as long as the process.
#[derive(Debug)]
pub struct World {
    position: (i32, i32),
    speed: (i32, i32),
    frames: u32,
}

impl Default for World {
    fn default() -> Self {
        Self { position: (3, 2), speed: (1, 1), frames: 0 }
    }
}

impl World {
    /// Moves the ball. Change how it bounces.
    pub fn step(&mut self) {
        self.frames += 1;
        self.speed.0 = bounced(self.position.0, self.speed.0, WIDTH);
        self.speed.1 = bounced(self.position.1, self.speed.1, HEIGHT);
        self.position.0 += self.speed.0;
        self.position.1 += self.speed.1;
    }

    /// Steps so far.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The box with the ball in it.
    pub fn picture(&self) -> String {
        let border = "-".repeat(WIDTH as usize);
        let row = |y| (0..WIDTH).map(|x| self.at(x, y)).collect::<String>();
        let rows: String = (0..HEIGHT).map(|y| format!("|{}|\n", row(y))).collect();
        format!("+{border}+\n{rows}+{border}+\n")
    }

    /// One character. Change the ball to an `O`.
    fn at(&self, x: i32, y: i32) -> char {
        if (x, y) == self.position { 'o' } else { ' ' }
    }
}

/// The speed after a look at the walls.
fn bounced(position: i32, speed: i32, size: i32) -> i32 {
    if (0..size).contains(&(position + speed)) { speed } else { -speed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ball_stays_in_the_box() {
        let mut world = World::default();
        for _ in 0..1000 {
            world.step();
            assert_eq!(world.picture().matches('o').count(), 1);
        }
    }
}
