//! `leeway plugin component`: a component out of a core module, for languages whose linkers stop there.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use wit_component::ComponentEncoder;

/// Makes a component of a core module that carries the contract's bindings, as C compilers make them.
#[derive(Debug, Args)]
pub(in crate::cli) struct ComponentArgs {
    /// The core module
    module: PathBuf,
    /// The component
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Writes the component.
pub(super) fn run(args: &ComponentArgs) -> anyhow::Result<u8> {
    let name = || args.module.display().to_string();
    let module = super::read(&args.module)?;
    if module.get(..8) != Some(b"\0asm\x01\0\0\0") {
        bail!("{}: this is not a core WebAssembly module", name());
    }
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .with_context(name)?;
    crate::cli::screen::write(&args.output, component)?;
    Ok(0)
}
