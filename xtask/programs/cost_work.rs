//! Work that is little more than calls: private ones, recursive ones, through traits, generic ones.
//!
//! How fast a short function is depends on where the linker happens to put it, by more than what is
//! to be measured. So there are many copies of the work, each somewhere else.

mod edited;
pub use edited::marker;

macro_rules! copies {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// Has every copy do its work so often.
        pub fn run(rounds: u64) -> u64 {
            let mut sum = 0;
            for _ in 0..rounds {
                $(sum = $name::run(sum);)*
            }
            sum
        }
    };
}

copies!(NAMES);
