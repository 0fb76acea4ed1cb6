//! HTTP from the outside: every operation as clients use it.

mod access;
mod clients;
mod drift;
mod examples;
mod formats;
mod history;
mod limits;
mod problems;
mod rows;
mod segments;
mod standings;
mod statements;
mod unlabelled;
