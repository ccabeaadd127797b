//! Medians and quartiles.

use std::time::Duration;

use serde::Serialize;

/// Milliseconds.
pub fn ms(taken: Duration) -> f64 {
    taken.as_secs_f64() * 1e3
}

/// Median and quartiles of a sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many values there are.
    pub count: usize,
    /// Lower quartile.
    pub q1: f64,
    /// Median.
    pub median: f64,
    /// Upper quartile.
    pub q3: f64,
    /// Every value, in the order of measurement.
    pub values: Vec<f64>,
}

impl Spread {
    /// Of values in any order; nothing where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            count: sorted.len(),
            q1: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            q3: quantile(&sorted, 0.75),
            values: values.to_vec(),
        })
    }

    /// Of all values but the first, which meets cold caches.
    pub fn after_first(values: &[f64]) -> Self {
        Self::of(values.get(1..).unwrap_or_default()).unwrap_or_default()
    }
}

/// Between the two nearest values, as far as the position is between them.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let position = part * (sorted.len() - 1) as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (position - low as f64)
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn quartiles_lie_between_the_nearest_values() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).expect("there are values");
        assert_eq!((spread.q1, spread.median, spread.q3), (1.75, 2.5, 3.25));
    }

    #[test]
    fn one_value_is_all_of_them() {
        let spread = Spread::of(&[7.0]).expect("there is a value");
        assert_eq!((spread.q1, spread.median, spread.q3), (7.0, 7.0, 7.0));
        assert_eq!(Spread::of(&[]), None);
    }
}
