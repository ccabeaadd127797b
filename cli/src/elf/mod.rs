//! Everything that is particular to ELF and x86-64. Another format or machine goes beside it.
//!
//! - [`object_file`]: one relocatable object, parsed so that symbols and relocations can be edited
//! - [`rewrite`]: makes an object's functions replaceable
//! - [`stub`]: what pointers to replaceable functions in data lead to
//! - [`image`]: what a linked image defines, and where it holds addresses

pub mod image;
pub mod object_file;
pub mod rewrite;
pub mod stub;

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// A static, or a constant that has a name of its own.
    Data,
    /// A thread-local.
    ThreadLocal,
}

/// What LLVM puts between the name of a private item and a hash of the unit that has it, where it
/// lets another unit of the crate use the item.
const PROMOTED: &str = ".llvm.";

/// The name that an item has in every compilation, whether units share it or not.
pub fn own_name(name: &str) -> &str {
    let is_one = |hash: &str| !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once(PROMOTED) {
        Some((own, hash)) if is_one(hash) => own,
        _ => name,
    }
}

/// Whether a data symbol is a constant that several units of an optimized crate share. Its name
/// stands for its contents: it has a hash of the whole unit that brings it.
pub fn is_shared_constant(name: &str) -> bool {
    !is_static_name(name) && own_name(name) != name
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_units_share_is_known_by_its_name() {
        assert_eq!(own_name("_ZN1a5COUNT17h0E.llvm.123"), "_ZN1a5COUNT17h0E");
        assert_eq!(own_name("my.llvm.name"), "my.llvm.name");
        assert!(is_shared_constant("anon.0f.3.llvm.123") && !is_shared_constant("anon.0f.3"));
        assert!(!is_shared_constant("_ZN1a5COUNT17h0E.llvm.123"));
    }
}
