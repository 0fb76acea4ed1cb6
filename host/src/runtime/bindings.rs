//! Bindings generated from `wit/`; the stream world shares the types of the batch world.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    reason = "generated code"
)]

pub(super) mod batch {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "batch-detector",
        imports: { default: trappable },
        with: { "leeway:detector/windows.window": crate::profile::Window },
    });
}

pub(super) mod stream {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "stream-detector",
        imports: { default: trappable },
        with: {
            "leeway:detector/types": super::batch::leeway::detector::types,
            "leeway:detector/windows": super::batch::leeway::detector::windows,
            "leeway:detector/kernels": super::batch::leeway::detector::kernels,
            "leeway:detector/logging": super::batch::leeway::detector::logging,
        },
    });
}

pub(super) use batch::leeway::detector::{kernels, logging, types, windows};
