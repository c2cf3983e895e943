//! Writes the files of the python binding.

use crate::ir::Definitions;
use crate::write::Output;

pub(crate) fn emit(_definitions: &Definitions) -> Result<Vec<Output>, String> {
    Ok(Vec::new())
}
