//! An always-valid monitor of a risk: is the model wrong more often than it was, whenever one looks?

use crate::always_valid::{AfterAlarm, AlwaysValid, Phase};
use crate::capital::{CAPITAL_MAX, Capital};
use crate::change::{UNIT, within};
use crate::clopper_pearson::share_upper;
use crate::risk_bound::RiskBound;
use crate::setting::{SettingError, check};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`ErrorBets`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorBetsParams {
    /// First rows, whose risk is the normal one. Without meaning where `target_risk` is given.
    pub source_rows: u32,
    /// The risk that is normal, in `[0, 1]`, where it is known.
    pub target_risk: Option<f64>,
    /// Rise of the risk that does no harm, in `[0, 1]`.
    pub tolerance: f64,
    /// Whether every loss is 0 or 1, as errors are: other values then leave no trace, and the source's bound is the exact one.
    pub binary: bool,
    /// What happens after an alarm.
    pub after_alarm: AfterAlarm,
}

impl Default for ErrorBetsParams {
    fn default() -> Self {
        Self {
            source_rows: 1_000,
            target_risk: None,
            tolerance: 0.01,
            binary: false,
            after_alarm: AfterAlarm::Stay,
        }
    }
}

/// Fewest rows of a source.
pub const SOURCE_MIN: u32 = 50;
/// Most rows of a source.
pub const SOURCE_MAX: u32 = 10_000_000;

/// Shares of the whole capital that the bets risk on a row, at most one half.
const STAKES: [f64; 6] = [0.5, 0.25, 0.125, 0.0625, 0.031_25, 0.015_625];

/// Smallest risk that is bet against: stakes are divided by it.
const RISK_MIN: f64 = 1e-6;

/// Weight of the newest loss in the recent risk.
const RECENT: f64 = 1.0 / 256.0;

/// Bets that losses in `[0, 1]` have a higher mean than they had.
///
/// The first `source_rows` losses, taken as independent draws of one law, bound the source's risk from above by `u` at `level / 2`
/// (Clopper & Pearson 1934 where losses are 0 or 1, else empirical Bernstein, Waudby-Smith & Ramdas 2024). From then on every loss `x` is bet on with each stake `s`: the capital is multiplied
/// by `1 + s (x / m - 1)` with `m = u + tolerance`. Null hypothesis: the conditional mean of every loss given those before it is at
/// most the source's risk plus the tolerance. Under it, unless `u` fails, every factor has a conditional mean of at most 1, so the
/// capital is a supermartingale, and passes `2 / level` ever with a chance of at most `level / 2`; both together are at most `level`. With
/// `target_risk` there is no source to be unsure of: `m = target_risk + tolerance`, and the alarm is at `1 / level`.
///
/// Bets begin all the time (`Capital`), so a change late in a stream is seen nearly as fast as an early one. Six multiplications a row.
/// Losses may depend on each other, fall and rise again: only the bound on the conditional mean counts. Labels that come first for
/// errors, say, break it. Source: Podkopaev & Ramdas (2022), "Tracking the Risk of a Deployed Model and Detecting Harmful Distribution
/// Shifts"; Waudby-Smith & Ramdas (2024), "Estimating Means of Bounded Random Variables by Betting".
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorBets {
    params: ErrorBetsParams,
    source: RiskBound,
    /// The source's risk from above, once it is known.
    bound: Option<f64>,
    current: RiskBound,
    /// Weighted mean of the newest losses.
    recent: Option<f64>,
    capital: Capital<{ STAKES.len() }>,
    largest: f64,
    alarmed: bool,
}

/// First byte of a state.
const FORMAT: u8 = 1;

impl Default for ErrorBets {
    fn default() -> Self {
        Self::empty(ErrorBetsParams::default())
    }
}

impl ErrorBets {
    /// A monitor that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: ErrorBetsParams) -> Result<Self, SettingError> {
        let target = params.target_risk.is_none_or(|risk| within(risk, UNIT));
        check([
            (
                (SOURCE_MIN..=SOURCE_MAX).contains(&params.source_rows),
                "source_rows",
                "a whole number from 50 to 10,000,000",
            ),
            (target, "target_risk", "a number in [0, 1]"),
            (
                within(params.tolerance, UNIT),
                "tolerance",
                "a number in [0, 1]",
            ),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: ErrorBetsParams) -> Self {
        Self {
            params,
            source: RiskBound::default(),
            bound: params.target_risk,
            current: RiskBound::default(),
            recent: None,
            capital: Capital::START,
            largest: 1.0,
            alarmed: false,
        }
    }

    /// The level of the bets: half of it is the bound's where there is one to be learned.
    fn share(&self, level: f64) -> f64 {
        if self.params.target_risk.is_some() {
            level
        } else {
            level / 2.0
        }
    }

    fn learn(&mut self, loss: f64, level: f64) {
        let rows = f64::from(self.params.source_rows);
        self.source.update(loss, level, Some(rows));
        if self.source.rows() >= rows {
            self.bound = Some(self.source_upper(level));
        }
    }

    /// The source's risk from above, as far as it is known.
    fn source_upper(&self, level: f64) -> f64 {
        if self.params.binary {
            // A sum of zeros and ones is exact.
            share_upper(self.source.sum(), self.source.rows(), level)
        } else {
            self.source.upper(level)
        }
    }

    /// The risk that is normal, as estimated or given.
    fn normal(&self) -> f64 {
        self.params
            .target_risk
            .unwrap_or_else(|| self.source.mean())
    }
}

impl AlwaysValid for ErrorBets {
    fn update(&mut self, value: f64, level: f64) -> bool {
        #[expect(clippy::float_cmp, reason = "errors are these very numbers")]
        let fits = if self.params.binary {
            value == 0.0 || value == 1.0
        } else {
            within(value, UNIT)
        };
        if !fits {
            return false;
        }
        if self.alarmed && self.params.after_alarm == AfterAlarm::Relearn {
            *self = Self::empty(self.params);
        }
        let share = self.share(level);
        let Some(bound) = self.bound else {
            self.learn(value, share);
            return false;
        };
        self.current.update(value, share, None);
        let recent = self.recent.unwrap_or_else(|| self.normal());
        self.recent = Some(recent + RECENT * (value - recent));
        if self.alarmed {
            return false;
        }
        let risk = (bound + self.params.tolerance).max(RISK_MIN);
        let excess = value / risk - 1.0;
        self.capital.play(&STAKES.map(|stake| 1.0 + stake * excess));
        self.largest = self.largest.max(self.capital.total());
        self.alarmed = self.capital.total() >= 1.0 / share;
        self.alarmed
    }

    fn phase(&self) -> Phase {
        match self.bound {
            None => Phase::Learning,
            Some(_) if self.alarmed => Phase::Alarmed,
            Some(_) if self.current.rows() == 0.0 => Phase::Learning,
            Some(_) => Phase::Watching,
        }
    }
    fn e_value(&self) -> f64 {
        // The bound's half of the level is paid for here, so that the threshold is one over the level.
        self.capital.total() * self.share(1.0)
    }
    fn largest(&self) -> f64 {
        self.largest * self.share(1.0)
    }
    fn p_value(&self) -> Option<f64> {
        let known = self.params.target_risk.is_some();
        known.then(|| (1.0 / self.largest).min(1.0))
    }
    /// Recent risk minus the normal one.
    fn effect(&self) -> f64 {
        self.recent.map_or(0.0, |recent| recent - self.normal())
    }
    fn rows(&self) -> (f64, f64) {
        (self.source.rows(), self.current.rows())
    }
    fn numbers(&self, level: f64) -> Vec<(&'static str, f64)> {
        let share = self.share(level);
        let mut numbers = vec![
            ("source_risk", self.normal()),
            (
                "source_risk_upper",
                self.bound.unwrap_or_else(|| self.source_upper(share)),
            ),
        ];
        if let Some(recent) = self.recent {
            numbers.extend([
                ("risk", self.current.mean()),
                ("risk_lower", self.current.lower(share)),
                ("recent_risk", recent),
            ]);
        }
        numbers
    }

    fn to_bytes(&self) -> Vec<u8> {
        let ErrorBetsParams {
            source_rows,
            target_risk,
            tolerance,
            binary,
            after_alarm,
        } = self.params;
        let optional = |to: Writer, number: Option<f64>| {
            to.bool(number.is_some()).f64(number.unwrap_or_default())
        };
        let start = optional(Writer::new(FORMAT).u32(source_rows), target_risk)
            .f64(tolerance)
            .bool(binary)
            .bool(after_alarm == AfterAlarm::Relearn);
        let source = optional(self.source.write(start), self.bound);
        let current = optional(self.current.write(source), self.recent);
        self.capital
            .write(current)
            .f64(self.largest)
            .bool(self.alarmed)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let source_rows = reader.u32()?;
        let target_risk = optional(&mut reader)?;
        let tolerance = reader.f64_within(1.0)?;
        let binary = reader.bool()?;
        let after_alarm = if reader.bool()? {
            AfterAlarm::Relearn
        } else {
            AfterAlarm::Stay
        };
        let params = ErrorBetsParams {
            source_rows,
            target_risk,
            tolerance,
            binary,
            after_alarm,
        };
        let mut monitor = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        monitor.source = RiskBound::read(&mut reader)?;
        monitor.bound = optional(&mut reader)?;
        monitor.current = RiskBound::read(&mut reader)?;
        monitor.recent = optional(&mut reader)?;
        monitor.capital = Capital::read(&mut reader)?;
        monitor.largest = reader.f64_within(CAPITAL_MAX)?;
        monitor.alarmed = reader.bool()?;
        reader.finish()?;
        if monitor.largest < 1.0 || monitor.bound.is_some_and(|bound| bound < 0.0) {
            return Err(StateError::Damaged("capital or a risk below its least"));
        }
        Ok(monitor)
    }
}

/// A share that may be absent.
fn optional(reader: &mut Reader<'_>) -> Result<Option<f64>, StateError> {
    let (known, number) = (reader.bool()?, reader.f64_within(1.0)?);
    Ok(known.then_some(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{any_cut_of_a_monitor_goes_on, damage_of_a_monitor_is_refused_or_harmless};
    use crate::rng::Rng;
    use proptest::prelude::*;

    fn play(monitor: &mut ErrorBets, rng: &mut Rng, rows: usize, p: f64) -> Option<f64> {
        (0..rows)
            .filter(|_| monitor.update(f64::from(u8::from(rng.uniform() < p)), 0.05))
            .last()
            .map(|_| monitor.capital.rows())
    }

    #[test]
    fn a_rise_is_found_and_the_alarm_stays() {
        let mut rng = Rng::new(1);
        let mut monitor = ErrorBets::default();
        assert_eq!(play(&mut monitor, &mut rng, 1_000, 0.1), None);
        assert_eq!(play(&mut monitor, &mut rng, 5_000, 0.1), None);
        assert_eq!(monitor.phase(), Phase::Watching);
        let row = play(&mut monitor, &mut rng, 3_000, 0.3).unwrap();
        assert!(row < 5_400.0, "{row}");
        assert_eq!(monitor.phase(), Phase::Alarmed);
        assert!(monitor.e_value() >= 20.0 && monitor.effect() > 0.1);
        assert_eq!(play(&mut monitor, &mut rng, 3_000, 0.0), None);
        assert_eq!(monitor.phase(), Phase::Alarmed);
    }

    #[test]
    fn errors_have_the_exact_bound_and_other_losses_leave_no_trace() {
        let params = ErrorBetsParams {
            binary: true,
            source_rows: 100,
            ..ErrorBetsParams::default()
        };
        let mut monitor = ErrorBets::new(params).unwrap();
        for row in 0..150_u32 {
            monitor.update(if row % 3 == 2 { 0.5 } else { 0.0 }, 0.05);
        }
        assert_eq!(monitor.rows(), (100.0, 0.0));
        // No error in 100 rows at level 0.025: 1 - 0.025^(1/100).
        assert!((monitor.bound.unwrap() - 0.036_216_693).abs() < 1e-7);
    }

    #[test]
    fn a_known_risk_needs_no_source_and_a_better_model_is_no_alarm() {
        let params = ErrorBetsParams {
            target_risk: Some(0.2),
            ..ErrorBetsParams::default()
        };
        let mut rng = Rng::new(2);
        let mut monitor = ErrorBets::new(params).unwrap();
        assert_eq!(play(&mut monitor, &mut rng, 20_000, 0.05), None);
        assert!(play(&mut monitor, &mut rng, 2_000, 0.4).is_some());
    }

    #[test]
    fn false_alarms_over_whole_streams_stay_below_the_level() {
        // 200 streams of 5,000 rows at level 5%: more than 17 alarms have a chance of 1 in 50 if each has one of 5%.
        let mut rng = Rng::new(3);
        let alarms = (0..200)
            .filter(|_| play(&mut ErrorBets::default(), &mut rng, 5_000, 0.2).is_some())
            .count();
        assert!(alarms <= 17, "{alarms}");
    }

    #[test]
    fn after_an_alarm_it_begins_again_on_request() {
        let params = ErrorBetsParams {
            source_rows: 200,
            after_alarm: AfterAlarm::Relearn,
            ..ErrorBetsParams::default()
        };
        let mut rng = Rng::new(4);
        let mut monitor = ErrorBets::new(params).unwrap();
        play(&mut monitor, &mut rng, 200, 0.1);
        assert!(play(&mut monitor, &mut rng, 400, 0.9).is_some());
        assert_eq!(monitor.phase(), Phase::Watching);
        assert!(monitor.normal() > 0.5);
    }

    #[test]
    fn settings_out_of_range_are_named_and_nothing_odd_gets_in() {
        let wrong = |change: fn(&mut ErrorBetsParams)| {
            let mut params = ErrorBetsParams::default();
            change(&mut params);
            ErrorBets::new(params)
                .map(|_| ())
                .map_err(|error| error.setting)
        };
        assert_eq!(wrong(|params| params.source_rows = SOURCE_MIN), Ok(()));
        assert_eq!(
            wrong(|params| params.source_rows = SOURCE_MIN - 1),
            Err("source_rows")
        );
        assert_eq!(
            wrong(|params| params.source_rows = SOURCE_MAX + 1),
            Err("source_rows")
        );
        assert_eq!(
            wrong(|params| params.target_risk = Some(1.1)),
            Err("target_risk")
        );
        assert_eq!(
            wrong(|params| params.tolerance = f64::NAN),
            Err("tolerance")
        );
        let mut monitor = ErrorBets::default();
        for odd in [f64::NAN, f64::INFINITY, -0.5, 1.5] {
            assert!(!monitor.update(odd, 0.05));
        }
        assert_eq!(monitor, ErrorBets::default());
    }

    proptest! {
        #[test]
        fn a_restored_monitor_goes_on_as_the_original(values in prop::collection::vec(0f64..=1.0, 0..300), cut in 0usize..300) {
            let params = ErrorBetsParams { source_rows: 50, after_alarm: AfterAlarm::Relearn, ..ErrorBetsParams::default() };
            any_cut_of_a_monitor_goes_on(&ErrorBets::new(params).unwrap(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..300, byte in any::<u8>()) {
            let params = ErrorBetsParams { source_rows: 50, ..ErrorBetsParams::default() };
            damage_of_a_monitor_is_refused_or_harmless(ErrorBets::new(params).unwrap(), at, byte)?;
        }
    }
}
