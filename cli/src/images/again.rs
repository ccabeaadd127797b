//! The hot image, made anew of units that are compiled already, for a restart that needs no cargo.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::kept::Kept;
use super::{ImageRecord, hot, inputs, put, scratch};
use crate::elf::image::Image;
use crate::error::{Error, Kind, Result};
use crate::invocation::Invocation;
use crate::units::Unit;

/// Links the hot image of these crates and puts it in the place of the last one; false, with
/// everything as it was, where the executable would have to be another one as well.
///
/// `output` is the executable under the name that cargo looks for. It is removed first, so that
/// cargo does not take a program for fresh that others than cargo have changed.
///
/// # Errors
/// What the linker says. Everything is as it was then, or cargo links anew.
pub fn relink(
    record: &ImageRecord,
    crates: &[(&Invocation, &[Arc<Unit>])],
    output: &Path,
) -> Result<bool> {
    let scratch = scratch(&record.folder)?;
    let Some(kept) = Kept::read(record) else { return Ok(false) };
    let objects = hot::rewrite(hot::of_units(crates)?, &[], scratch.path())?;
    let image = scratch.path().join("libhot.so");
    hot::link(record, &objects.hot, &image)?;
    let hot = Image::read(&image)?;
    if let Some(why) = kept.obstacle_to_relink(inputs::own(&objects)?, &hot, record) {
        tracing::debug!(why, "a restart takes cargo");
        return Ok(false);
    }
    hot::fill_thread_locals(&image, &hot, &objects.thread_locals, &kept.offer.thread_locals)?;
    match fs::remove_file(output) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::new(Kind::System, format!("remove {}", output.display()), error));
        }
        _ => put(&image, &record.hot_image())?,
    }
    // Large as the program is, and nobody waits for it; the next link removes what is left then.
    let _ = std::thread::Builder::new().name("scratch".into()).spawn(move || drop(scratch));
    Ok(true)
}
