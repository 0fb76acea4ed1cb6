//! Components that no compiler of a language would emit: from text, and from bytes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::repository;

/// A component in text form, as it stands.
pub fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// The guest of `plugins/hostile/raw.wat`, with changes.
#[derive(Default)]
pub struct Raw<'a> {
    /// Imports in front of its own.
    pub imports: &'a str,
    /// Fields behind its own.
    pub fields: &'a str,
    /// Replacements in the text of `wit/`: another contract.
    pub contract: &'a [(&'a str, &'a str)],
}

impl Raw<'_> {
    pub fn component(&self) -> Vec<u8> {
        let text = std::fs::read_to_string(repository().join("plugins/hostile/raw.wat")).unwrap();
        let body = text.trim_end().strip_suffix(')').unwrap().replacen(
            "(module",
            &format!("(module {}", self.imports),
            1,
        );
        let mut module = wat::parse_str(format!("{body} {})", self.fields)).unwrap();
        let (resolve, package) = self.contract();
        let world = resolve
            .select_world(&[package], Some("batch-detector"))
            .unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .unwrap()
            .encode()
            .unwrap()
    }

    fn contract(&self) -> (Resolve, wit_parser::PackageId) {
        let directory = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(repository().join("wit"))
            .unwrap()
            .map(Result::unwrap)
        {
            let text = std::fs::read_to_string(file.path()).unwrap();
            let text = self
                .contract
                .iter()
                .fold(text, |text, (from, to)| text.replace(from, to));
            std::fs::write(directory.path().join(file.file_name()), text).unwrap();
        }
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(directory.path()).unwrap();
        (resolve, package)
    }
}

/// An empty component of exactly so many bytes.
pub fn of_length(bytes: usize) -> Vec<u8> {
    let mut component = COMPONENT.to_vec();
    let section = u32::try_from(bytes - COMPONENT.len() - 6).unwrap();
    // A custom section whose length is written in five bytes, however small.
    component.push(0);
    let low_bits = |at: u32| ((section >> (7 * at)) & 0x7f).to_le_bytes()[0];
    component.extend((0..5).map(|at| low_bits(at) | if at < 4 { 0x80 } else { 0 }));
    component.extend([1, b'x']);
    component.resize(bytes, 0);
    component
}

/// A component around a core module of so many functions, each of them this code.
pub fn of_functions(count: usize, code: &[u8]) -> Vec<u8> {
    let body = [&[0], code, &[0x0b]].concat();
    let body = [leb128(body.len()), body].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 0, 1, 0x7f]), // One type: nothing to i32.
        section(3, &[leb128(count), vec![0; count]].concat()),
        section(10, &[leb128(count), body.repeat(count)].concat()),
    ];
    [COMPONENT.to_vec(), section(1, &module.concat())].concat()
}

/// One function of so many additions: 3 MB keep a compiler busy for seconds, also an optimised one.
pub fn bomb() -> Vec<u8> {
    of_functions(
        1,
        &[&[0x41, 1], b"\x41\x01\x6a".repeat(1_000_000).as_slice()].concat(),
    )
}

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb128(content.len()).as_slice(), content].concat()
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f).to_le_bytes()[0];
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
