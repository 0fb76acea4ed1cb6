//! The command line: flags and files into settings, reports onto the screen.

mod cache;
mod calibrate;
mod calibrated;
mod check;
mod config_file;
mod demo;
mod detectors;
mod example;
mod files;
mod grid;
mod model_api;
mod plugin;
mod replay;
mod screen;
mod serve;
mod server;
mod sql;
mod telemetry;
mod token;

use std::io::Write;

use clap::{Parser, Subcommand};

use crate::runtime::Fuel;

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
    #[command(flatten)]
    log: telemetry::LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Box<check::CheckArgs>),
    Calibrate(Box<calibrate::CalibrateArgs>),
    Serve(Box<crate::serve::ServeArgs>),
    Token(Box<token::TokenArgs>),
    Sql(Box<sql::SqlArgs>),
    Demo(demo::DemoArgs),
    Replay(replay::ReplayArgs),
    #[command(subcommand)]
    Example(example::ExampleCommand),
    ModelApi(model_api::ModelApiArgs),
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Compiles a component from standard input to standard output, within limits.
    #[command(hide = true)]
    CompileComponent {
        /// Processor time, in seconds.
        cpu_seconds: u64,
        /// Address space, in bytes.
        memory_bytes_max: u64,
        /// The code counts its fuel.
        #[arg(long)]
        count_fuel: bool,
    },
    /// Prints the OpenAPI document that the server serves.
    #[command(hide = true)]
    Openapi,
}

impl Cli {
    /// Reads the command line. Ends the process where it is wrong, or asks for help.
    pub fn of_process() -> Self {
        Self::parse_from(example::spelled_out(std::env::args_os()))
    }

    /// Runs the command; returns the exit code.
    ///
    /// # Errors
    /// What a person should read on one line.
    pub fn run(self) -> anyhow::Result<u8> {
        self.log.start(match self.command {
            Command::Serve(_) => "info",
            _ => "warn",
        })?;
        match self.command {
            Command::Check(args) => check::run(&args),
            Command::Calibrate(args) => calibrate::run(&args),
            Command::Serve(args) => serve::run(&args),
            Command::Token(args) => token::run(&args),
            Command::Sql(args) => sql::run(&args),
            Command::Demo(args) => demo::run(args),
            Command::Example(command) => command.run(),
            Command::ModelApi(args) => model_api::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Plugin(command) => command.run(),
            Command::CompileComponent {
                cpu_seconds,
                memory_bytes_max,
                count_fuel,
            } => Ok(crate::runtime::compile_in_this_process(
                cpu_seconds,
                memory_bytes_max,
                if count_fuel {
                    Fuel::Counted
                } else {
                    Fuel::Uncounted
                },
            )),
            Command::Openapi => {
                std::io::stdout().write_all(crate::api::openapi_json().as_bytes())?;
                Ok(0)
            }
        }
    }
}
