//! A damaged file ends in an error, also where a decoder panics over it.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use super::InputError;

thread_local! {
    /// Whether this thread is inside a decoder whose panics are errors.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder of another library over bytes of a file; its panic becomes an error, without a
/// word on standard error. Whatever the decoder borrowed must not be used again after an error.
pub(super) fn guarded<T>(
    file: &Path,
    rows: u64,
    work: impl FnOnce() -> Result<T, InputError>,
) -> Result<T, InputError> {
    caught(work).unwrap_or_else(|words| Err(InputError::damaged(file, rows, words)))
}

/// The same; of a panic its words are left.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    stay_silent_about_guarded_panics();
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        text.unwrap_or("it cannot be decoded").to_owned()
    })
}

/// Puts a hook in front of the one that prints panics, once for the process.
fn stay_silent_about_guarded_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                print(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_decoder_is_an_error_with_its_words() {
        let error =
            guarded::<()>(Path::new("f"), 7, || panic!("index 3\nout of range")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "f: becomes damaged or truncated after row 7: index 3 out of range"
        );
        assert!(!GUARDED.get());
        assert_eq!(guarded(Path::new("f"), 0, || Ok(5)).unwrap(), 5);
    }
}
