//! The object with the stubs.

use hotdev_cli::elf::stub;
use object::elf;

use crate::compile::{Use, parse, symbol, uses};

#[test]
fn each_function_has_one_jump_through_its_own_slot() {
    let names = ["_ZN4demo5first17h0123456789abcdefE", "plain"];
    let object = parse(stub::object(names.iter()).expect("stubs"));
    let uses: Vec<Use> = uses(&object);
    assert_eq!(uses.len(), 2);
    for name in names {
        let stub = object.symbols.iter().find(|s| s.name == stub::name(name)).expect("a stub");
        assert!(stub.is_global() && stub.visibility() == elf::STV_DEFAULT);
        assert_eq!((stub.kind, stub.size), (elf::STT_FUNC, 6));
        let used = uses.iter().find(|u| u.offset == stub.value + 2).expect("its relocation");
        assert_eq!((used.kind, used.addend), (elf::R_X86_64_GOTPCREL, -4));
        assert_eq!(used.target, hotdev_cli::symbol_name::path(name));
        let start = stub.value as usize;
        assert_eq!(object.data(stub.section.into())[start..start + 2], [0xff, 0x25]);
    }
    assert_eq!(symbol(&object, "plain").section, elf::SHN_UNDEF);
}

#[test]
fn no_functions_make_an_object_without_stubs() {
    let object = parse(stub::object(std::iter::empty::<String>()).expect("an object"));
    assert!(!object.symbols.iter().any(|s| s.kind == elf::STT_FUNC));
}

#[test]
fn two_functions_have_two_stubs() {
    assert_ne!(stub::name("a"), stub::name("b"));
}
