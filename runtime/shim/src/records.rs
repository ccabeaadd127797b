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
        Ok(Self { table, told: vec![false; records.count as usize] })
    }

    fn new(&self) -> impl Iterator<Item = u32> {
        let records = self.table.called().zip(&self.told).zip(0..);
        records.filter(|((called, told), _)| *called && !**told).map(|(_, index)| index)
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
        let records: Vec<u32> = watched.new().take(left).collect();
        left -= records.len();
        if !records.is_empty() {
            all.push(Called { build_id: build_id.clone(), records });
        }
    }
    all
}
