//! What each process does.

/// The state of one process: it lives as long as that.
#[derive(Debug)]
pub struct Worker {
    number: u32,
    done: u32,
}

impl Worker {
    /// One that has done nothing yet.
    pub fn new(number: u32) -> Self {
        Self { number, done: 0 }
    }

    /// Does one piece of work and says so. Change the text: every process prints the new one.
    pub fn work(&mut self) -> String {
        self.done += 1;
        format!("worker {} has done {}", self.number, self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let mut worker = Worker::new(7);
        worker.work();
        assert!(worker.work().ends_with('2'));
    }
}
