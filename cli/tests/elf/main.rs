//! The ELF and DWARF parts on real objects: each test compiles a few lines with rustc, and some
//! link them with the linker that comes with it.

mod calls;
mod compare;
mod compile;
mod damage;
mod image;
mod layouts;
mod object_file;
mod plan;
mod program;
mod rewrite;
mod stub;
mod types;
