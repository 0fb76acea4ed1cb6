//! One team's detector beside another's: who waits for whom, what a failing one costs, and whether a number can be had again.

pub(super) mod fixture;
mod hostile;
mod places;
mod quarantine;
mod replay;
