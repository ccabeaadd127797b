//! Everything that is particular to ELF and x86-64. Another format or machine goes beside it.
//!
//! - [`object_file`]: one relocatable object, parsed so that symbols and relocations can be edited
//! - [`rewrite`]: makes an object's functions replaceable
//! - [`thread_locals`]: those of binary crates, which live in the executable
//! - [`stub`]: what pointers to replaceable functions in data lead to
//! - [`privacy`]: keeps patches from being bound to one another
//! - [`calls`]: how a patch tells which of its functions have been called
//! - [`image`]: what a linked image defines, and where it holds addresses

pub mod calls;
pub mod image;
pub mod object_file;
pub mod privacy;
pub mod rewrite;
pub mod stub;
pub mod thread_locals;

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// A static, or a constant that has a name of its own.
    Data,
    /// A thread-local.
    ThreadLocal,
}

/// Whether a data symbol is a `static` of the program. Constants that rustc makes up have private
/// names, and every generation may have its own of those.
pub fn is_static_name(name: &str) -> bool {
    !(name.is_empty()
        || name.starts_with('.')
        || name.starts_with("anon.")
        || name.starts_with("vtable.")
        || name.starts_with("alloc_")
        || name.starts_with("switch.table")
        || name.starts_with("DW.ref.")
        || name.starts_with("GCC_except_table")
        || name.starts_with("__rustc_debug_gdb_scripts_section__"))
}
