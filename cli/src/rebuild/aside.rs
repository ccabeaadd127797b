//! cargo's own files of a crate, out of the way while rustc writes where they were.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::graph::HotCrate;

/// What cargo has of a crate, put aside while rustc writes a new one in its place.
///
/// rustc takes everything for changed when its output folder is another, so a replay has to write
/// where cargo had it written. What it wrote is then moved away, and cargo finds its own files as
/// it left them. If hotdev ends in between, cargo misses them and compiles the crate anew.
#[derive(Debug)]
pub struct Aside {
    names: [String; 3],
    /// cargo's folder.
    out_dir: PathBuf,
    /// Where the replay's output is to go.
    folder: PathBuf,
    is_back: bool,
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Err(error) = self.take_back(false) {
            tracing::warn!(%error, "cargo's own output was not put back; cargo will compile it anew");
        }
    }
}

impl Aside {
    /// Makes room for the output of a replay, which is to go into `folder`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn put(hot: &HotCrate, folder: &Path) -> io::Result<Self> {
        let key = &hot.key;
        let names = [format!("lib{key}.rlib"), format!("lib{key}.rmeta"), format!("{key}.d")];
        let aside = Self {
            names,
            out_dir: hot.invocation.out_dir(),
            folder: folder.to_owned(),
            is_back: false,
        };
        fs::create_dir_all(aside.kept())?;
        for name in &aside.names {
            move_file(&aside.out_dir.join(name), &aside.kept().join(name))?;
        }
        Ok(aside)
    }

    /// Of a crate that cargo has nothing of.
    #[cfg(test)]
    pub fn nothing() -> Self {
        let names = <[String; 3]>::default();
        Self { names, out_dir: PathBuf::new(), folder: PathBuf::new(), is_back: true }
    }

    fn kept(&self) -> PathBuf {
        self.folder.join("aside")
    }

    /// Gives cargo its files back; with `use_output`, the replay's are moved away before.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take_back(&mut self, use_output: bool) -> io::Result<()> {
        if std::mem::replace(&mut self.is_back, true) {
            return Ok(());
        }
        for name in &self.names {
            let (out, kept) = (self.out_dir.join(name), self.kept().join(name));
            if use_output {
                move_file(&out, &self.folder.join(name))?;
            }
            move_file(&kept, &out)?;
        }
        Ok(())
    }
}

/// Moves a file, if it is there.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
