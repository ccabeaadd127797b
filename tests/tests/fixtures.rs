//! Every fixture with a `steps.toml`, one test each.

use hotdev_tests::steps;

macro_rules! fixtures {
    ($($test:ident = $name:literal,)*) => {
        $(#[test]
        fn $test() {
            steps::run($name);
        })*

        #[test]
        fn each_fixture_has_its_test() {
            let mut listed = vec![$($name),*];
            listed.sort_unstable();
            assert_eq!(steps::all(), listed);
        }
    };
}

fixtures! {
    allocator = "allocator",
    any = "any",
    block_statics = "block-statics",
    bundled_c = "bundled-c",
    captures = "captures",
    closure = "closure",
    closures_dropped = "closures-dropped",
    closures_held = "closures-held",
    closures_numbered = "closures-numbered",
    closures_swapped = "closures-swapped",
    compile_error = "compile-error",
    cross_unit = "cross-unit",
    erased = "erased",
    excluded = "excluded",
    exported = "exported",
    exported_convention = "exported-convention",
    first_use = "first-use",
    fn_pointer = "fn-pointer",
    fn_pointer_table = "fn-pointer-table",
    futures = "futures",
    futures_moved = "futures-moved",
    generated = "generated",
    generic = "generic",
    hidden_types = "hidden-types",
    layouts = "layouts",
    lib_and_bin = "lib-and-bin",
    method_signature = "method-signature",
    needs_restart_ask = "needs-restart-ask",
    needs_restart_keep = "needs-restart-keep",
    needs_restart_restart = "needs-restart-restart",
    new_items = "new-items",
    optimized = "optimized",
    own_linker = "own-linker",
    panics = "panics",
    several_crates = "several-crates",
    signatures = "signatures",
    single = "single",
    static_type = "static-type",
    statics = "statics",
    thread_local_address = "thread-local-address",
    thread_locals = "thread-locals",
    tokio = "tokio",
    trait_object = "trait-object",
    unchanged = "unchanged",
    unresolved = "unresolved",
    v0 = "v0",
    vtable_types = "vtable-types",
    vtables = "vtables",
    waiting = "waiting",
    workspace = "workspace",
}
