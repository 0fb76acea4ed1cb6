//! Hosts around a table that stands for the database's, in any order of steps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const MODELS: std::ops::Range<i32> = 0..64;

/// The table of hosts: what each said last, and whether it is alive.
#[derive(Default)]
struct Table(BTreeMap<i64, (i64, bool)>);

impl Table {
    fn join(&mut self, host_no: i64) -> Owners {
        self.0.insert(host_no, (0, true));
        let owners = Owners::new();
        owners.joined(host_no);
        owners
    }

    /// A host says what it has to say, and looks.
    fn beat(&mut self, host_no: i64, owners: &Owners) -> bool {
        let (said, alive) = self.0.get_mut(&host_no).unwrap();
        let was_alive = *alive;
        (*said, *alive) = (owners.view(), true);
        let living = self.0.iter().filter(|(_, (_, alive))| *alive);
        let hosts = living.map(|(&no, &(said, _))| (no, said)).collect();
        owners.heard(&Beat { was_alive, hosts })
    }

    fn settle(&mut self, hosts: &BTreeMap<i64, Owners>) {
        for _ in 0..3 {
            for (&no, owners) in hosts {
                self.beat(no, owners);
            }
        }
    }
}

fn owned(owners: &Owners) -> Vec<i32> {
    MODELS.filter(|&model| owners.owns(model)).collect()
}

fn three() -> (Table, BTreeMap<i64, Owners>) {
    let mut table = Table::default();
    let hosts: BTreeMap<i64, Owners> = [1, 2, 3].map(|no| (no, table.join(no))).into();
    table.settle(&hosts);
    (table, hosts)
}

#[test]
fn who_joined_nobody_owns_all_and_who_is_alone_owns_all_once_it_has_looked() {
    assert_eq!(owned(&Owners::new()).len(), 64);
    assert!(Owners::new().share().alone());
    let mut table = Table::default();
    let one = table.join(1);
    assert!(owned(&one).is_empty());
    assert!(table.beat(1, &one), "it has something to say");
    assert!(owned(&one).is_empty());
    assert!(!table.beat(1, &one));
    assert_eq!(owned(&one).len(), 64);
    assert!(one.share().alone());
}

#[test]
fn every_model_has_one_owner_and_no_host_has_much_more_than_its_part() {
    let hosts: Vec<i64> = (1..=4).collect();
    let mut counts = BTreeMap::new();
    for model in 0..10_000 {
        *counts.entry(owner(&hosts, model).unwrap()).or_insert(0) += 1;
    }
    for (host, count) in counts {
        assert!((2_300..2_700).contains(&count), "host {host}: {count}");
    }
    assert_eq!(owner(&[], 1), None);
}

#[test]
fn models_of_a_host_that_dies_go_to_the_others_and_no_other_model_moves() {
    let (mut table, mut hosts) = three();
    let before: Vec<Option<i64>> = MODELS.map(|model| owner(&[1, 2, 3], model)).collect();
    let gone = hosts.remove(&2).unwrap();
    assert!(!owned(&gone).is_empty());
    table.0.get_mut(&2).unwrap().1 = false;
    table.settle(&hosts);
    for (model, before) in MODELS.zip(before) {
        let now: Vec<i64> = [1, 3]
            .into_iter()
            .filter(|no| hosts[no].owns(model))
            .collect();
        assert_eq!(now.len(), 1, "model {model}");
        assert!(before == Some(2) || before == Some(now[0]), "model {model}");
    }
}

#[test]
fn nothing_is_taken_over_before_the_owner_gave_it_up() {
    let mut table = Table::default();
    let one = table.join(1);
    table.beat(1, &one);
    table.beat(1, &one);
    let two = table.join(2);
    table.beat(2, &two);
    table.beat(2, &two);
    assert!(owned(&two).is_empty(), "host 1 has not looked yet");
    assert!(table.beat(1, &one));
    let left = owned(&one);
    assert!((1..64).contains(&left.len()));
    table.beat(2, &two);
    assert!(owned(&two).is_empty(), "host 1 has not said so yet");
    table.beat(1, &one);
    table.beat(2, &two);
    assert_eq!(owned(&one), left);
    assert_eq!(owned(&two).len(), 64 - left.len());
}

#[test]
fn a_host_that_was_taken_for_dead_owns_nothing_until_all_know_that_it_is_back() {
    let (mut table, hosts) = three();
    table.0.get_mut(&2).unwrap().1 = false;
    for _ in 0..2 {
        for no in [1, 3] {
            table.beat(no, &hosts[&no]);
        }
    }
    table.beat(2, &hosts[&2]);
    assert!(owned(&hosts[&2]).is_empty());
    table.settle(&hosts);
    assert!(!owned(&hosts[&2]).is_empty());
    hosts[&2].lapsed();
    assert!(owned(&hosts[&2]).is_empty());
}

#[test]
fn a_host_that_sees_change_after_change_owns_nothing_until_the_end_of_it() {
    let mut table = Table::default();
    let one = table.join(1);
    table.beat(1, &one);
    table.beat(1, &one);
    for no in 2..40 {
        table.0.insert(no, (0, true));
        table.beat(1, &one);
        assert!(one.share().0.sets.len() <= SETS_MAX);
    }
    table.0.retain(|&no, _| no == 1);
    table.beat(1, &one);
    table.beat(1, &one);
    assert_eq!(owned(&one).len(), 64);
}

proptest! {
    /// A host that the table takes for dead knows that itself before anybody else can see it.
    #[test]
    fn no_two_hosts_ever_own_the_same_model(steps in prop::collection::vec((1..=4_i64, 0..8_u8), 1..120)) {
        let mut table = Table::default();
        let mut hosts: BTreeMap<i64, Owners> = BTreeMap::new();
        for (no, what) in steps {
            match what {
                0 if table.0.contains_key(&no) => {
                    if let Some(owners) = hosts.get(&no) {
                        owners.lapsed();
                    }
                    table.0.get_mut(&no).unwrap().1 = false;
                }
                1 => {
                    hosts.remove(&no);
                    table.0.remove(&no);
                }
                _ => {
                    if !table.0.contains_key(&no) {
                        hosts.insert(no, table.join(no));
                    }
                    table.beat(no, &hosts[&no]);
                }
            }
            for model in MODELS {
                let owners = hosts.values().filter(|host| host.owns(model)).count();
                prop_assert!(owners <= 1, "model {} has {} owners", model, owners);
            }
        }
        hosts.retain(|no, _| table.0.get(no).is_some_and(|(_, alive)| *alive));
        table.0.retain(|_, (_, alive)| *alive);
        table.settle(&hosts);
        for model in MODELS {
            let owners = hosts.values().filter(|host| host.owns(model)).count();
            prop_assert_eq!(owners, usize::from(!hosts.is_empty()));
        }
    }
}
