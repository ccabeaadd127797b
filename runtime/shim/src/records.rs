//! Which functions of a patch have been called, and what of that the session knows.

use hotdev_protocol::{Called, FailureKind, Records};

use crate::{
    failure::{Result, failure},
    sys::{calls::Table, images::Image},
};

/// Indices in one message. A socket takes a frame of that length whole or not at all.
const MOST: usize = 1000;

/// The records of one loaded patch.
pub struct Watched {
    table: Table,
    /// Address of the first entry.
    entries: u64,
    /// Those that the session has been told of.
    told: Vec<bool>,
}

impl Watched {
    /// The records of a patch, which is `image`.
    pub fn of(image: &Image, records: Records) -> Result<Self> {
        let table = Table::of(image, records).ok_or_else(|| {
            let message = "the records of calls lie outside of the patch's data";
            failure(FailureKind::SlotMismatch, message)
        })?;
        let entries = image.base.wrapping_add_signed(records.entries);
        Ok(Self { table, entries, told: vec![false; records.count as usize] })
    }

    /// The function whose entry is at this address.
    pub fn behind(&self, address: u64) -> Option<u64> {
        self.table.function(self.index_of(address)?)
    }

    /// The same, if the function has been called: its slots are led past the entry then.
    pub fn past(&self, address: u64) -> Option<u64> {
        let index = self.index_of(address).filter(|index| self.table.is_called(*index))?;
        self.table.function(index)
    }

    /// Entries whose functions have been called, and where these are.
    pub fn called(&self) -> impl Iterator<Item = (u64, u64)> {
        let called = (0..self.table.len()).filter(|index| self.table.is_called(*index));
        called.filter_map(|index| {
            Some((self.entries + index as u64 * Records::ENTRY, self.table.function(index)?))
        })
    }

    fn index_of(&self, address: u64) -> Option<usize> {
        let offset = address.checked_sub(self.entries)?;
        let index = usize::try_from(offset / Records::ENTRY).ok()?;
        (offset.is_multiple_of(Records::ENTRY) && index < self.table.len()).then_some(index)
    }

    fn untold(&self) -> impl Iterator<Item = u32> {
        let untold = self.told.iter().enumerate().filter(|(_, told)| !**told);
        untold.filter(|(index, _)| self.table.is_called(*index)).map(|(index, _)| index as u32)
    }

    /// Takes note that the session knows of these.
    pub fn told(&mut self, records: &[u32]) {
        for index in records {
            if let Some(told) = self.told.get_mut(*index as usize) {
                *told = true;
            }
        }
    }

    /// Takes note that another session knows of none.
    pub fn forget_told(&mut self) {
        self.told.fill(false);
    }
}

/// What has been called and not been told, as far as it fits into one message.
pub fn newly_called<'a>(watched: impl Iterator<Item = (&'a Vec<u8>, &'a Watched)>) -> Vec<Called> {
    let mut left = MOST;
    let mut all = Vec::new();
    for (build_id, watched) in watched {
        let records: Vec<u32> = watched.untold().take(left).collect();
        left -= records.len();
        if !records.is_empty() {
            all.push(Called { build_id: build_id.clone(), records });
        }
    }
    all
}
