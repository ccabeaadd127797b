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

/// Links the hot image of these crates, puts it in the place of the last one and gives it; `None`,
/// with everything as it was, where the executable would have to be another one as well.
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
) -> Result<Option<Image>> {
    let scratch = scratch(&record.folder)?;
    let Some(kept) = Kept::read(record) else { return Ok(None) };
    let (objects, image) = hot::make(&hot::of_units(crates)?, &[], record, scratch.path())?;
    let hot = Image::read(&image)?;
    if let Some(why) = kept.obstacle_to_relink(inputs::own(&objects)?, &hot, record) {
        tracing::debug!(why, "a restart takes cargo");
        return Ok(None);
    }
    hot::fill_thread_locals(&image, &hot, &objects.thread_locals, &kept.offer.thread_locals)?;
    if let Err(error) = fs::remove_file(output)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(Error::new(Kind::System, format!("remove {}", output.display()), error));
    }
    // Not put over the last one: a file system that keeps such a replacement safe (ext4) has the
    // new file written to the disk first. Without the output, cargo links whatever is left here.
    let aside = scratch.path().join("last-libhot.so");
    put(&record.hot_image(), &aside)?;
    if let Err(error) = put(&image, &record.hot_image()) {
        let _ = put(&aside, &record.hot_image());
        return Err(error);
    }
    // Large as an image is, and nobody waits for it; the next link removes what is left then.
    let _ = std::thread::Builder::new().name("scratch".into()).spawn(move || drop(scratch));
    Ok(Some(hot))
}
