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
    comes_back = "comes-back",
    captures = "captures",
    closure = "closure",
    compile_error = "compile-error",
    constants = "constants",
    cross_unit = "cross-unit",
    excluded = "excluded",
    first_use = "first-use",
    fn_pointer = "fn-pointer",
    fn_pointer_table = "fn-pointer-table",
    generated = "generated",
    generic = "generic",
    initializers = "initializers",
    layouts = "layouts",
    lib_and_bin = "lib-and-bin",
    method_signature = "method-signature",
    named_statics = "named-statics",
    needs_restart_ask = "needs-restart-ask",
    needs_restart_keep = "needs-restart-keep",
    needs_restart_restart = "needs-restart-restart",
    new_items = "new-items",
    new_thread_locals = "new-thread-locals",
    new_statics = "new-statics",
    optimized = "optimized",
    optimized_statics = "optimized-statics",
    own_linker = "own-linker",
    panics = "panics",
    refused_restart = "refused-restart",
    several_crates = "several-crates",
    single = "single",
    static_type = "static-type",
    statics = "statics",
    thread_ends = "thread-ends",
    thread_local_address = "thread-local-address",
    thread_locals = "thread-locals",
    trait_object = "trait-object",
    unchanged = "unchanged",
    unresolved = "unresolved",
    vtables = "vtables",
    waiting = "waiting",
    workspace = "workspace",
}
