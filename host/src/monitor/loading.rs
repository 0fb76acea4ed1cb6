//! The one place where bytes that a team uploaded become a plugin.

use std::sync::Arc;

use crate::domain::Language;
use crate::domain::version::{Form, Upload};
use crate::runtime::{Limits, LoadError, Plugin, Runtime};

/// Loads uploads. Cheap to clone.
#[derive(Clone)]
pub struct Loader {
    runtime: Arc<Runtime>,
    /// The same with an engine that counts fuel.
    metered: Option<Arc<Runtime>>,
}

impl Loader {
    /// Loads into `runtime`. Report cards have no fuel without `metered`.
    pub fn new(runtime: Arc<Runtime>, metered: Option<Arc<Runtime>>) -> Self {
        Self { runtime, metered }
    }

    /// What an upload is known by: a component by its bytes, source by its text, its language and the interpreter that
    /// runs it here. Blocks: an interpreter that is not in the cache of compiled code is compiled.
    pub fn digest(&self, upload: &Upload) -> String {
        let of_source = || {
            let language = Language::of_name(upload.language.as_deref()?)?;
            self.runtime.source_digest(language, &upload.bytes).ok()
        };
        // Where there is no interpreter it is not loaded either; what is noted of that has the digest of the text.
        of_source().map_or_else(|| upload.digest(), |digest| digest.to_string())
    }

    /// The plugin of an upload of this digest. Blocks: what is not in the cache of compiled code is compiled.
    ///
    /// # Errors
    /// The first step that the upload fails, in words for its author.
    pub fn plugin(
        &self,
        upload: &Upload,
        digest: &str,
        limits: Limits,
    ) -> Result<Plugin, LoadError> {
        Self::load(&self.runtime, upload, digest, limits)
    }

    /// Compiles the interpreters, or finds them compiled, so that the first upload need not wait. What there is none for is said.
    pub fn warm_up(&self) {
        let runtimes = std::iter::once(&self.runtime).chain(&self.metered);
        for runtime in runtimes {
            for language in Language::ALL {
                match runtime.interpreter_digest(language) {
                    Ok(digest) => {
                        tracing::info!(%language, interpreter = %digest, "runs detectors in source");
                    }
                    Err(LoadError::NoInterpreter { path, .. }) => {
                        tracing::debug!(%language, path = %path.display(), "no interpreter");
                    }
                    Err(error) => tracing::warn!(%language, %error, "no detectors in source"),
                }
            }
        }
    }

    /// The same plugin where its fuel is counted; none where fuel is not counted here.
    ///
    /// # Errors
    /// As [`Loader::plugin`].
    pub fn metered(
        &self,
        upload: &Upload,
        digest: &str,
        limits: Limits,
    ) -> Result<Option<Plugin>, LoadError> {
        let Some(runtime) = &self.metered else {
            return Ok(None);
        };
        Self::load(runtime, upload, digest, limits).map(Some)
    }

    fn load(
        runtime: &Runtime,
        upload: &Upload,
        digest: &str,
        limits: Limits,
    ) -> Result<Plugin, LoadError> {
        match upload.form {
            Form::Component => runtime.load(&upload.bytes, limits),
            Form::Source => {
                let name = upload.language.as_deref().unwrap_or_default();
                let language = Language::of_name(name)
                    .ok_or_else(|| LoadError::UnknownLanguage(name.to_owned()))?;
                runtime.load_stored_source(language, &upload.bytes, digest, limits)
            }
        }
    }
}
