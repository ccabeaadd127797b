//! Work that is little more than calls: private ones, recursive ones, through traits, generic ones.

mod edited;
pub use edited::marker;

trait Step {
    fn step(&self, value: u64) -> u64;
}

struct Add(u64);
struct Twist(u32);

impl Step for Add {
    fn step(&self, value: u64) -> u64 {
        value.wrapping_add(self.0)
    }
}

impl Step for Twist {
    fn step(&self, value: u64) -> u64 {
        value.rotate_left(self.0)
    }
}

fn fibonacci(number: u64) -> u64 {
    if number < 2 { number } else { fibonacci(number - 1) + fibonacci(number - 2) }
}

fn each<T>(values: &[T], mut visit: impl FnMut(&T)) {
    for value in values {
        visit(value);
    }
}

fn mix(left: u64, right: u64) -> u64 {
    left ^ right.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

pub fn run(rounds: u64) -> u64 {
    let steps: [Box<dyn Step>; 3] = [Box::new(Add(3)), Box::new(Twist(7)), Box::new(Add(marker()))];
    let mut sum = 0;
    for round in 0..rounds {
        sum = mix(sum, fibonacci(12));
        each(&steps, |step| sum = step.step(sum));
        sum = mix(sum, round);
    }
    sum
}
