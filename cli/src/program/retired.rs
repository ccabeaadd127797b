//! Images that have had their day: which the code that is current needs no more, and what is left of
//! them when they are unloaded.

use hotdev_protocol::Generation;

use super::{FIRST_PATCH, Program};
use crate::elf::SymbolKind;
use crate::elf::image::Image;
use crate::elf::stub;

impl Program {
    /// Build ids of the patches older than `before` that no later patch can need. Whether anything
    /// in the running processes still refers to them, only their memory can say.
    ///
    /// An image is needed that holds the first copy of a static, because code reaches that by
    /// distance, and one with the newest version of a function that `is_current`: a later patch may
    /// call it without bringing it.
    pub fn retired(&self, before: Generation, is_current: &dyn Fn(&str) -> bool) -> Vec<Vec<u8>> {
        let old = self.generations.iter().take_while(|generation| **generation < before).count();
        let mut old = self.images.iter().enumerate().skip(FIRST_PATCH).take(old);
        let mut retired = Vec::new();
        for (index, image) in &mut old {
            if !self.homes[index] && !self.has_newest(index, image, is_current) {
                retired.push(image.build_id.clone());
            }
        }
        retired
    }

    fn has_newest(&self, index: usize, image: &Image, is_current: &dyn Fn(&str) -> bool) -> bool {
        let functions =
            image.exports.iter().filter(|(_, found)| found.kind == SymbolKind::Function);
        let mut newest = functions.map(|(name, _)| name).filter(|name| {
            !stub::is_name(name) && self.function(name).is_some_and(|(image, _)| image == index)
        });
        newest.any(|name| is_current(name))
    }

    /// Takes note that patches are unloaded.
    pub fn unloaded(&mut self, build_ids: &[Vec<u8>]) {
        for index in (FIRST_PATCH..self.images.len()).rev() {
            if build_ids.contains(&self.images[index].build_id) {
                self.unloaded_at(index);
            }
        }
        self.replaced.retain(|_, versions| !versions.is_empty());
    }

    fn unloaded_at(&mut self, index: usize) {
        self.images.remove(index);
        self.homes.remove(index);
        self.generations.remove(index - FIRST_PATCH);
        let newer = |other: &mut usize| *other -= usize::from(*other > index);
        self.fresh.values_mut().flatten().for_each(newer);
        for versions in self.replaced.values_mut() {
            for version in versions.iter_mut() {
                version.gone |= version.image == index;
                newer(&mut version.image);
            }
            // Images older than one that kept functions apart are still those that it kept apart.
            versions.retain(|version| !version.gone || version.apart);
            versions.dedup_by_key(|version| (version.image, version.gone));
        }
        // What changed its symbol there has it since then.
        let newest = self.images.len() - 1;
        for (image, _) in &mut self.aliases {
            newer(image);
            *image = (*image).min(newest);
        }
        let all = std::mem::take(&mut self.aliases);
        for (image, aliases) in all {
            match self.aliases.last_mut() {
                Some(last) if last.0 == image => last.1 = aliases,
                _ => self.aliases.push((image, aliases)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::elf::image::Definition;
    use crate::program::Brought;

    fn image(number: u8, functions: &[&str], statics: &[&str]) -> Image {
        let one = |kind| {
            move |name: &&str| {
                ((*name).to_owned(), Definition { place: u64::from(number) * 16, size: 8, kind })
            }
        };
        Image {
            build_id: vec![number],
            exports: functions.iter().map(one(SymbolKind::Function)).collect(),
            statics: statics.iter().map(one(SymbolKind::Data)).collect(),
            ..Image::default()
        }
    }

    fn program(patches: &[(&[&str], &[&str], &[&str])]) -> Program {
        let mut program = Program::new(image(0, &[], &[]), image(1, &["f", "g"], &["S"]));
        for (number, (functions, statics, apart)) in patches.iter().enumerate() {
            let apart: BTreeSet<String> = apart.iter().map(|name| (*name).to_owned()).collect();
            let brought = Brought { apart, ..Brought::default() };
            let image = image(number as u8 + 2, functions, statics);
            program.push(number as u64 + 1, image, &brought);
        }
        program
    }

    #[test]
    fn what_a_later_patch_may_need_is_not_retired() {
        let program = program(&[
            (&["f"], &["S"], &[]),
            (&["f", "g"], &[], &[]),
            (&["f"], &["T"], &[]),
            (&["f", "deleted"], &[], &[]),
            (&["f"], &[], &[]),
        ]);
        let is_current = |name: &str| name != "deleted";
        assert_eq!(program.retired(5, &is_current), [vec![2], vec![5]]);
        assert_eq!(program.retired(2, &is_current), [vec![2]]);
        assert_eq!(program.retired(5, &|_| true), [vec![2]]);
    }

    #[test]
    fn unloading_leaves_the_newest_versions_and_what_is_apart() {
        let mut program = program(&[
            (&["f"], &[], &[]),
            (&["f"], &[], &["f"]),
            (&["f"], &[], &[]),
            (&["g"], &[], &[]),
        ]);
        program.unloaded(&[vec![2], vec![3]]);
        assert_eq!(program.generations(), [3, 4]);
        assert_eq!(program.function("f"), Some((2, 64)));
        // The hot image is older than the patch that kept `f` apart, the patches are newer.
        assert_eq!(program.version("f", 1), Some((1, 16)));
        assert!(program.is_apart("f", 1) && !program.is_apart("f", 2));
        assert_eq!(program.function("g"), Some((3, 80)));
        program.revert(0);
        assert_eq!(program.function("f"), Some((1, 16)));
    }
}
