//! All figures of a run, and the tables that are printed.

use std::fmt::Write as _;

use serde::Serialize;

use super::cost::{CostReport, Throughput};
use super::growth::Growth;
use super::overhead::{IDLE, Overhead};
use super::sizes::SizeReport;
use super::starts::Starts;
use crate::machine::Machine;
use crate::stats::Spread;

/// The stages of a `live` event in their order, and what is outside of them.
pub const STAGES: [&str; 6] = ["detect", "rustc", "check", "link", "load", "around"];

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub sizes: Vec<SizeReport>,
    pub cost: Option<CostReport>,
    pub growth: Option<Growth>,
    pub overhead: Option<Overhead>,
}

impl Report {
    /// Without figures yet.
    pub fn new(machine: Machine) -> Self {
        Self { machine, sizes: Vec::new(), cost: None, growth: None, overhead: None }
    }

    /// For people.
    pub fn table(&self) -> String {
        let machine = &self.machine;
        let mut out = format!(
            "{}, {} on {} cores of {}, {}\nload at the start {}; ms as median (quartiles)\n",
            machine.date, machine.hotdev, machine.cores, machine.cpu, machine.rustc, machine.load
        );
        for size in &self.sizes {
            add_size(&mut out, size);
        }
        if let Some(cost) = &self.cost {
            add_cost(&mut out, cost);
        }
        if let Some(overhead) = &self.overhead {
            add_overhead(&mut out, overhead);
        }
        if let Some(growth) = &self.growth {
            add_growth(&mut out, growth);
        }
        out
    }
}

fn add_size(out: &mut String, size: &SizeReport) {
    let (name, lines, packages) = (size.size, size.lines, size.dependencies);
    let _ = writeln!(out, "\n{name}: {lines} lines, {packages} third-party packages");
    let _ = writeln!(out, "  {:<18}{:>9}  {:<30}hotdev takes", "", "first", "edits after it");
    for row in &size.contenders {
        let ratio = &row.hotdev_ratio;
        let beside = match row.name {
            "hotdev" => String::new(),
            _ => format!("{:.2} of it ({:.2} to {:.2})", ratio.median, ratio.q1, ratio.q3),
        };
        let _ = writeln!(out, "  {:<18}{:>9.0}  {:<30}{beside}", row.name, row.first, ms(&row.ms));
    }
    let shares = STAGES.iter().filter_map(|stage| Some((stage, size.stages.get(*stage)?)));
    let shares: Vec<String> = shares.map(|(stage, ms)| format!("{stage} {ms:.1}")).collect();
    let _ = writeln!(out, "  stages of hotdev: {}", shares.join(", "));
    if let Some(starts) = &size.starts {
        add_starts(out, starts);
    }
    for note in &size.notes {
        let _ = writeln!(out, "  note: {note}");
    }
}

fn add_starts(out: &mut String, starts: &Starts) {
    let Starts { first_cargo, first_hotdev, .. } = starts;
    let ratio = first_hotdev / first_cargo;
    let _ = writeln!(out, "  `cargo run` beside `hotdev watch`, to the first word:");
    let _ = writeln!(
        out,
        "    own crates to compile  {first_cargo:.0}, {first_hotdev:.0}: {ratio:.2} of it"
    );
    if let Some((cargo, hotdev)) = starts.all {
        let ratio = hotdev / cargo;
        let _ =
            writeln!(out, "    all crates to compile  {cargo:.0}, {hotdev:.0}: {ratio:.2} of it");
    }
    let pairs = [
        ("nothing to compile", &starts.again_cargo, &starts.again_hotdev),
        ("after a refused edit", &starts.restart_cargo, &starts.restart_hotdev),
    ];
    for (what, cargo, hotdev) in pairs {
        let ratio = hotdev.median / cargo.median;
        let _ = writeln!(out, "    {what:<22} {}, {}: {ratio:.2} of it", ms(cargo), ms(hotdev));
    }
}

fn add_overhead(out: &mut String, overhead: &Overhead) {
    let Overhead { reload, files, keys } = overhead;
    let _ = writeln!(out, "\nthe session itself");
    let with = format!("start, {} more files", files.files);
    let live = format!("{} saves there, all live", files.saves);
    let rows = [
        ("hotdev --version", &reload.version),
        ("reload, unchanged", &reload.unchanged),
        ("save to reload's end", &reload.edit),
        ("  beyond live's total", &reload.added),
        ("start, nothing to build", &files.start_without),
        (&with, &files.start_with),
        ("  beyond the one before", &files.start_added),
        (&live, &files.save),
        ("key to frame", &keys.frame),
    ];
    for (what, spread) in rows {
        let _ = writeln!(out, "  {what:<26} {}", ms(spread));
    }
    let _ = writeln!(out, "  {:<26} {:.1}", "  the worst", keys.worst);
    let _ = writeln!(
        out,
        "  CPU time of {} s idle       {:.2} with the files, {:.2} at a terminal",
        IDLE.as_secs(),
        files.idle_cpu,
        keys.idle_cpu
    );
}

fn add_growth(out: &mut String, growth: &Growth) {
    let _ = writeln!(out, "\nhow it grows; in brackets the ratio to the first point, edit by edit");
    for (what, points) in growth.curves() {
        for point in points {
            let _ = writeln!(
                out,
                "  {what:<20}{:>6}: hotdev {} [{:.2}], bare rustc {} [{:.2}]",
                point.count,
                ms(&point.hotdev),
                point.hotdev_ratio.median,
                ms(&point.rustc),
                point.rustc_ratio.median
            );
        }
    }
}

fn add_cost(out: &mut String, cost: &CostReport) {
    let _ = writeln!(out, "\ncost to a running program");
    for (profile, throughput) in
        [("dev", &cost.dev), ("release", &cost.release), ("release*", &cost.release_alike)]
    {
        let Throughput { plain, hotdev, ratio, fastest } = throughput;
        let _ = writeln!(
            out,
            "  calls, {profile:<8} plain {}, hotdev {}: {:.3} of it ({:.3} to {:.3}), fastest {fastest:.3}",
            ms(plain),
            ms(hotdev),
            ratio.median,
            ratio.q1,
            ratio.q3
        );
    }
    let _ = writeln!(out, "  * the plain one also compiled incrementally");
    let pairs = [
        ("start", &cost.start_plain, &cost.start_hotdev),
        ("cargo run / watch", &cost.run_cargo, &cost.run_hotdev),
    ];
    for (what, plain, hotdev) in pairs {
        let _ = writeln!(out, "  {what:<18} plain {}, hotdev {}", ms(plain), ms(hotdev));
    }
    let (plain, hotdev) = (mib(cost.program_plain), mib(cost.program_hotdev));
    let _ = writeln!(out, "  program on disk    plain {plain}, hotdev {hotdev}");
    let (target, folder) = (mib(cost.target_plain), mib(cost.folder_hotdev));
    let _ = writeln!(out, "  target directory   {target}; hotdev's folder in it {folder}\n");
}

fn ms(spread: &Spread) -> String {
    let digits = if spread.median < 10.0 { 1 } else { 0 };
    format!("{:.digits$} ({:.digits$} to {:.digits$})", spread.median, spread.q1, spread.q3)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
