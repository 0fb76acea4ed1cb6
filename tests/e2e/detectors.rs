//! Detectors that teams upload to a running server: in, into use, beside another, over the past, and out again.

pub(super) mod fixture;
mod life;
mod push;
mod shadows;
mod trials;
mod uploads;
