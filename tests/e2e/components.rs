//! What is loaded, what is refused and with which words, what is compiled and what comes from the cache.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use leeway::builtin;
use leeway::runtime::{
    CodeCache, CompileError, CompileLimits, Compiler, DescriptorError, Digest, Engine, Limits,
    LoadError, RunError, Runtime,
};
use wit_component::DecodedWasm;
use wit_parser::WorldItem;

use super::hostile::alone;
use crate::harness::wat::{Raw, bomb, component, of_functions, of_length};
use crate::harness::{program, repository, runtime};

fn refusal(component: &[u8]) -> LoadError {
    refusal_within(
        component,
        Limits {
            deadline: Duration::from_millis(200),
            ..Limits::default()
        },
    )
}

fn refusal_within(component: &[u8], limits: Limits) -> LoadError {
    match runtime().load(component, limits) {
        Ok(plugin) => panic!("{plugin:?} was loaded"),
        Err(error) => error,
    }
}

#[test]
fn builtin_detectors_import_nothing_but_the_contract() {
    let contract = ["types", "windows", "kernels", "logging"]
        .map(|name| format!("leeway:detector/{name}@1.0.0"));
    for builtin in builtin::ALL {
        let DecodedWasm::Component(resolve, world) =
            wit_component::decode(builtin.component).unwrap()
        else {
            panic!("{} is no component", builtin.name)
        };
        for (key, item) in &resolve.worlds[world].imports {
            assert!(
                matches!(item, WorldItem::Interface { .. }),
                "{}: {key:?}",
                builtin.name
            );
            let name = resolve.name_world_key(key);
            assert!(contract.contains(&name), "{} imports {name}", builtin.name);
        }
    }
}

#[test]
fn what_is_no_component_is_told_apart() {
    for nothing in [
        b"".as_slice(),
        b"\0asm",
        b"\0asm\x0d\0\x01",
        b"(component)",
        b"PK\x03\x04 and so on",
        &[0; 100],
    ] {
        assert!(
            matches!(refusal(nothing), LoadError::NotWasm),
            "{nothing:?}"
        );
    }
    // The text of a component is text.
    assert!(matches!(
        refusal(include_bytes!("../../plugins/hostile/raw.wat")),
        LoadError::NotWasm
    ));
    assert!(matches!(
        refusal(&component("(module)")),
        LoadError::CoreModule
    ));
    assert!(matches!(refusal(b"\0asm\x01\0\0\0"), LoadError::CoreModule));
}

#[test]
fn a_damaged_component_is_refused_in_the_words_of_the_validator() {
    let whole = Raw::default().component();
    let cut = refusal(&whole[..whole.len() / 2]);
    let LoadError::Compile(CompileError::Invalid(words)) = &cut else {
        panic!("{cut:?}")
    };
    assert!(
        words.contains("unexpected end") || words.contains("unexpected-eof"),
        "{words}"
    );
    assert!(
        cut.to_string()
            .starts_with("the component could not be compiled: "),
        "{cut}"
    );

    let wrong = refusal(&of_functions(1, &[0x6a]));
    let LoadError::Compile(CompileError::Invalid(words)) = &wrong else {
        panic!("{wrong:?}")
    };
    assert!(words.contains("type mismatch"), "{words}");
}

/// Proposals that would bring chance, threads or a collector into the sandbox.
#[test]
fn features_that_no_detector_needs_are_refused() {
    for (name, fields, words) in [
        (
            "relaxed SIMD",
            "(func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))",
            "relaxed SIMD",
        ),
        ("memories of 64 bits", "(memory i64 1)", "memory64"),
        ("shared memories", "(memory 1 1 shared)", "threads"),
        ("a collector", "(type (struct (field i32)))", "gc"),
    ] {
        let refused = refusal(&component(&format!("(component (core module {fields}))")));
        let LoadError::Compile(CompileError::Invalid(said)) = &refused else {
            panic!("{name}: {refused:?}")
        };
        assert!(
            said.to_lowercase().contains(&words.to_lowercase()),
            "{name}: {said}"
        );
    }
}

#[test]
fn a_component_has_at_most_32_mebibytes() {
    let limit = 32 << 20;

    // One that is as large as allowed goes on to the next step.
    assert!(
        matches!(refusal(&of_length(limit)), LoadError::MissingExport { found } if found == "nothing")
    );
    for bytes in [limit + 1, 33 << 20] {
        assert!(
            matches!(refusal(&of_length(bytes)), LoadError::TooLarge { bytes: got, limit: most } if (got, most) == (bytes, limit))
        );
    }
}

#[test]
fn imports_beyond_the_contract_are_named() {
    for name in [
        "wasi:filesystem/types@0.2.6",
        "wasi:sockets/tcp@0.2.6",
        "wasi:clocks/monotonic-clock@0.2.6",
        "wasi:random/random@0.2.6",
        "wasi:cli/environment@0.2.6",
        "wasi:http/outgoing-handler@0.2.6",
        "leeway:detector/windows@2.0.0",
        "leeway:detector/secrets@1.0.0",
        "steal",
    ] {
        let refused = refusal(&component(&format!(
            "(component (import \"{name}\" (instance)))"
        )));
        assert!(
            matches!(&refused, LoadError::ForbiddenImport(import) if import == name),
            "{refused:?}"
        );
    }
    let function = refusal(&component(
        r#"(component (import "gettimeofday" (func (result u64))))"#,
    ));
    assert!(
        matches!(&function, LoadError::ForbiddenImport(import) if import == "gettimeofday"),
        "{function:?}"
    );
}

#[test]
fn a_guest_that_exports_no_detector_is_told_what_it_exports() {
    assert!(
        matches!(refusal(&component("(component)")), LoadError::MissingExport { found } if found == "nothing")
    );
    let other = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (export "run" (func $f))
        (export "stop" (func $f)))"#;
    assert!(
        matches!(refusal(&component(other)), LoadError::MissingExport { found } if found == "'run', 'stop'")
    );
}

#[test]
fn a_contract_of_another_shape_is_refused_and_the_difference_named() {
    let stealing = Raw {
        imports: r#"(import "leeway:detector/windows@1.0.0" "steal" (func $steal (result i32)))"#,
        contract: &[(
            "resource window {",
            "steal: func() -> u32; resource window {",
        )],
        ..Raw::default()
    };
    let refused = refusal(&stealing.component());
    assert!(
        matches!(&refused, LoadError::Incompatible(words) if words.contains("steal")),
        "{refused:?}"
    );

    let wider = Raw {
        contract: &[("state-format: u32,", "state-format: u32, owner: u32,")],
        ..Raw::default()
    };
    let refused = refusal(&wider.component());
    assert!(
        matches!(&refused, LoadError::Incompatible(words) if words.contains("expected record of 11 fields, found 12 fields")),
        "{refused:?}"
    );
}

#[test]
fn a_guest_that_fails_before_it_says_what_it_is_is_not_loaded() {
    let deadline = RunError::Deadline {
        limit: Duration::from_millis(200),
    };
    let trapped = |words: &str| RunError::Trapped {
        trap: format!("wasm trap: {words}"),
    };
    let gave_up = trapped("wasm `unreachable` instruction executed");
    let cases = [
        (
            "a start function that loops",
            "(start $endless)",
            deadline.clone(),
        ),
        (
            "a start function that traps",
            "(func $trap (unreachable)) (start $trap)",
            gave_up.clone(),
        ),
        (
            "a start function that grows",
            "(func $grow (drop (memory.grow $second (i32.const 9000)))) (start $grow)",
            RunError::Memory {
                wanted: (9 + 9_000) << 16,
                limit: 512 << 20,
            },
        ),
        (
            "a start function that calls itself",
            "(func $deeper (drop (call $deep (i32.const 0)))) (start $deeper)",
            RunError::StackOverflow,
        ),
        ("describe loops", r#"(data (i32.const 16) "\01")"#, deadline),
        ("describe traps", r#"(data (i32.const 16) "\02")"#, gave_up),
        (
            "a memory that starts too large",
            "(memory 8192)",
            RunError::Memory {
                wanted: (9 + 8_192) << 16,
                limit: 512 << 20,
            },
        ),
        (
            "data past the memory",
            r#"(data (memory $one_page) (i32.const 65535) "ab")"#,
            trapped("out of bounds memory access"),
        ),
    ];
    for (name, fields, wanted) in cases {
        let start = Instant::now();
        let refused = refusal(
            &Raw {
                fields,
                ..Raw::default()
            }
            .component(),
        );
        assert!(
            matches!(&refused, LoadError::Describe(error) if *error == wanted),
            "{name}: {refused:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(30), "{name}");
    }
}

#[test]
fn a_guest_larger_than_its_sandbox_is_not_loaded() {
    let many = |field: &str, count: usize| field.repeat(count);
    for (name, fields, words) in [
        (
            "nine memories",
            many("(memory 0)", 4),
            "defined memories count of 9 exceeds the per-instance limit of 8",
        ),
        ("too many tables", many("(table 0 funcref)", 64), "tables"),
        ("a memory of 2 GiB", "(memory 32768)".into(), "memory"),
        (
            "a table of a million",
            "(table 1000000 funcref)".into(),
            "table",
        ),
    ] {
        let refused = refusal(
            &Raw {
                fields: &fields,
                ..Raw::default()
            }
            .component(),
        );
        assert!(
            matches!(&refused, LoadError::Incompatible(said) if said.contains(words)),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn a_descriptor_that_is_none_is_refused() {
    // The version, at 1032; the unit of the metric, as long as the memory.
    let version = refusal(
        &Raw {
            fields: r#"(data (i32.const 1032) "1.0.x")"#,
            ..Raw::default()
        }
        .component(),
    );
    assert!(
        matches!(&version, LoadError::Descriptor(DescriptorError::Version(text)) if text == "1.0.x"),
        "{version:?}"
    );
    let unit = refusal(
        &Raw {
            fields: r#"(data (i32.const 2192) "\00\00\01\00\00\00\07\00")"#,
            ..Raw::default()
        }
        .component(),
    );
    assert!(
        matches!(
            &unit,
            LoadError::Descriptor(DescriptorError::TooLong {
                what: "unit of a metric",
                ..
            })
        ),
        "{unit:?}"
    );
}

fn compile(
    program: &Path,
    limits: CompileLimits,
    component: &[u8],
) -> (Result<usize, CompileError>, Duration) {
    let start = Instant::now();
    let compiled = Compiler::new(program.to_owned(), limits).compile(component);
    (compiled.map(|code| code.len()), start.elapsed())
}

fn fake_compiler(name: &str) -> PathBuf {
    repository().join("plugins/hostile/compilers").join(name)
}

const CPU: CompileLimits = CompileLimits {
    cpu: Duration::from_secs(1),
    wall: Duration::from_mins(1),
    memory_bytes_max: 2 << 30,
    output_bytes_max: 128 << 20,
};

#[test]
fn a_compile_bomb_is_stopped_by_its_processor_time() {
    let bomb = bomb();
    assert!((3_000_000..3_100_000).contains(&bomb.len()));

    let (compiled, took) = compile(program(), CPU, &bomb);

    assert_eq!(compiled, Err(CompileError::TooSlow(Duration::from_secs(1))));
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_compile_bomb_is_stopped_at_the_wall_time() {
    let wall = Duration::from_millis(300);

    let (compiled, took) = compile(
        program(),
        CompileLimits {
            cpu: Duration::from_mins(1),
            wall,
            ..CPU
        },
        &bomb(),
    );

    assert_eq!(compiled, Err(CompileError::TooSlow(wall)));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn compiling_has_bounded_memory() {
    let limits = |mebibytes: u64| CompileLimits {
        memory_bytes_max: mebibytes << 20,
        cpu: Duration::from_secs(30),
        ..CPU
    };
    // Whether the memory ends before the work begins, as it reads, or as it compiles.
    for (mebibytes, component) in [
        (1, bomb()),
        (64, bomb()),
        (160, bomb()),
        (200, of_length(32 << 20)),
    ] {
        let (compiled, took) = compile(program(), limits(mebibytes), &component);
        assert_eq!(
            compiled,
            Err(CompileError::TooMuchMemory(mebibytes << 20)),
            "{mebibytes} MiB"
        );
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
}

#[test]
fn machine_code_has_bounded_length() {
    let small = of_functions(1, &[0x41, 1]);
    let whole = compile(program(), CPU, &small).0.unwrap();

    let limits = |output_bytes_max| CompileLimits {
        output_bytes_max,
        ..CPU
    };
    assert_eq!(compile(program(), limits(whole), &small).0, Ok(whole));
    assert_eq!(
        compile(program(), limits(whole - 1), &small).0,
        Err(CompileError::TooMuchCode(whole - 1))
    );
}

#[test]
fn a_compiler_that_misbehaves_cannot_hold_the_host() {
    let limits = CompileLimits {
        wall: Duration::from_millis(500),
        output_bytes_max: 1 << 20,
        ..CPU
    };
    let large = of_length(4 << 20); // More than a pipe holds.
    let run = |name: &str, limits| compile(&fake_compiler(name), limits, &large);

    let (asleep, took) = run("sleeps.sh", limits);
    assert_eq!(asleep, Err(CompileError::TooSlow(limits.wall)));
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(
        run("floods.sh", CPU).0,
        Err(CompileError::TooMuchCode(CPU.output_bytes_max))
    );
    let (muttering, took) = run("mutters.sh", CPU);
    assert!(
        matches!(&muttering, Err(CompileError::Process(words)) if words.starts_with("died (") && words.len() < 2_000),
        "{muttering:?}"
    );
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_compiler_that_cannot_start_or_dies_is_named() {
    let (absent, _) = compile(Path::new("/nowhere/leeway"), CPU, &of_length(100));
    assert!(
        matches!(&absent, Err(CompileError::Process(words)) if words.starts_with("did not start: ")),
        "{absent:?}"
    );
    let (died, _) = compile(Path::new("/bin/false"), CPU, &of_length(100));
    assert_eq!(
        died,
        Err(CompileError::Process("died (exit status: 1)".into()))
    );
}

/// Every process: its number, its state (`Z`: a zombie) and its parent.
fn processes() -> Vec<(u32, char, u32)> {
    let stat = |entry: io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let (before, after) = text.rsplit_once(')')?;
        let mut fields = after.split_whitespace();
        Some((
            before.split(' ').next()?.parse().ok()?,
            fields.next()?.chars().next()?,
            fields.next()?.parse().ok()?,
        ))
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(stat)
        .collect()
}

#[test]
fn no_process_outlives_its_compilation() {
    alone("e2e::components::processes_after_compilations");
}

#[test]
#[ignore = "looks for children of its process, so it runs in one of its own: see the test above"]
fn processes_after_compilations() {
    let short = CompileLimits {
        wall: Duration::from_millis(200),
        ..CPU
    };
    assert!(compile(program(), short, &bomb()).0.is_err());
    assert!(
        compile(
            program(),
            CompileLimits {
                memory_bytes_max: 1 << 20,
                ..CPU
            },
            &bomb()
        )
        .0
        .is_err()
    );
    assert!(
        compile(
            program(),
            CompileLimits {
                output_bytes_max: 10,
                ..CPU
            },
            &of_functions(1, &[0x41, 1])
        )
        .0
        .is_err()
    );
    assert!(
        compile(&fake_compiler("sleeps.sh"), short, &of_length(4 << 20))
            .0
            .is_err()
    );
    assert!(
        compile(&fake_compiler("floods.sh"), CPU, &of_length(4 << 20))
            .0
            .is_err()
    );
    assert!(
        compile(program(), CPU, &of_functions(1, &[0x41, 1]))
            .0
            .is_ok()
    );

    // This one ends at once; the child it leaves behind would hold the pipes for a thousand seconds.
    let (left, took) = compile(&fake_compiler("leaves_a_child.sh"), CPU, &of_length(100));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let Err(CompileError::Process(words)) = left else {
        panic!("{left:?}")
    };
    let grandchild: u32 = words
        .strip_prefix("died (exit status: 7): ")
        .unwrap()
        .parse()
        .unwrap();

    let mine: Vec<_> = processes()
        .into_iter()
        .filter(|(_, _, parent)| *parent == std::process::id())
        .collect();
    assert_eq!(mine, [], "children that still run or were not waited for");
    // Whoever adopted it may not have looked yet.
    let lives = || {
        processes()
            .iter()
            .any(|(process, state, _)| *process == grandchild && *state != 'Z')
    };
    let start = Instant::now();
    while lives() && start.elapsed() < Duration::from_secs(5) {
        std::thread::yield_now();
    }
    assert!(!lives(), "{grandchild} lives on");
}

/// A runtime of its own code cache. Without a compiler it loads what is cached, or nothing.
fn runtime_over(directory: &Path, compiler: &Path) -> Runtime {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::start().unwrap()).clone();
    Runtime::new(
        engine,
        Compiler::new(compiler.to_owned(), CompileLimits::default()),
        CodeCache::open(directory).unwrap(),
    )
    .unwrap()
}

/// A directory in which the raw guest was compiled, its file in there, and the guest.
fn warm() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let (directory, guest) = (tempfile::tempdir().unwrap(), Raw::default().component());
    runtime_over(directory.path(), program())
        .load(&guest, Limits::default())
        .unwrap();
    let file = cached(directory.path());
    (directory, file, guest)
}

/// The one file of machine code in a cache.
fn cached(directory: &Path) -> PathBuf {
    let files = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut code: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "cwasm")
        })
        .collect();
    assert_eq!(code.len(), 1, "{code:?}");
    code.remove(0)
}

/// Whether the cache alone suffices. If it does not, nothing but the compiler is asked.
fn loads_from(directory: &Path, guest: &[u8]) -> bool {
    match runtime_over(directory, Path::new("/nowhere/leeway")).load(guest, Limits::default()) {
        Ok(_) => true,
        Err(LoadError::Compile(CompileError::Process(words)))
            if words.starts_with("did not start: ") =>
        {
            false
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_was_compiled_is_loaded_from_the_cache() {
    let (directory, file, guest) = warm();

    assert!(loads_from(directory.path(), &guest));

    assert!(
        file.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&format!("{}-", Digest::of(&guest)))
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&file), mode(&directory.path().join("key"))),
        (0o600, 0o600)
    );
    let names = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, 2, "the key and the code, no drafts");
}

#[test]
fn a_damaged_file_is_never_loaded() {
    let (directory, file, guest) = warm();
    let whole = std::fs::read(&file).unwrap();
    let end = whole.len();

    // In the machine code, at both its ends, and in each part of the code that authenticates it.
    for at in [
        0,
        1,
        64,
        end / 3,
        end / 2,
        end - 33,
        end - 32,
        end - 16,
        end - 1,
    ] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(&file, flipped).unwrap();
        assert!(!loads_from(directory.path(), &guest), "byte {at} of {end}");
    }
    for length in [0, 1, 31, 32, 33, end / 2, end - 32, end - 1] {
        std::fs::write(&file, &whole[..length]).unwrap();
        assert!(
            !loads_from(directory.path(), &guest),
            "{length} of {end} bytes"
        );
    }
    std::fs::write(&file, [whole.as_slice(), b"x"].concat()).unwrap();
    assert!(!loads_from(directory.path(), &guest), "a byte too many");

    // With a compiler it heals.
    runtime_over(directory.path(), program())
        .load(&guest, Limits::default())
        .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    assert!(loads_from(directory.path(), &guest));
}

#[test]
fn code_of_another_component_or_another_host_is_never_loaded() {
    let (directory, file, guest) = warm();
    let other = Raw {
        fields: "(func)",
        ..Raw::default()
    }
    .component();
    let engine = file
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .rsplit_once('-')
        .unwrap()
        .1
        .to_owned();
    let name = |guest: &[u8], engine: &str| {
        directory
            .path()
            .join(format!("{}-{engine}.cwasm", Digest::of(guest)))
    };
    assert_eq!(file, name(&guest, &engine));

    // Our own code under another component's name.
    std::fs::copy(&file, name(&other, &engine)).unwrap();
    assert!(!loads_from(directory.path(), &other));
    std::fs::remove_file(name(&other, &engine)).unwrap();
    // Our own code, made for another engine.
    assert!(loads_from(directory.path(), &guest));
    std::fs::rename(&file, name(&guest, "0123456789abcdef")).unwrap();
    assert!(!loads_from(directory.path(), &guest));
    std::fs::rename(name(&guest, "0123456789abcdef"), &file).unwrap();

    // The right code, made by a host with another key; without any key; under a key that was damaged.
    let (_elsewhere, foreign, _) = warm();
    let ours = std::fs::read(&file).unwrap();
    std::fs::copy(&foreign, &file).unwrap();
    assert!(!loads_from(directory.path(), &guest));
    std::fs::write(&file, &ours[..ours.len() - 32]).unwrap();
    assert!(!loads_from(directory.path(), &guest));
    std::fs::write(&file, &ours).unwrap();
    assert!(loads_from(directory.path(), &guest));
    let key = directory.path().join("key");
    let mut bytes = std::fs::read(&key).unwrap();
    bytes[5] ^= 1;
    std::fs::write(&key, bytes).unwrap();
    assert!(!loads_from(directory.path(), &guest));
    std::fs::remove_file(&key).unwrap();
    assert!(!loads_from(directory.path(), &guest));
}

#[test]
fn a_key_of_another_length_or_open_to_all_is_an_error() {
    let opened = |directory: &Path| {
        CodeCache::open(directory)
            .err()
            .map(|error| (error.kind(), error.to_string()))
    };
    for length in [0, 31, 33, 1_000] {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        std::fs::write(&key, vec![7; length]).unwrap();
        let words = format!("{} does not hold 32 bytes", key.display());
        assert_eq!(
            opened(directory.path()),
            Some((io::ErrorKind::InvalidData, words)),
            "{length}"
        );
    }
    for (file, mode) in [("key", 0o604), ("key", 0o602), (".", 0o777), (".", 0o703)] {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(opened(directory.path()), None);
        std::fs::set_permissions(
            directory.path().join(file),
            std::fs::Permissions::from_mode(mode),
        )
        .unwrap();
        let (kind, words) = opened(directory.path()).unwrap();
        assert_eq!(kind, io::ErrorKind::PermissionDenied, "{file} {mode:o}");
        assert!(words.contains("is open to all users"), "{words}");
    }
}

#[test]
fn hosts_that_start_at_once_agree_on_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("in/a/new/place");

    std::thread::scope(|scope| {
        for opening in (0..16)
            .map(|_| scope.spawn(|| CodeCache::open(&cache).map(drop)))
            .collect::<Vec<_>>()
        {
            opening.join().unwrap().unwrap();
        }
    });

    let files: Vec<_> = std::fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["key"]);
    let guest = Raw::default().component();
    let (one, another) = (
        runtime_over(&cache, program()),
        runtime_over(&cache, Path::new("/nowhere/leeway")),
    );
    one.load(&guest, Limits::default()).unwrap();
    another.load(&guest, Limits::default()).unwrap();
    let mode = std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let runtime = runtime_over(&cache, program());
    std::fs::remove_dir_all(&cache).unwrap();

    let refused = runtime
        .load(&Raw::default().component(), Limits::default())
        .err()
        .unwrap();

    let LoadError::Cache { path, source } = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (path.as_str(), source.kind()),
        (cache.to_str().unwrap(), io::ErrorKind::NotFound)
    );
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(CodeCache::open(&file).is_err());
}
