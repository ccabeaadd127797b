//! What the soak saw.

use serde::Serialize;

use super::bounds::SETTLED;
use crate::machine::Machine;
use crate::process_info::Taken;
use crate::stats::Spread;

/// All points of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub points: Vec<Point>,
}

/// What was taken after so many saves.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub reloads: u64,
    /// From a save to its `live` event, since the point before; milliseconds.
    pub ms: Spread,
    /// Answers that were checked since the start, and how many of them were panics.
    pub answers: u64,
    pub panics: u64,
    pub program: Taken,
    pub hotdev: Taken,
    /// Bytes of hotdev's folder on disk.
    pub disk: u64,
}

impl Point {
    /// From what was measured.
    pub fn new(
        reloads: u64,
        times: &[f64],
        [answers, panics]: [u64; 2],
        program: Taken,
        hotdev: Taken,
        disk: u64,
    ) -> Self {
        let ms = Spread::of(times).unwrap_or_default();
        Self { reloads, ms, answers, panics, program, hotdev, disk }
    }

    /// For people.
    pub fn line(&self) -> String {
        let of = |taken: &Taken| {
            let (rss, maps, fds) = (taken.rss_kib as f64 / 1024.0, taken.mappings, taken.fds);
            format!("{rss:.1} MiB, {maps} mappings, {fds} fds, {} threads", taken.threads)
        };
        format!(
            "{:>6} saves: {:.0} ms ({:.0} to {:.0}); program {}; hotdev {}; disk {:.1} MiB",
            self.reloads,
            self.ms.median,
            self.ms.q1,
            self.ms.q3,
            of(&self.program),
            of(&self.hotdev),
            self.disk as f64 / f64::from(1 << 20)
        )
    }

    /// What has become more since an earlier point.
    fn since(&self, first: &Self) -> String {
        let mib = |was: u64, is: u64| (is as f64 - was as f64) / 1024.0;
        format!(
            "since save {}: program {:+.1} MiB, hotdev {:+.1} MiB, disk {:+.1} MiB; \
             a save takes {:.2} times as long",
            first.reloads,
            mib(first.program.rss_kib, self.program.rss_kib),
            mib(first.hotdev.rss_kib, self.hotdev.rss_kib),
            mib(first.disk >> 10, self.disk >> 10),
            self.ms.median / first.ms.median,
        )
    }
}

impl Report {
    /// Without points yet.
    pub fn new(machine: Machine) -> Self {
        Self { machine, points: Vec::new() }
    }

    /// The last lines of a run in which nothing was wrong.
    pub fn verdict(&self) -> String {
        let Some(last) = self.points.last() else { return String::new() };
        let (reloads, answers, panics) = (last.reloads, last.answers, last.panics);
        let seen = format!(
            "soak: {reloads} saves, {answers} answers checked ({panics} panics), none wrong"
        );
        match self.points.iter().find(|point| point.reloads >= SETTLED) {
            Some(first) if first.reloads < reloads => format!("{seen}\n{}", last.since(first)),
            _ => seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_says_what_has_become_more() {
        let point = |reloads, ms, rss_kib, disk| {
            let taken = Taken { rss_kib, ..Taken::default() };
            Point::new(reloads, &[ms], [9, 1], taken, taken, disk)
        };
        let points = [point(100, 140.0, 8 << 10, 3 << 20), point(900, 154.0, 9 << 10, 2 << 20)];
        assert_eq!(
            points[1].since(&points[0]),
            "since save 100: program +1.0 MiB, hotdev +1.0 MiB, disk -1.0 MiB; \
             a save takes 1.10 times as long"
        );
    }
}
