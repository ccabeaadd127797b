//! The shim in real programs: C programs and patch libraries, built here with `cc`, are linked
//! with the built shim; the tests listen on its socket and are the session.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

mod build;
mod called;
mod elf;
mod fork;
mod live;
mod program;
mod refusals;
mod session;
mod settle;
mod wire;
