//! What a run may take, however long it is: old code is unloaded, and old patches' files are removed.

use anyhow::{Result, ensure};

use super::report::Point;
use crate::process_info::Taken;

/// After so many saves, everything that a session has once is there.
pub(super) const SETTLED: u64 = 100;
/// How much each of the two may grow from then on.
const GROWTH_KIB: u64 = 20 << 10;
/// Mappings that the program may have more than after its first save: those of the patches that a
/// rollback may lead to, of those that wait to be unloaded, and of some that seem to be in use.
const MAPPINGS: usize = 4 * (16 + 48 + 16 + 20);
/// Descriptors and threads that come and go.
const FEW: usize = 8;
/// Mappings of hotdev's that come and go: stacks and memory of its threads.
const OWN_MAPPINGS: usize = 64;
/// Bytes on disk that hotdev's folder may grow by.
const DISK: u64 = 32 << 20;

/// Whether `now` keeps the bounds that the points `before` set.
///
/// # Errors
/// What has grown too much.
pub fn check(before: &[Point], now: &Point) -> Result<()> {
    if let Some(first) = before.first() {
        let (most, has) = (first.program.mappings + MAPPINGS, now.program.mappings);
        ensure!(has <= most, "the program has {has} mappings, more than {most}");
    }
    let Some(settled) = before.iter().find(|point| point.reloads >= SETTLED) else { return Ok(()) };
    both(&settled.program, &now.program, "the program")?;
    both(&settled.hotdev, &now.hotdev, "hotdev")?;
    let (was, has) = (settled.hotdev.mappings, now.hotdev.mappings);
    ensure!(has <= was + OWN_MAPPINGS, "hotdev went from {was} to {has} mappings");
    let (was, has) = (settled.disk, now.disk);
    ensure!(has <= was + DISK, "hotdev's folder grew from {was} to {has} bytes");
    Ok(())
}

fn both(was: &Taken, now: &Taken, who: &str) -> Result<()> {
    let (before, has) = (was.rss_kib, now.rss_kib);
    ensure!(has <= before + GROWTH_KIB, "the memory of {who} grew from {before} to {has} KiB");
    let (before, has) = (was.fds, now.fds);
    ensure!(has <= before + FEW, "the descriptors of {who} went from {before} to {has}");
    let (before, has) = (was.threads, now.threads);
    ensure!(has <= before + FEW as u64, "the threads of {who} went from {before} to {has}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Spread;

    fn point(reloads: u64, rss_mib: u64, mappings: usize, fds: usize, disk: u64) -> Point {
        let taken = Taken { rss_kib: rss_mib << 10, mappings, fds, threads: 12 };
        let (program, hotdev) = (taken, Taken { mappings: 95, ..taken });
        Point { reloads, ms: Spread::default(), answers: 0, panics: 0, program, hotdev, disk }
    }

    #[test]
    fn growth_is_an_error_and_a_steady_state_is_none() {
        let before = [point(1, 4, 110, 8, 70 << 20), point(100, 8, 300, 8, 90 << 20)];
        assert!(check(&before, &point(1000, 20, 310, 10, 95 << 20)).is_ok());
        assert!(check(&before[..1], &point(100, 80, 310, 30, 195 << 20)).is_ok());
        let (mut own, mut threads) = (point(1000, 8, 310, 8, 90 << 20), before[1].clone());
        own.hotdev.mappings = 200;
        threads.program.threads = 40;
        for (bad, why) in [
            (point(1000, 29, 310, 8, 90 << 20), "memory of the program"),
            (point(1000, 8, 3110, 8, 90 << 20), "the program has 3110 mappings"),
            (point(1000, 8, 310, 100, 90 << 20), "descriptors of the program"),
            (point(1000, 8, 310, 8, 900 << 20), "folder grew"),
            (own, "hotdev went from 95 to 200 mappings"),
            (threads, "threads of the program"),
        ] {
            let error = check(&before, &bad).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
