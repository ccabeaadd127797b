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
    aliases = "aliases",
    aliases_v0 = "aliases-v0",
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
    comes_back = "comes-back",
    compile_error = "compile-error",
    constants = "constants",
    cross_unit = "cross-unit",
    debug_info = "debug-info",
    embedded = "embedded",
    enums = "enums",
    erased = "erased",
    excluded = "excluded",
    exported = "exported",
    exported_convention = "exported-convention",
    fields = "fields",
    first_use = "first-use",
    fn_pointer = "fn-pointer",
    fn_pointer_table = "fn-pointer-table",
    forgotten = "forgotten",
    futures = "futures",
    futures_moved = "futures-moved",
    generated = "generated",
    generic = "generic",
    handed_over = "handed-over",
    hidden_arguments = "hidden-arguments",
    hidden_types = "hidden-types",
    identities = "identities",
    identity = "identity",
    impl_blocks = "impl-blocks",
    implementors = "implementors",
    initializers = "initializers",
    later = "later",
    layouts = "layouts",
    lib_and_bin = "lib-and-bin",
    locals = "locals",
    method_signature = "method-signature",
    named_counters = "named-counters",
    named_statics = "named-statics",
    names = "names",
    needs_restart_ask = "needs-restart-ask",
    needs_restart_keep = "needs-restart-keep",
    needs_restart_restart = "needs-restart-restart",
    new_items = "new-items",
    new_statics = "new-statics",
    new_statics_only = "new-statics-only",
    new_thread_locals = "new-thread-locals",
    opaque = "opaque",
    optimized = "optimized",
    optimized_objects = "optimized-objects",
    optimized_statics = "optimized-statics",
    own_linker = "own-linker",
    panics = "panics",
    patterns = "patterns",
    patterns_named = "patterns-named",
    refused_restart = "refused-restart",
    running_loops = "running-loops",
    same_names = "same-names",
    same_path = "same-path",
    several_crates = "several-crates",
    signatures = "signatures",
    single = "single",
    static_type = "static-type",
    statics = "statics",
    supertraits = "supertraits",
    supertraits_v0 = "supertraits-v0",
    thread_ends = "thread-ends",
    thread_local_address = "thread-local-address",
    thread_local_type = "thread-local-type",
    thread_locals = "thread-locals",
    tokio = "tokio",
    trait_object = "trait-object",
    traits = "traits",
    twins = "twins",
    two_saves = "two-saves",
    type_keys = "type-keys",
    unchanged = "unchanged",
    undelivered_instances = "undelivered-instances",
    unresolved = "unresolved",
    v0 = "v0",
    vtable_types = "vtable-types",
    vtables = "vtables",
    waiting = "waiting",
    workspace = "workspace",
}
