//! Glue between the traits of an author and the exports of a component.

use std::marker::PhantomData;
use std::sync::Once;

use crate::bindings::{batch, stream};
use crate::{BatchDetector, Descriptor, Failure, Level, Measurement, Step, StreamDetector};

use batch::exports::leeway::detector as batch_exports;
use batch::leeway::detector::windows::Window;
use stream::exports::leeway::detector as stream_exports;

/// A batch detector as the guest of the host.
pub struct BatchGuest<D>(PhantomData<D>);

/// A stream detector as the guest of the host.
pub struct StreamGuest<D>(PhantomData<D>);

/// A panic's message leaves the sandbox through the log; the trap alone would not tell it.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            crate::log(Level::Error, &panic.to_string());
        }));
    });
}

impl<D: BatchDetector> batch_exports::batch::Guest for BatchGuest<D> {
    fn describe() -> Descriptor {
        report_panics();
        D::describe()
    }
    fn check_config(config: String) -> Result<(), Failure> {
        report_panics();
        D::check_config(&config)
    }
    fn fit(reference: Window, config: String, seed: u64) -> Result<Vec<u8>, Failure> {
        report_panics();
        D::fit(&reference, &config, seed)
    }
    fn evaluate(
        baseline: Vec<u8>,
        current: Window,
        config: String,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        report_panics();
        D::evaluate(&baseline, &current, &config, seed)
    }
}

impl<D: StreamDetector> stream_exports::stream::Guest for StreamGuest<D> {
    fn describe() -> Descriptor {
        report_panics();
        D::describe()
    }
    fn check_config(config: String) -> Result<(), Failure> {
        report_panics();
        D::check_config(&config)
    }
    fn update(state: Vec<u8>, rows: Window, config: String, seed: u64) -> Result<Step, Failure> {
        report_panics();
        D::update(&state, &rows, &config, seed)
    }
}

/// Makes a type that implements [`BatchDetector`] the detector of this component.
#[macro_export]
macro_rules! export_batch_detector {
    ($detector:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Guest = $crate::glue::BatchGuest<$detector>;
    $crate::glue::batch::export!(Guest with_types_in $crate::glue::batch);
        };
    };
}

/// Makes a type that implements [`StreamDetector`] the detector of this component.
#[macro_export]
macro_rules! export_stream_detector {
    ($detector:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Guest = $crate::glue::StreamGuest<$detector>;
    $crate::glue::stream::export!(Guest with_types_in $crate::glue::stream);
        };
    };
}
