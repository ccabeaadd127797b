//! Everything that an executable is made of, as far as it is known before the link.

use std::fs;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

use object::read::elf::{ElfFile64, SectionHeader as _, Sym as _};
use object::{LittleEndian as LE, Object as _, ObjectSection as _, ObjectSymbol as _, elf};
use xxhash_rust::xxh3::Xxh3;

use super::ImageRecord;
use super::command_line::CommandLine;
use super::objects::Objects;
use super::stamp::Stamp;
use crate::error::{Context, Kind, Result};
use crate::layout::Layout;

/// Variables that decide what a C compiler links.
const ENVIRONMENT: [&str; 6] =
    ["PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LD_RUN_PATH", "LIBRARY_PATH", "SYSROOT"];

/// Hash of what decides how the executable comes out: the arguments, the files that they name or
/// find, and hotdev's own objects for it. What else the linker reads (the C library) is stamped
/// after the link. `own` is the hash of the [`own`] part of the objects.
///
/// # Errors
/// When one of hotdev's own objects cannot be read.
pub fn hash(
    layout: &Layout,
    line: &CommandLine,
    linker: &str,
    record: &ImageRecord,
    (objects, own): (&Objects, u64),
) -> Result<u64> {
    let mut hash = Hash::default();
    for name in ENVIRONMENT {
        hash.text(&std::env::var_os(name).unwrap_or_default().to_string_lossy());
    }
    hash.text(linker);
    for path in [&program(linker), &record.lld, &layout.shim] {
        hash.file(path);
    }
    hash.text(&record.hot_image().to_string_lossy());
    hash.text(&line.output.to_string_lossy());
    let temporary = line.temporary_folder();
    for arg in super::executable::arguments(line, record, false) {
        // rustc names a folder of its own, another each time.
        let own = temporary.as_ref().is_some_and(|folder| Path::new(&arg).starts_with(folder));
        hash.text(if own { "" } else { &arg });
        hash.file(Path::new(&arg));
    }
    for path in found_libraries(&line.args) {
        hash.file(&path);
    }
    hash.0.write_u64(own);
    for path in &objects.bundled {
        hash.bytes(&read(path)?);
    }
    Ok(hash.0.finish())
}

/// Hash of what the binary crate's units bring into the executable.
///
/// # Errors
/// When one of the objects cannot be read.
pub fn own(objects: &Objects) -> Result<u64> {
    let mut hash = Hash::default();
    for path in &objects.executable {
        hash.0.write_u64(loaded_part(path)?);
    }
    Ok(hash.0.finish())
}

#[derive(Default)]
struct Hash(Xxh3);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.write_u64(bytes.len() as u64);
        self.0.write(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn file(&mut self, path: &Path) {
        for word in Stamp::of(path).words() {
            self.0.write_u64(word);
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).context(Kind::System, || format!("read {}", path.display()))
}

/// Where a linker that is named without a folder is found.
fn program(linker: &str) -> PathBuf {
    if linker.contains('/') {
        return linker.into();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(linker));
    found.into_iter().find(|path| path.is_file()).unwrap_or_default()
}

/// Where `-l` may find a library in the folders that `-L` names, there or not.
fn found_libraries(args: &[String]) -> Vec<PathBuf> {
    let after = |flag: &'static str| {
        args.iter().enumerate().filter_map(move |(at, arg)| match arg.strip_prefix(flag)? {
            "" => args.get(at + 1).map(String::as_str),
            rest => Some(rest),
        })
    };
    let mut paths = Vec::new();
    for folder in after("-L").map(Path::new) {
        for name in after("-l") {
            match name.strip_prefix(':') {
                Some(file) => paths.push(folder.join(file)),
                None => {
                    paths.extend(["so", "a"].map(|end| folder.join(format!("lib{name}.{end}"))))
                }
            }
        }
    }
    paths
}

/// Hash of what an object brings into a process. The rest, debug information of code that is left
/// out for one, is other with every edit.
fn loaded_part(path: &Path) -> Result<u64> {
    let doing = || format!("read {}", path.display());
    let bytes = read(path)?;
    let file = ElfFile64::<LE>::parse(&*bytes).context(Kind::Image, doing)?;
    let mut hash = Hash::default();
    for section in file.sections() {
        let header = section.elf_section_header();
        if header.sh_flags(LE) & u64::from(elf::SHF_ALLOC) == 0 {
            continue;
        }
        hash.bytes(section.name_bytes().context(Kind::Image, doing)?);
        for word in [header.sh_flags(LE), header.sh_addralign(LE), header.sh_size(LE)] {
            hash.0.write_u64(word);
        }
        hash.0.write_u32(header.sh_type(LE));
        hash.bytes(section.data().context(Kind::Image, doing)?);
        for (offset, relocation) in section.relocations() {
            hash.text(&format!("{offset} {:?} {}", relocation.flags(), relocation.addend()));
            if let object::RelocationTarget::Symbol(index) = relocation.target() {
                let symbol = file.symbol_by_index(index).context(Kind::Image, doing)?;
                hash_symbol(&symbol, &file, &mut hash);
            }
        }
    }
    for symbol in file.symbols().filter(|symbol| symbol.elf_symbol().st_bind() != elf::STB_LOCAL) {
        if symbol.elf_symbol().st_bind() == elf::STB_GLOBAL {
            hash_symbol(&symbol, &file, &mut hash);
        }
    }
    Ok(hash.0.finish())
}

fn hash_symbol<'a>(
    symbol: &object::read::elf::ElfSymbol64<'a, '_, LE>,
    file: &ElfFile64<'a, LE>,
    hash: &mut Hash,
) {
    hash.bytes(symbol.name_bytes().unwrap_or_default());
    let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
    hash.bytes(section.and_then(|section| section.name_bytes().ok()).unwrap_or_default());
    let entry = symbol.elf_symbol();
    for word in
        [entry.st_value(LE), entry.st_size(LE), u64::from(entry.st_info), u64::from(entry.st_other)]
    {
        hash.0.write_u64(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_library_is_an_input() {
        let args = ["-L", "/a", "-lone", "-L/b", "-l", ":two.so"].map(str::to_owned);
        let found = found_libraries(&args);
        let wanted = [
            "/a/libone.so",
            "/a/libone.a",
            "/a/two.so",
            "/b/libone.so",
            "/b/libone.a",
            "/b/two.so",
        ];
        assert_eq!(found, wanted.map(PathBuf::from));
    }
}
