//! stub
use crate::error::Result;
pub fn run(_once: bool, _keep: bool) -> Result<u8> { Ok(0) }
