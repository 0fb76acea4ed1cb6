//! `leeway plugin`: a detector of one's own, from the first line to its report card.

mod card;
mod certify;
mod component;
mod inspect;
mod new;
mod run;
mod template;
mod used;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::runtime::{CodeCache, CompileLimits, Compiler, Engine, Fuel, Limits, Plugin, Runtime};

use super::cache::CacheArgs;

/// Writes, looks at, examines and runs a detector of your own.
#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    New(new::NewArgs),
    Inspect(inspect::InspectArgs),
    Test(certify::TestArgs),
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
    time: CompileTime,
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
fn runtime(cache: &CacheArgs, time: &CompileTime, fuel: Fuel) -> anyhow::Result<Runtime> {
    let program = std::env::current_exe().context("the program's own file cannot be found")?;
    let directory = cache.directory()?;
    let engine = match fuel {
        Fuel::Uncounted => Engine::start(),
        Fuel::Counted => Engine::start_with_fuel(),
    };
    let started = engine.and_then(|engine| {
        let compiler = Compiler::new(program, time.limits());
        let cache = CodeCache::open(&directory)?;
        Runtime::new(engine, compiler, cache)
    });
    started.map_err(|error| anyhow::anyhow!("the sandbox cannot be started: {error:#}"))
}

fn read(component: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(component).with_context(|| component.display().to_string())
}

fn load(runtime: &Runtime, file: &Path, component: &[u8]) -> anyhow::Result<Plugin> {
    let loaded = runtime.load(component, Limits::default());
    loaded.with_context(|| file.display().to_string())
}
