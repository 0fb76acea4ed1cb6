//! The report card of a detector: what it does on rows that are known, in the sandbox that it will live in.
//!
//! | check | what it does | refuses? |
//! | --- | --- | --- |
//! | `configuration` | binds the configuration, `{}` where none is given | yes |
//! | `same bits` | the same calls in fresh instances, and in the engine that counts fuel | yes |
//! | `seed` | the same calls with another seed | no: noted where answers differ |
//! | `row order` | shuffled rows; not for streams | no: noted with how far values move |
//! | `chunks` | windows merged from chunks of 1, 7 and 128 rows; streams cut into batches | yes |
//! | `no rows`, `one row`, `all missing`, `constant`, `not finite`, `other columns`, `other names`, `samples, sketches` | such windows against ordinary ones and against themselves | yes, unless the detector declines with `unusable-data` |
//! | `many rows`, `many columns`, `many categories` | 100,000 rows of 20 columns, 1,000 columns, 20,000 names | yes, where a limit ends the call |
//! | `time`, `memory`, `output` | what the many rows took of each limit | no: noted beyond half of it |
//! | `false alarms` | 400 pairs of windows of 1,000 and 500 rows without drift | no: noted where the interval lies above 5% |
//! | `power` | 100 pairs for each shift of what the detector sees | no: noted where no shift is ever seen |
//!
//! A trap, a value that is not finite, a metric or column that was not declared, a limit: whatever the runtime
//! refuses in service refuses a certification too, in whichever check it shows. All rows come from one seed
//! (their table stands in `scene.rs`, the shifts in `shift.rs`), so that two cards compare. The whole is bounded in
//! time: what there is no time for is a failed check, but trials, of which there are then fewer.

mod bits;
mod budget;
mod card;
mod chance;
mod compare;
mod draws;
mod huge;
mod odd;
mod rate;
mod scene;
mod shift;
mod subject;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::runtime::{CONTRACT, Plugin};

use budget::Budget;
use scene::Scene;
use subject::Subject;

pub use card::{Card, Check, Cost, Outcome, Power};
pub use compare::{Change, compare};
pub(crate) use draws::Draws;
pub use rate::Rate;

/// How thorough a certification is.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Seed of all rows and of the calls.
    pub seed: u64,
    /// Wall time of the whole; a call that is under way then still has its own deadline.
    pub time: Duration,
    /// Trials without drift.
    pub trials: u32,
    /// Trials of each shift.
    pub trials_of_shift: u32,
    /// The detector's configuration.
    pub config: Value,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 2013,
            time: Duration::from_mins(1),
            trials: 400,
            trials_of_shift: 100,
            config: json!({}),
        }
    }
}

/// Makes the report card of a plugin. `metered` is the same component in an engine that counts fuel.
pub fn certify(plugin: &Plugin, metered: Option<&Plugin>, settings: &Settings) -> Card {
    let started = Instant::now();
    let descriptor = plugin.descriptor();
    let mut card = Card {
        leeway: env!("CARGO_PKG_VERSION").to_owned(),
        contract: CONTRACT.to_owned(),
        detector: descriptor.full_name(),
        digest: plugin.digest().to_string(),
        seed: settings.seed,
        certified: false,
        seconds: 0.0,
        checks: Vec::new(),
        cost: None,
        false_alarms: None,
        power: Vec::new(),
    };
    fill(&mut card, plugin, metered, settings);
    card.certified = card.failed().count() == 0;
    card.seconds = started.elapsed().as_secs_f64();
    card
}

/// A detector ready to be examined.
struct Examined<'a> {
    plugin: &'a Plugin,
    subject: Subject,
    /// With another seed.
    reseeded: Subject,
    metered: Option<Subject>,
    scenes: Vec<Scene>,
}

impl<'a> Examined<'a> {
    fn new(
        plugin: &'a Plugin,
        metered: Option<&Plugin>,
        settings: &Settings,
    ) -> Result<Self, String> {
        let configure = |plugin: &Plugin, seed: u64| {
            let configured = plugin.configure(&settings.config, seed);
            configured
                .map(Subject::new)
                .map_err(|error| error.to_string())
        };
        let scenes = Scene::all(plugin.descriptor()).map_err(|error| error.to_string())?;
        if scenes.is_empty() {
            return Err("no column of a model has one of the declared roles and kinds".to_owned());
        }
        Ok(Self {
            subject: configure(plugin, settings.seed)?,
            reseeded: configure(plugin, settings.seed.wrapping_add(1))?,
            metered: metered
                .map(|metered| configure(metered, settings.seed))
                .transpose()?,
            plugin,
            scenes,
        })
    }
}

/// The checks, dearest last.
fn fill(card: &mut Card, plugin: &Plugin, metered: Option<&Plugin>, settings: &Settings) {
    const CONFIGURATION: &str = "configuration";
    let budget = Budget::of(settings.time);
    let examined = match Examined::new(plugin, metered, settings) {
        Ok(examined) => examined,
        Err(says) => {
            card.checks
                .push(Check::new(CONFIGURATION, Outcome::Failed, says));
            return;
        }
    };
    let says = format!("{} is accepted", settings.config);
    card.checks
        .push(Check::new(CONFIGURATION, Outcome::Passed, says));

    let (seed, subject) = (settings.seed, &examined.subject);
    let mut timed = Timed {
        card,
        budget,
        time: settings.time,
    };
    let on_each = |check: &dyn Fn(&Scene) -> Vec<Check>| worst(examined.scenes.iter().map(check));
    timed.run("same bits", || {
        on_each(&|scene| vec![bits::same(scene, subject, examined.metered.as_ref(), seed)])
    });
    timed.run("seed", || {
        on_each(&|scene| vec![bits::seed(scene, subject, &examined.reseeded, seed)])
    });
    timed.run("row order", || {
        on_each(&|scene| bits::order(scene, subject, seed).into_iter().collect())
    });
    timed.run("chunks", || {
        on_each(&|scene| vec![bits::cuts(scene, subject, seed)])
    });
    timed.run("odd rows", || {
        on_each(&|scene| odd::checks(scene, subject, seed))
    });
    let descriptor = examined.plugin.descriptor();
    timed.run("many columns", || {
        on_each(&|scene| huge::shapes(scene, descriptor, subject, seed))
    });
    let mut cost = None;
    timed.run("many rows", || {
        let limits = examined.plugin.limits();
        let metered = examined.metered.as_ref();
        let (checks, measured) = huge::rows(
            &examined.scenes[0],
            descriptor,
            subject,
            metered,
            limits,
            seed,
        );
        cost = measured;
        checks
    });
    card.cost = cost;
    chances(card, &examined, settings, budget);
}

/// False alarms in half of the time that is left, power in the other half.
fn chances(card: &mut Card, examined: &Examined, settings: &Settings, budget: Budget) {
    let Examined {
        scenes, subject, ..
    } = examined;
    let (seed, part) = (settings.seed, budget.part(2));
    let alarms = chance::false_alarms(scenes, subject, settings.trials, seed, part);
    card.checks.push(chance::judge_alarms(alarms.as_ref()));
    card.false_alarms = alarms.ok().filter(|rate| rate.trials > 0);
    let power = chance::power(scenes, subject, settings.trials_of_shift, seed, budget);
    card.checks
        .extend(chance::judge_power(power.as_ref().map(Vec::as_slice)));
    card.power = power.unwrap_or_default();
}

/// Runs checks as long as there is time.
struct Timed<'a> {
    card: &'a mut Card,
    budget: Budget,
    time: Duration,
}

impl Timed<'_> {
    fn run(&mut self, name: &str, checks: impl FnOnce() -> Vec<Check>) {
        if self.budget.spent() {
            let says = format!(
                "was not run: the checks above used up the {} s of a certification",
                self.time.as_secs()
            );
            self.card
                .checks
                .push(Check::new(name, Outcome::Failed, says));
        } else {
            self.card.checks.extend(checks());
        }
    }
}

/// Of the same checks on several scenes the worse ones.
fn worst(scenes: impl Iterator<Item = Vec<Check>>) -> Vec<Check> {
    let severity = |outcome: Outcome| match outcome {
        Outcome::Passed => 0,
        Outcome::Noted => 1,
        Outcome::Failed => 2,
    };
    let mut worst: Vec<Check> = Vec::new();
    for check in scenes.flatten() {
        match worst.iter_mut().find(|other| other.name == check.name) {
            None => worst.push(check),
            Some(other) if severity(check.outcome) > severity(other.outcome) => *other = check,
            Some(_) => {}
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_scenes_the_worse_outcome_stands() {
        let check = |name, outcome| Check::new(name, outcome, "");
        let first = vec![check("a", Outcome::Noted), check("b", Outcome::Passed)];
        let second = vec![
            check("a", Outcome::Passed),
            check("b", Outcome::Failed),
            check("c", Outcome::Passed),
        ];

        let worst = worst([first, second].into_iter());

        let outcomes: Vec<(&str, Outcome)> = worst
            .iter()
            .map(|check| (check.name.as_str(), check.outcome))
            .collect();
        assert_eq!(
            outcomes,
            [
                ("a", Outcome::Noted),
                ("b", Outcome::Failed),
                ("c", Outcome::Passed)
            ]
        );
    }
}
