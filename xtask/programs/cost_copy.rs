use super::marker;

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

pub fn run(begin: u64) -> u64 {
    let steps: [Box<dyn Step>; 3] = [Box::new(Add(3)), Box::new(Twist(7)), Box::new(Add(marker()))];
    let mut sum = mix(begin, fibonacci(12));
    each(&steps, |step| sum = step.step(sum));
    mix(sum, begin)
}
