//! Which models are this host's own, as far as it knows of the others. Pure: what the database says is handed in.
//!
//! Every host works out the owner of a model from the numbers of the hosts that are alive, so no table has a row for each model.
//! Hosts may see a change at different moments. Therefore a host first gives up what the change takes from it and says so
//! (its view), and takes over what the change gives it once every host that is alive has said the same: at no moment do two
//! believe that a model is theirs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::Beat;

/// Sets of hosts that are remembered while not all have said the same. Beyond it nothing is owned until they have.
const SETS_MAX: usize = 16;

/// What is known of the hosts.
#[derive(Debug)]
pub(super) struct Owners {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    /// This host's number; none where it has joined nobody.
    me: Option<i64>,
    /// Who was alive when all last agreed, and at each change since, by number.
    sets: Vec<Vec<i64>>,
    /// What it said last: stands for the last of the sets.
    view: i64,
}

/// What belonged to a host at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share(State);

impl Share {
    /// Whether a model is this host's own: whoever was alive, then and since, it would be.
    pub(super) fn owns(&self, model_no: i32) -> bool {
        let State { me, sets, .. } = &self.0;
        me.is_none() || sets.iter().all(|set| owner(set, model_no) == *me)
    }

    /// Nothing at all.
    pub(super) fn nothing() -> Self {
        Self(State {
            me: Some(0),
            ..State::nothing()
        })
    }

    /// What was and is its own.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut sets = self.0.sets.clone();
        for set in &other.0.sets {
            if !sets.contains(set) {
                sets.push(set.clone());
            }
        }
        Self(State {
            sets,
            ..other.0.clone()
        })
    }

    /// Hosts that are alive, as far as this one knows.
    pub(super) fn hosts(&self) -> usize {
        self.0.sets.last().map_or(1, Vec::len)
    }

    /// Whether no other host is alive.
    pub(super) fn alone(&self) -> bool {
        let State { me, sets, .. } = &self.0;
        me.is_none() || matches!(&sets[..], [set] if set.len() == 1 && set.first() == me.as_ref())
    }
}

impl Owners {
    /// Of a host that has joined nobody: every model is its own.
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
        }
    }

    /// Whether a model is this host's own.
    pub(super) fn owns(&self, model_no: i32) -> bool {
        self.share().owns(model_no)
    }

    /// What is this host's own now.
    pub(super) fn share(&self) -> Share {
        Share(self.state().clone())
    }

    /// What is to be said to the others.
    pub(super) fn view(&self) -> i64 {
        self.state().view
    }

    /// The host joined under this number. Nothing is its own until all know of it.
    pub(super) fn joined(&self, me: i64) {
        *self.state() = State {
            me: Some(me),
            ..State::nothing()
        };
    }

    /// The host could not say for so long that it is alive that others may have taken its models over.
    pub(super) fn lapsed(&self) {
        let mut state = self.state();
        *state = State {
            me: state.me,
            ..State::nothing()
        };
    }

    /// What the host found when it said that it is alive: whether it has something new to say.
    ///
    /// What it owns from now on never includes what it did not own before unless all agree.
    pub(super) fn heard(&self, beat: &Beat) -> bool {
        let mut state = self.state();
        if !beat.was_alive {
            let me = state.me;
            *state = State {
                me,
                ..State::nothing()
            };
        }
        let alive: Vec<i64> = beat.hosts.iter().map(|(host_no, _)| *host_no).collect();
        let view = view_of(&alive);
        if state.sets.last() != Some(&alive) {
            state.sets.push(alive.clone());
            if state.sets.len() > SETS_MAX {
                state.sets = vec![Vec::new(), alive.clone()];
            }
        }
        let news = state.view != view;
        state.view = view;
        if beat.hosts.iter().all(|(_, said)| *said == view) {
            state.sets = vec![alive];
        }
        news
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nothing is owned: among nobody there is no owner.
    fn nothing() -> Self {
        Self {
            me: None,
            sets: vec![Vec::new()],
            view: 0,
        }
    }
}

/// The owner of a model among some hosts: the one that draws the highest number for it (Thaler and Ravishankar 1998). When a
/// host comes or goes, only models that it gains or had change hands.
fn owner(hosts: &[i64], model_no: i32) -> Option<i64> {
    let draw =
        |host_no: i64| mixed(mixed(host_no.cast_unsigned()) ^ u64::from(model_no.cast_unsigned()));
    hosts
        .iter()
        .copied()
        .max_by_key(|&host_no| (draw(host_no), host_no))
}

/// Stands for a set of hosts; never 0, which says nothing.
fn view_of(hosts: &[i64]) -> i64 {
    let folded = hosts
        .iter()
        .fold(0, |so_far, host_no| mixed(so_far ^ host_no.cast_unsigned()));
    (folded | 1).cast_signed()
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood 2014). The same on every host and in every version.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
#[path = "owners_tests.rs"]
mod tests;
