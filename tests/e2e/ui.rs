//! The page at `/ui`, in a real browser on a real server.

mod access;
mod detectors;
mod keys;
mod looks;
mod pages;
mod world;
