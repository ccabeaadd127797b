//! What is counted, and how it is shown.

/// The state: it lives as long as the process.
#[derive(Debug, Default)]
pub struct Counter {
    steps: u32,
    total: u32,
}

impl Counter {
    /// Counts one step. Change the 1 to a 10: the total goes on from where it is.
    pub fn step(&mut self) {
        self.steps += 1;
        self.total += 1;
    }

    /// One line of output. Change the text.
    pub fn line(&self) -> String {
        format!("step {}: total {}", self.steps, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up() {
        let mut counter = Counter::default();
        counter.step();
        counter.step();
        assert!(counter.line().starts_with("step 2: "));
    }
}
