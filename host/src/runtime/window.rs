//! A guest's handle to a window: rows and columns, copied out as it asks.
//!
//! `lend` takes the places of `numbers`, `codes` and `embeddings` in the linker: the same, with a copy less.

use wasmtime::component::Resource;

use crate::profile::{AccessError, Window};

use super::bindings::{types, windows};
use super::sandbox::Sandbox;

type Handle = Resource<Window>;
/// The outer error ends the guest, the inner one is the guest's to handle.
pub(super) type Answer<T> = wasmtime::Result<Result<T, windows::AccessError>>;

/// Hands an answer of a window to the guest.
#[expect(clippy::unnecessary_wraps, reason = "the type that every answer has")]
pub(super) fn answer<T>(result: Result<T, AccessError>) -> Answer<T> {
    Ok(result.map_err(Into::into))
}

impl Sandbox {
    /// The window behind a handle, if the call still has time.
    pub(super) fn window(&self, handle: &Handle) -> wasmtime::Result<&Window> {
        self.check_deadline()?;
        Ok(self.table.get(handle)?)
    }
}

impl types::Host for Sandbox {}
impl windows::Host for Sandbox {}

impl windows::HostWindow for Sandbox {
    fn rows(&mut self, of: Handle) -> wasmtime::Result<u64> {
        Ok(self.window(&of)?.rows())
    }
    fn columns(&mut self, of: Handle) -> wasmtime::Result<Vec<types::Column>> {
        Ok(self
            .window(&of)?
            .columns()
            .into_iter()
            .map(Into::into)
            .collect())
    }
    fn span(&mut self, of: Handle) -> wasmtime::Result<Option<(f64, f64)>> {
        Ok(self.window(&of)?.span())
    }
    fn kept_rows(&mut self, of: Handle) -> wasmtime::Result<u32> {
        Ok(self.window(&of)?.kept_rows())
    }
    fn complete(&mut self, of: Handle) -> wasmtime::Result<bool> {
        Ok(self.window(&of)?.complete())
    }
    fn times(&mut self, of: Handle, offset: u32, len: u32) -> Answer<Vec<f64>> {
        answer(
            self.window(&of)?
                .times(offset, len)
                .map(std::borrow::Cow::into_owned),
        )
    }
    fn numbers(&mut self, of: Handle, column: u32, offset: u32, len: u32) -> Answer<Vec<f64>> {
        answer(
            self.window(&of)?
                .numbers(column, offset, len)
                .map(<[_]>::to_vec),
        )
    }
    fn numbers_le(&mut self, of: Handle, column: u32, offset: u32, len: u32) -> Answer<Vec<u8>> {
        let numbers = self.window(&of)?.numbers(column, offset, len);
        answer(numbers.map(|slice| slice.iter().flat_map(|x| x.to_le_bytes()).collect()))
    }
    fn codes(&mut self, of: Handle, column: u32, offset: u32, len: u32) -> Answer<Vec<u32>> {
        answer(
            self.window(&of)?
                .codes(column, offset, len)
                .map(<[_]>::to_vec),
        )
    }
    fn codes_le(&mut self, of: Handle, column: u32, offset: u32, len: u32) -> Answer<Vec<u8>> {
        let codes = self.window(&of)?.codes(column, offset, len);
        answer(codes.map(|slice| slice.iter().flat_map(|x| x.to_le_bytes()).collect()))
    }
    fn dictionary(&mut self, of: Handle, column: u32, first: u32, len: u32) -> Answer<Vec<String>> {
        answer(
            self.window(&of)?
                .dictionary(column, first, len)
                .map(<[_]>::to_vec),
        )
    }
    fn dictionary_size(&mut self, of: Handle, column: u32) -> Answer<u32> {
        answer(self.window(&of)?.dictionary_size(column))
    }
    fn embeddings(&mut self, of: Handle, column: u32, offset: u32, len: u32) -> Answer<Vec<f32>> {
        answer(
            self.window(&of)?
                .embeddings(column, offset, len)
                .map(<[_]>::to_vec),
        )
    }
    fn embeddings_le(&mut self, of: Handle, column: u32, offset: u32, len: u32) -> Answer<Vec<u8>> {
        let components = self.window(&of)?.embeddings(column, offset, len);
        answer(components.map(|slice| slice.iter().flat_map(|x| x.to_le_bytes()).collect()))
    }
    fn sample(&mut self, of: Handle, count: u32, seed: u64) -> Answer<Vec<u32>> {
        answer(self.window(&of)?.sample(count, seed))
    }
    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
