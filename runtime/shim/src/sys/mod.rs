//! Everything that touches the operating system or memory directly; the only unsafe code of the
//! workspace. What it hands out is safe to use in any order.
#![allow(unsafe_code)]

pub mod arena;
pub mod calls;
mod fork;
pub mod images;
pub mod library;
pub mod memory;
mod note;
pub mod socket;
pub mod start;
pub mod survey;
pub mod user;
