//! Bindings generated from `wit/`; the stream world shares the types of the batch world.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    reason = "generated code"
)]

/// The world of detectors over windows.
pub mod batch {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "batch-detector",
        pub_export_macro: true,
        default_bindings_module: "leeway_sdk::glue::batch",
        additional_derives: [PartialEq, Clone],
        additional_derives_ignore: ["window"],
    });
}

/// The world of detectors over streams of rows.
pub mod stream {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "stream-detector",
        pub_export_macro: true,
        default_bindings_module: "leeway_sdk::glue::stream",
        with: {
            "leeway:detector/types@1.0.0": crate::bindings::batch::leeway::detector::types,
            "leeway:detector/windows@1.0.0": crate::bindings::batch::leeway::detector::windows,
            "leeway:detector/kernels@1.0.0": crate::bindings::batch::leeway::detector::kernels,
            "leeway:detector/logging@1.0.0": crate::bindings::batch::leeway::detector::logging,
        },
    });
}
