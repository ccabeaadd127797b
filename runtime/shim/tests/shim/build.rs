//! Builds the shim, the program and its patches, each once for all tests.
//!
//! The program prints `<pid> <number>` for ever, where the number comes from `value` in `base.so`,
//! called through a GOT slot. At SIGUSR1 it forks, and the child does the same. At SIGUSR2 it
//! closes every descriptor that it does not know and opens one of its own, which must stay open.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
int get(void);
static int asked;
static void ask(int signal) { __atomic_store_n(&asked, signal, __ATOMIC_SEQ_CST); }
int main(void) {
    int kept = -1;
    signal(SIGUSR1, ask);
    signal(SIGUSR2, ask);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        int signal = __atomic_exchange_n(&asked, 0, __ATOMIC_SEQ_CST);
        if (signal == SIGUSR1 && fork() == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (signal == SIGUSR2) {
            close_range(3, ~0U, 0);
            kept = open("/dev/null", O_RDWR);
        }
        if (kept >= 0 && fcntl(kept, F_GETFD) < 0) return 1;
        printf("%d %d\n", (int)getpid(), get());
        usleep(5000);
    }
}
"#;

const BASE: &str = "
int counter = 70;
int value(void) { return 1; }
int other(void) { return 5; }
int get(void) { return value(); }
";

/// A patch that makes `value` return 2.
const TWO: &str = "int value(void) { return 2; }";
/// A patch that makes `value` return 3.
const THREE: &str = "int value(void) { return 3; }";
/// A patch that makes `value` return 4 and takes note of the first call, as hotdev's patches do.
const FOUR: &str = r#"
__attribute__((used)) static int four(void) { return 4; }
int value(void) { return four(); }
__asm__(
    ".text\n.balign 32\n"
    "entry: jmp *record(%rip)\nud2\n"
    "lea record(%rip), %r11\njmp *hotdev_called@GOTPCREL(%rip)\n"
    ".data\n.balign 8\n"
    "record: .quad entry + 8, four - record, 0\n.text\n");
"#;
/// A patch that adds up a variable, a constant and a call, each of which words can lead elsewhere.
const WORDS: &str = "
static volatile int seen = 40;
static const volatile int number = 2;
int other(void);
int value(void) { return seen + number + other(); }
";

/// A patch that does something when it is loaded.
const BEGINS: &str = "
static volatile int begun;
__attribute__((constructor)) static void begin(void) { begun = 1; }
int value(void) { return begun; }
";

/// The things that all tests use and none changes.
pub struct Parts {
    /// The running program, with the shim among the libraries it needs.
    pub program: PathBuf,
    pub base: PathBuf,
    pub two: PathBuf,
    pub three: PathBuf,
    pub four: PathBuf,
    pub words: PathBuf,
    pub begins: PathBuf,
}

/// Builds them at the first call.
pub fn parts() -> &'static Parts {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    PARTS.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts");
        fs::create_dir_all(&dir).unwrap();
        let library = |name: &str, source: &str| library(&dir, name, source);
        let base = library("base", BASE);
        let program = dir.join("program");
        cc(&dir, "program.c", PROGRAM, &program, |cc| {
            cc.arg("-Wl,--no-as-needed").arg(&base).arg(shim());
            for library in [&base, shim()] {
                cc.arg(format!("-Wl,-rpath,{}", library.parent().unwrap().display()));
            }
        });
        let [two, three, four] = [("two", TWO), ("three", THREE), ("four", FOUR)]
            .map(|(name, source)| library(name, source));
        let words = library("words", WORDS);
        let begins = library("begins", BEGINS);
        Parts { program, base, two, three, four, words, begins }
    })
}

/// A shared library whose GOT stays writable and whose relocations are kept.
fn library(dir: &Path, name: &str, source: &str) -> PathBuf {
    let to = dir.join(format!("{name}.so"));
    cc(dir, &format!("{name}.c"), source, &to, |cc| {
        cc.args(["-shared", "-fPIC", "-fno-plt", "-Wl,-z,norelro", "-Wl,--emit-relocs"]);
        // Theirs has constructors.
        cc.arg("-nostartfiles");
        cc.arg(format!("-Wl,-soname,{name}.so"));
    });
    to
}

fn cc(dir: &Path, name: &str, source: &str, to: &Path, options: impl FnOnce(&mut Command)) {
    let from = dir.join(name);
    fs::write(&from, source).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-O0", "-Wl,--build-id=sha1", "-o"]).arg(to).arg(&from);
    options(&mut cc);
    assert!(cc.status().unwrap().success(), "{cc:?}");
    // Whatever the umask is, the shim must find it good.
    fs::set_permissions(to, Permissions::from_mode(0o755)).unwrap();
}

/// The built shim. Cargo does not build a cdylib for the tests of its own package.
fn shim() -> &'static PathBuf {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shim");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--lib", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .status()
            .unwrap();
        assert!(status.success());
        target.join("debug/libhotdev_shim.so")
    })
}
