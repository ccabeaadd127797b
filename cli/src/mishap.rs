//! Mistakes on purpose: where `HOTDEV_MISHAP` names a place, hotdev panics there. So tests see what a
//! panic leaves of the terminal. A release has none of it.

/// Panics, where this place is named.
///
/// # Panics
/// See there.
pub fn at(place: &str) {
    if cfg!(debug_assertions) {
        let named = std::env::var_os("HOTDEV_MISHAP");
        assert!(named.is_none_or(|named| named != place), "a mishap on purpose in {place}");
    }
}
