//! The command line: flags and files into settings, reports onto the screen.

mod check;
mod config_file;

use clap::{Parser, Subcommand};

/// Says when the world has moved away from what a model was trained on.
#[derive(Debug, Parser)]
#[command(
    name = "leeway",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Box<check::CheckArgs>),
    /// Compiles a component from standard input to standard output, within limits.
    #[command(hide = true)]
    CompileComponent {
        /// Processor time, in seconds.
        cpu_seconds: u64,
        /// Address space, in bytes.
        memory_bytes_max: u64,
    },
}

impl Cli {
    /// Runs the command; returns the exit code.
    ///
    /// # Errors
    /// What a person should read on one line.
    pub fn run(self) -> anyhow::Result<u8> {
        match self.command {
            Command::Check(args) => check::run(&args),
            Command::CompileComponent {
                cpu_seconds,
                memory_bytes_max,
            } => Ok(crate::runtime::compile_in_this_process(
                cpu_seconds,
                memory_bytes_max,
            )),
        }
    }
}
