//! Detectors as text: the interpreter of their language runs them, a component that was compiled ahead of time.
//!
//! An interpreter is a detector like any other, but for one import that no other may have: the text. It reads it anew
//! in every call, since an instance lives for one call alone. So the text is to such a plugin what its bytes are to a
//! component, and its digest is over text, language and interpreter.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::domain::Language;

use super::bindings::batch::BatchDetectorPre;
use super::compile::CompileLimits;
use super::error::{LoadError, RunError};
use super::limits::Limits;
use super::plugin::{Digest, Plugin, Pre, Runtime, check_header, incompatible};
use super::sandbox::Sandbox;

/// Bytes of the text of a detector. It is read in every call.
pub const SOURCE_BYTES_MAX: usize = 256 << 10;
/// What an interpreter imports beside the contract.
const SOURCE: &str = "leeway:interpreter/source@1.0.0";
/// Stands in front of what is digested, so that no text has the digest of another thing.
const PURPOSE: &str = "leeway detector in source v1";
/// Interpreters come from whoever runs the host, not from strangers, and are large: compiling one takes 8 s on a
/// quick machine, and minutes with a compiler that was built for debugging.
const COMPILE: CompileLimits = CompileLimits {
    cpu: Duration::from_mins(5),
    wall: Duration::from_mins(20),
    memory_bytes_max: 2 << 30,
    output_bytes_max: 128 << 20,
};

/// The interpreters of a folder, each compiled once.
pub(super) struct Interpreters {
    folder: PathBuf,
    linker: Linker<Sandbox>,
    /// By file. Who asks for one that is being compiled waits for it.
    loaded: [Mutex<HashMap<PathBuf, Interpreter>>; Language::ALL.len()],
}

/// A compiled interpreter without a text.
#[derive(Clone)]
struct Interpreter {
    digest: Digest,
    pre: BatchDetectorPre<Sandbox>,
}

impl Interpreters {
    /// None yet. `contract` links what every detector may ask for.
    pub(super) fn new(contract: &Linker<Sandbox>) -> wasmtime::Result<Self> {
        let mut linker = contract.clone();
        linker
            .instance(SOURCE)?
            .func_wrap("text", |store: StoreContextMut<Sandbox>, ()| {
                let text: Arc<str> = store.data().source.clone().unwrap_or_default();
                Ok((text,))
            })?;
        Ok(Self {
            folder: PathBuf::from("interpreters"),
            linker,
            loaded: Default::default(),
        })
    }

    /// The file of the interpreter that runs what is uploaded now.
    fn newest(&self, language: Language) -> PathBuf {
        self.folder.join(format!("{}.wasm", language.name()))
    }

    /// Files of older ones, which run what was uploaded then: `python-3.13.wasm` beside `python.wasm`.
    fn older(&self, language: Language) -> Vec<PathBuf> {
        let start = format!("{}-", language.name());
        let is_older = |path: &PathBuf| {
            let name = path.file_name().and_then(std::ffi::OsStr::to_str);
            name.is_some_and(|name| name.starts_with(&start))
                && path
                    .extension()
                    .is_some_and(|extension| extension == "wasm")
        };
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_older).collect();
        files.sort();
        files
    }
}

impl Runtime {
    /// Takes interpreters from `folder`: `python.wasm` and `javascript.wasm`. It need not be there until one is asked for.
    #[must_use]
    pub fn with_interpreters(mut self, folder: PathBuf) -> Self {
        self.interpreters.folder = folder;
        self
    }

    /// Loads text of a language, or else a component.
    ///
    /// # Errors
    /// Those of [`Runtime::load`] and [`Runtime::load_source`].
    pub fn load_as(
        &self,
        language: Option<Language>,
        bytes: &[u8],
        limits: Limits,
    ) -> Result<Plugin, LoadError> {
        match language {
            None => self.load(bytes, limits),
            Some(language) => self.load_source(language, bytes, limits),
        }
    }

    /// Loads a detector in source: as quick as two calls of it once its interpreter is loaded.
    ///
    /// # Errors
    /// Where there is no interpreter for it; else the first step that the text fails, in words for its author.
    pub fn load_source(
        &self,
        language: Language,
        text: &[u8],
        limits: Limits,
    ) -> Result<Plugin, LoadError> {
        let text = read_text(text)?;
        let interpreter = self.interpreter(language, &self.interpreters.newest(language))?;
        self.run_by(&interpreter, language, text, limits)
    }

    /// The same detector again, with the interpreter that it had when its digest, in hexadecimal, was `stored`.
    ///
    /// # Errors
    /// [`LoadError::OtherInterpreter`] where this host does not have that interpreter.
    pub fn load_stored_source(
        &self,
        language: Language,
        text: &[u8],
        stored: &str,
        limits: Limits,
    ) -> Result<Plugin, LoadError> {
        let text = read_text(text)?;
        let newest = self.interpreter(language, &self.interpreters.newest(language))?;
        let is_stored =
            |interpreter: &Digest| digest(language, interpreter, text).to_string() == stored;
        if is_stored(&newest.digest) {
            return self.run_by(&newest, language, text, limits);
        }
        for path in self.interpreters.older(language) {
            let file = read(&path)?;
            if is_stored(&Digest::of(&file)) {
                let interpreter = self.interpreter(language, &path)?;
                return self.run_by(&interpreter, language, text, limits);
            }
        }
        Err(LoadError::OtherInterpreter {
            language,
            folder: self.interpreters.folder.clone(),
        })
    }

    /// What a detector in source would be known by, if it was loaded now.
    ///
    /// # Errors
    /// Those of [`Runtime::load_source`] but for what the text itself does.
    pub fn source_digest(&self, language: Language, text: &[u8]) -> Result<Digest, LoadError> {
        let text = read_text(text)?;
        let interpreter = self.interpreter_digest(language)?;
        Ok(digest(language, &interpreter, text))
    }

    /// The digest of the interpreter that runs what is uploaded now. Compiles it where that was not done yet, so that
    /// nobody has to wait for it later.
    ///
    /// # Errors
    /// Where there is none, or it cannot be used.
    pub fn interpreter_digest(&self, language: Language) -> Result<Digest, LoadError> {
        let interpreter = self.interpreter(language, &self.interpreters.newest(language))?;
        Ok(interpreter.digest)
    }

    fn interpreter(&self, language: Language, path: &Path) -> Result<Interpreter, LoadError> {
        let mut loaded = self.interpreters.loaded[language as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(interpreter) = loaded.get(path) {
            return Ok(interpreter.clone());
        }
        if !path.is_file() {
            return Err(LoadError::NoInterpreter {
                language,
                path: path.to_owned(),
            });
        }
        let interpreter = self
            .load_interpreter(path)
            .map_err(|source| LoadError::Interpreter {
                language,
                path: path.to_owned(),
                source: Box::new(source),
            })?;
        loaded.insert(path.to_owned(), interpreter.clone());
        Ok(interpreter)
    }

    fn load_interpreter(&self, path: &Path) -> Result<Interpreter, LoadError> {
        let component = read(path)?;
        check_header(&component)?;
        let digest = Digest::of(&component);
        let compiled = self.compiled(&digest, &component, &self.compiler.within(COMPILE))?;
        self.kind(&compiled, &[SOURCE])?;
        let pre = self.interpreters.linker.instantiate_pre(&compiled);
        let pre = pre.and_then(BatchDetectorPre::new).map_err(incompatible)?;
        Ok(Interpreter { digest, pre })
    }

    fn run_by(
        &self,
        interpreter: &Interpreter,
        language: Language,
        text: &str,
        limits: Limits,
    ) -> Result<Plugin, LoadError> {
        let pre = Pre::Batch(interpreter.pre.clone());
        let digest = digest(language, &interpreter.digest, text);
        // Editors of some systems write a mark in front of the text, which is no part of it.
        let run = Arc::from(text.strip_prefix('\u{feff}').unwrap_or(text));
        self.plugin(pre, Some(run), digest, limits)
            .map_err(|error| match error {
                LoadError::Describe(RunError::Panicked { message }) => LoadError::Source {
                    language,
                    reason: message,
                },
                other => other,
            })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })
}

fn read_text(bytes: &[u8]) -> Result<&str, LoadError> {
    if bytes.len() > SOURCE_BYTES_MAX {
        return Err(LoadError::SourceTooLarge {
            bytes: bytes.len(),
            limit: SOURCE_BYTES_MAX,
        });
    }
    std::str::from_utf8(bytes).map_err(|error| LoadError::SourceNotText {
        at: error.valid_up_to(),
    })
}

/// What a detector in source is known by. Another interpreter may compute other bits, so it is another detector.
fn digest(language: Language, interpreter: &Digest, text: &str) -> Digest {
    let name = language.name();
    Digest::of(format!("{PURPOSE}\n{name}\n{interpreter}\n{text}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_interpreter_and_language_each_make_another_digest() {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let digests = [
            digest(Language::Python, &one, "x = 1"),
            digest(Language::Python, &one, "x = 2"),
            digest(Language::Python, &other, "x = 1"),
            digest(Language::Javascript, &one, "x = 1"),
        ];
        let mut different = digests.to_vec();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), digests.len());
        assert_eq!(digests[0], digest(Language::Python, &one, "x = 1"));
    }

    #[test]
    fn a_text_has_a_largest_size_and_is_utf_8() {
        assert!(read_text(&vec![b' '; SOURCE_BYTES_MAX]).is_ok());
        assert!(matches!(
            read_text(&vec![b' '; SOURCE_BYTES_MAX + 1]),
            Err(LoadError::SourceTooLarge {
                bytes,
                limit: SOURCE_BYTES_MAX
            }) if bytes == SOURCE_BYTES_MAX + 1
        ));
        assert!(matches!(
            read_text(b"x = '\xff'"),
            Err(LoadError::SourceNotText { at: 5 })
        ));
    }
}
