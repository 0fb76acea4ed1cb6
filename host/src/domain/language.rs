//! The languages in which a detector may come as text.

use std::path::Path;

/// A language whose interpreter runs detectors as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// `CPython`.
    Python,
    /// `QuickJS`.
    Javascript,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::Python, Self::Javascript];

    /// Its name, as it is stored and in names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Javascript => "javascript",
        }
    }

    /// The language of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.name() == name)
    }

    /// The language of a file, by the end of its name: `.py`, `.js` or `.mjs`. What has none is a component.
    pub fn of_file(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?;
        match end.to_ascii_lowercase().as_str() {
            "py" => Some(Self::Python),
            "js" | "mjs" => Some(Self::Javascript),
            _ => None,
        }
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Python => "Python",
            Self::Javascript => "JavaScript",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_the_end_of_its_name() {
        for (file, language) in [
            ("x.py", Some(Language::Python)),
            ("a.b/X.PY", Some(Language::Python)),
            ("x.js", Some(Language::Javascript)),
            ("x.mjs", Some(Language::Javascript)),
            ("x.wasm", None),
            ("py", None),
            (".py", None),
        ] {
            assert_eq!(Language::of_file(Path::new(file)), language, "{file}");
        }
    }

    #[test]
    fn every_name_is_read_as_its_language() {
        for language in Language::ALL {
            assert_eq!(Language::of_name(language.name()), Some(language));
        }
        assert_eq!(Language::of_name("Python"), None);
    }
}
