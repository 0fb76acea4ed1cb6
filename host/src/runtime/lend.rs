//! Rows of a window on their way into a guest with one copy: from the kept rows into its memory.
//!
//! The generated bindings take a `Vec`: a copy of the rows before the one into the guest. What is here
//! takes the places of `numbers`, `codes` and `embeddings` in the linker.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};

use crate::profile::{AccessError, Window};

use super::bindings::windows;
use super::sandbox::Sandbox;

/// The interface of windows, as components import it.
const WINDOWS: &str = "leeway:detector/windows@1.0.0";

/// A window, a column of it, the first row and how many.
type Asked = (Resource<Window>, u32, u32, u32);
/// The outer error ends the guest, the inner one is the guest's to handle.
type Lent<T> = wasmtime::Result<(Result<&'static [T], windows::AccessError>,)>;
/// What reads rows of a window.
type Rows<T> = fn(&Window, u32, u32, u32) -> Result<&[T], AccessError>;
type Store<'a> = StoreContextMut<'a, Sandbox>;

/// Takes the places of the generated functions.
pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut windows = linker.instance(WINDOWS)?;
    windows.func_wrap("[method]window.numbers", |store: Store, asked: Asked| {
        lend(store, &asked, Window::numbers)
    })?;
    windows.func_wrap("[method]window.codes", |store: Store, asked: Asked| {
        lend(store, &asked, Window::codes)
    })?;
    windows.func_wrap("[method]window.embeddings", |store: Store, asked: Asked| {
        lend(store, &asked, Window::embeddings)
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn lend<T>(mut store: Store, (of, column, offset, len): &Asked, rows: Rows<T>) -> Lent<T> {
    let window = store.data().window(of)?.clone();
    let lent = store.data_mut().lent.insert(window);
    let rows = rows(lent, *column, *offset, *len);
    #[expect(
        unsafe_code,
        reason = "what a host function returns may borrow from nothing"
    )]
    // SAFETY: the rows lie in kept rows that never change and are shared. The store's data holds its
    // own share, in `lent`, until the next call of this function, or for its life. What is returned
    // here is copied into the guest before that call can come: the store is borrowed meanwhile, and
    // the guest runs its allocator alone, from which it may call nothing of the host.
    let rows = rows.map(|rows| unsafe { std::slice::from_raw_parts(rows.as_ptr(), rows.len()) });
    Ok((rows.map_err(Into::into),))
}
