//! The engines that guests run on, each with its clock tick.

use std::time::Duration;

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use super::limits::{INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};

/// Time between two epoch ticks: the grain of a deadline.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// Guests alive at once. A call beyond it is [`super::RunError::Busy`].
const CALLS_MAX: u32 = 32;
/// Bytes one linear memory could ever have, whatever the limits of a call say.
const MEMORY_BYTES_CEILING: usize = 1 << 30;
/// Bytes of a memory slot that stay resident between calls, so that a fresh instance is as quick
/// as a warm one: room for a column of a million numbers. At most `CALLS_MAX` times this stays in use,
/// whatever guests did.
const RESIDENT_BYTES: usize = 16 << 20;
/// Wasm stack of a guest; smaller than any thread that calls.
const STACK_BYTES: usize = 1 << 20;

/// One engine for the process, and where guests are certified or measured a second one that counts
/// their fuel. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: wasmtime::Engine,
    pub(super) fuel: Fuel,
}

/// Whether an engine's code counts the instructions that it runs. That costs about a tenth of the speed
/// and gives the same number on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fuel {
    /// As in service.
    #[default]
    Uncounted,
    /// For report cards and replay.
    Counted,
}

/// Settings that shape machine code. A compile child uses the same ones, or its code would not load.
fn code_config(fuel: Fuel) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .consume_fuel(fuel == Fuel::Counted)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(20))
        // Same bits on every machine: no relaxed SIMD.
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .memory_init_cow(true);
    config
}

fn pool() -> InstanceAllocationStrategy {
    let memories = u32::try_from(MEMORIES_MAX).expect("a small constant");
    let tables = u32::try_from(TABLES_MAX).expect("a small constant");
    let instances = u32::try_from(INSTANCES_MAX).expect("a small constant");
    let mut pool = PoolingAllocationConfig::new();
    // As many as all calls may have together: else a few greedy guests would make the others wait. It is
    // address space (1 TiB), not memory.
    pool.total_component_instances(CALLS_MAX)
        .total_core_instances(CALLS_MAX * instances)
        .total_memories(CALLS_MAX * memories)
        .total_tables(CALLS_MAX * tables)
        .max_core_instances_per_component(instances)
        .max_memories_per_component(memories)
        .max_tables_per_component(tables)
        .max_memories_per_module(memories)
        .max_tables_per_module(tables)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(8 << 20)
        .table_elements(100_000)
        // Slots keep wasmtime's 4 GiB reservation: smaller ones turn bounds checks on, which costs 35%.
        .max_memory_size(MEMORY_BYTES_CEILING)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(CALLS_MAX)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}

impl Engine {
    /// Starts an engine and its tick. Where the address space for the pool is refused, instances
    /// are allocated on demand, at some cost in time, and a warning says so.
    pub fn start() -> wasmtime::Result<Self> {
        let mut pooled = code_config(Fuel::Uncounted);
        pooled.allocation_strategy(pool());
        let inner = match wasmtime::Engine::new(&pooled) {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "no address space for a pool of instances; allocating on demand"
                );
                wasmtime::Engine::new(&code_config(Fuel::Uncounted))?
            }
        };
        Self::ticking(inner, Fuel::Uncounted)
    }

    /// Starts an engine that counts fuel, and its tick. Without a pool: its calls are few.
    pub fn start_with_fuel() -> wasmtime::Result<Self> {
        let inner = wasmtime::Engine::new(&code_config(Fuel::Counted))?;
        Self::ticking(inner, Fuel::Counted)
    }

    fn ticking(inner: wasmtime::Engine, fuel: Fuel) -> wasmtime::Result<Self> {
        let weak = inner.weak();
        std::thread::Builder::new()
            .name("epoch-tick".into())
            .spawn(move || {
                // Ends with the last clone of the engine.
                while let Some(engine) = weak.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            })?;
        Ok(Self { inner, fuel })
    }

    /// An engine that only compiles: no pool, no tick, the same code.
    pub(super) fn for_compiling(fuel: Fuel) -> wasmtime::Result<wasmtime::Engine> {
        wasmtime::Engine::new(&code_config(fuel))
    }

    /// Names the machine code of this engine: compiler version, settings, processor features.
    pub(super) fn code_hash(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        self.inner.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }
}

/// Ticks after which a call that may take `deadline` is over. One more than fits, because the
/// first tick may come at once.
pub(super) fn ticks(deadline: Duration) -> u64 {
    u64::try_from(deadline.as_micros().div_ceil(TICK.as_micros())).unwrap_or(u64::MAX / 4) + 1
}
