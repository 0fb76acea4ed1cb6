//! `leeway plugin`: a detector of one's own, from the first line to its report card.

mod card;
mod certify;
mod component;
mod inspect;
mod new;
mod push;
mod run;
mod template;
mod used;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::runtime::{CodeCache, CompileLimits, Compiler, Engine, Fuel, Limits, Plugin, Runtime};

use crate::domain::Language;
use crate::serve::InterpreterArgs;

use super::cache::CacheArgs;

/// Writes, looks at, examines, runs and uploads a detector of your own.
#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    New(new::NewArgs),
    Inspect(inspect::InspectArgs),
    Test(certify::TestArgs),
    Push(push::PushArgs),
    Run(Box<run::RunArgs>),
    Component(component::ComponentArgs),
}

impl PluginCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        match self {
            Self::New(args) => new::run(args),
            Self::Inspect(args) => inspect::run(args),
            Self::Test(args) => certify::run(args),
            Self::Push(args) => push::run(args),
            Self::Run(args) => run::run(args),
            Self::Component(args) => component::run(args),
        }
    }
}

/// How components are compiled here.
#[derive(Debug, Args)]
struct CompileArgs {
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    interpreters: InterpreterArgs,
    #[command(flatten)]
    time: CompileTime,
}

impl CompileArgs {
    fn runtime(&self, fuel: Fuel) -> anyhow::Result<Runtime> {
        runtime(&self.cache, &self.interpreters, &self.time, fuel)
    }
}

/// What compiling may take.
#[derive(Debug, Args)]
struct CompileTime {
    /// Seconds of processor time that compiling may take; a server gives it 30
    #[arg(long, value_name = "SECONDS", default_value_t = CompileLimits::default().cpu.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3_600))]
    compile_seconds: u64,
}

impl CompileTime {
    fn limits(&self) -> CompileLimits {
        let standard = CompileLimits::default();
        let cpu = Duration::from_secs(self.compile_seconds);
        CompileLimits {
            cpu,
            wall: standard.wall.max(cpu * 4),
            ..standard
        }
    }
}

/// A sandbox whose compile children are runs of this program.
fn runtime(
    cache: &CacheArgs,
    interpreters: &InterpreterArgs,
    time: &CompileTime,
    fuel: Fuel,
) -> anyhow::Result<Runtime> {
    let program = std::env::current_exe().context("the program's own file cannot be found")?;
    let directory = cache.directory()?;
    let engine = match fuel {
        Fuel::Uncounted => Engine::start(),
        Fuel::Counted => Engine::start_with_fuel(),
    };
    let started = engine.and_then(|engine| {
        let compiler = Compiler::new(program, time.limits());
        let cache = CodeCache::open(&directory)?;
        let runtime = Runtime::new(engine, compiler, cache)?;
        Ok(runtime.with_interpreters(interpreters.folder()))
    });
    started.map_err(|error: wasmtime::Error| {
        anyhow::anyhow!("the sandbox cannot be started: {error:#}")
    })
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| file.display().to_string())
}

/// Loads a component, or source by the end of the file's name.
fn load(runtime: &Runtime, file: &Path, bytes: &[u8]) -> anyhow::Result<Plugin> {
    let loaded = runtime.load_as(Language::of_file(file), bytes, Limits::default());
    loaded.with_context(|| file.display().to_string())
}
