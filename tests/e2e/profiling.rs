//! Rows and labels are counted exactly once in the profiles of chunks, whatever the order in which they arrive.

mod interleaved;
mod once;
mod sliding;
mod uploads;
mod world;
