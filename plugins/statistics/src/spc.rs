//! A control chart: points against their centre line and the zones around it, by the rules of Western Electric.

use crate::adwin::VALUE_MAX;
use crate::change::{ChangeDetector, within};
use crate::setting::{SettingError, check};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`Spc`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpcParams {
    /// Rows whose mean is one point of the chart, `>= 1`.
    pub subgroup: u32,
    /// Points from which centre line and standard deviation are learned, `>= 2`. Without meaning where both are given.
    pub baseline_points: u32,
    /// Centre line and standard deviation of a point, `> 0`.
    pub limits: Option<(f64, f64)>,
    /// Which of the rules 1 to 4 count.
    pub rules: [bool; 4],
    /// Whether the row after an alarm begins to learn new limits. They stay where they are given.
    pub relearn: bool,
}

impl Default for SpcParams {
    fn default() -> Self {
        Self {
            subgroup: 50,
            baseline_points: 50,
            limits: None,
            rules: [true; 4],
            relearn: false,
        }
    }
}

/// What a rule looks at: `points` of the last `of` beyond `zone` standard deviations, all on one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Points that must lie beyond.
    pub points: u32,
    /// Points that are looked at, the newest among them.
    pub of: u32,
    /// Distance from the centre line, in standard deviations.
    pub zone: f64,
}

/// The rules of Western Electric (1956), "Statistical Quality Control Handbook", page 25, as in Montgomery (2019), section 5.3.4.
pub const RULES: [Rule; 4] = [
    Rule {
        points: 1,
        of: 1,
        zone: 3.0,
    },
    Rule {
        points: 2,
        of: 3,
        zone: 2.0,
    },
    Rule {
        points: 4,
        of: 5,
        zone: 1.0,
    },
    Rule {
        points: 8,
        of: 8,
        zone: 0.0,
    },
];

/// A Shewhart chart of means of subgroups.
///
/// A point is the mean of `subgroup` rows: their sum, in order, divided by their number. The first `baseline_points` points give the
/// centre line, their mean, and the standard deviation of a point (divisor `n - 1`); a baseline whose points are all alike goes on
/// until they are not, since it has no zones. From then on a point is beyond a zone where its distance from the centre line is more
/// than the zone's standard deviations. The alarm comes at the last row of the point that completes a rule; the points before it no
/// longer count, the limits stay unless they are to be learned anew.
///
/// Noisy by design: four rules on normal points with known limits alarm every 92 points (Champ & Woodall 1987, "Exact Results for
/// Shewhart Control Charts with Supplementary Runs Rules"), rule 1 alone every 370.
#[derive(Debug, Clone, PartialEq)]
pub struct Spc {
    params: SpcParams,
    /// Sum and number of the rows of the point that is not complete.
    sum: f64,
    pending: u32,
    /// Points, mean and sum of squared deviations of the baseline.
    learned: (f64, f64, f64),
    /// Points since the last alarm beyond each zone, above and below: one bit a point, the newest the lowest.
    above: [u8; 4],
    below: [u8; 4],
    rows: f64,
    /// The newest point.
    point: f64,
    detected: bool,
}

/// First byte of a state.
const FORMAT: u8 = 1;

/// Most rows of a point.
pub const SUBGROUP_MAX: u32 = 1_000_000;
/// Most points of a baseline.
pub const BASELINE_MAX: u32 = 1_000_000;
/// Largest mean of values that are taken in: rounding may put it a little beyond them.
const MEAN_MAX: f64 = 2.0 * VALUE_MAX;
/// More than a sum of squares of points can be.
const SQUARES_MAX: f64 = 1e220;

impl Default for Spc {
    fn default() -> Self {
        Self::empty(SpcParams::default())
    }
}

impl Spc {
    /// A chart that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: SpcParams) -> Result<Self, SettingError> {
        let (mean, sd) = params.limits.unwrap_or((0.0, 1.0));
        check([
            (
                (1..=SUBGROUP_MAX).contains(&params.subgroup),
                "subgroup",
                "a whole number from 1 to 1,000,000",
            ),
            (
                (2..=BASELINE_MAX).contains(&params.baseline_points),
                "baseline_points",
                "a whole number from 2 to 1,000,000",
            ),
            (
                within(mean, Self::RANGE),
                "mean",
                "a number in [-1e100, 1e100]",
            ),
            (sd > 0.0 && sd <= VALUE_MAX, "sd", "a number in (0, 1e100]"),
            (
                params.rules.contains(&true),
                "rules",
                "at least one of 1, 2, 3 and 4",
            ),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: SpcParams) -> Self {
        Self {
            params,
            sum: 0.0,
            pending: 0,
            learned: (0.0, 0.0, 0.0),
            above: [0; 4],
            below: [0; 4],
            rows: 0.0,
            point: 0.0,
            detected: false,
        }
    }

    /// Centre line and standard deviation of a point, once they are known.
    pub fn limits(&self) -> Option<(f64, f64)> {
        let (points, mean, squares) = self.learned;
        self.params.limits.or_else(|| {
            let known = points >= f64::from(self.params.baseline_points) && squares > 0.0;
            known.then(|| (mean, (squares / (points - 1.0)).sqrt()))
        })
    }

    /// The rules, counted from 1, that the newest point completed.
    pub fn broken(&self) -> impl Iterator<Item = usize> + '_ {
        (1..).zip(RULES).filter_map(|(number, rule)| {
            let beyond = |points: u8| (points & mask(rule.of)).count_ones() >= rule.points;
            let counts = self.params.rules[number - 1];
            (counts && (beyond(self.above[number - 1]) || beyond(self.below[number - 1])))
                .then_some(number)
        })
    }

    fn learn(&mut self, point: f64) {
        let (points, mean, squares) = self.learned;
        let points = points + 1.0;
        let next = mean + (point - mean) / points;
        self.learned = (points, next, squares + (point - mean) * (point - next));
    }

    fn judge(&mut self, point: f64, (mean, sd): (f64, f64)) -> bool {
        let deviation = point - mean;
        for (at, rule) in RULES.iter().enumerate() {
            let bound = rule.zone * sd;
            self.above[at] = self.above[at] << 1 | u8::from(deviation > bound);
            self.below[at] = self.below[at] << 1 | u8::from(-deviation > bound);
        }
        self.broken().next().is_some()
    }
}

/// The newest `points` points.
fn mask(points: u32) -> u8 {
    u8::MAX >> (u8::BITS - points)
}

impl ChangeDetector for Spc {
    fn update(&mut self, value: f64) -> bool {
        if !within(value, Self::RANGE) {
            return false;
        }
        if self.detected {
            (self.above, self.below, self.detected) = ([0; 4], [0; 4], false);
            if self.params.relearn {
                (self.learned, self.rows) = ((0.0, 0.0, 0.0), 0.0);
            }
        }
        self.rows += 1.0;
        self.sum += value;
        self.pending += 1;
        if self.pending == self.params.subgroup {
            self.point = self.sum / f64::from(self.pending);
            (self.sum, self.pending) = (0.0, 0);
            match self.limits() {
                Some(limits) => self.detected = self.judge(self.point, limits),
                None => self.learn(self.point),
            }
        }
        self.detected
    }
    fn ready(&self) -> bool {
        self.limits().is_some()
    }
    /// The newest point.
    fn mean(&self) -> f64 {
        self.point
    }
    fn rows(&self) -> f64 {
        self.rows
    }

    fn to_bytes(&self) -> Vec<u8> {
        let SpcParams {
            subgroup,
            baseline_points,
            limits,
            rules,
            relearn,
        } = self.params;
        let (mean, sd) = limits.unwrap_or_default();
        let start = Writer::new(FORMAT)
            .u32(subgroup)
            .u32(baseline_points)
            .bool(limits.is_some())
            .f64s([mean, sd]);
        let (points, centre, squares) = self.learned;
        let chart = rules
            .into_iter()
            .fold(start, Writer::bool)
            .bool(relearn)
            .u32(self.pending)
            .f64s([self.sum, points, centre, squares, self.rows, self.point]);
        self.above
            .iter()
            .chain(&self.below)
            .fold(chart, |to, &points| to.u8(points))
            .bool(self.detected)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let (subgroup, baseline_points) = (reader.u32()?, reader.u32()?);
        let given = reader.bool()?;
        let limits = (reader.f64_within(VALUE_MAX)?, reader.f64_within(VALUE_MAX)?);
        let mut rules = [false; 4];
        for rule in &mut rules {
            *rule = reader.bool()?;
        }
        let params = SpcParams {
            subgroup,
            baseline_points,
            limits: given.then_some(limits),
            rules,
            relearn: reader.bool()?,
        };
        let mut chart = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        chart.pending = reader.u32()?;
        if chart.pending >= subgroup {
            return Err(StateError::Damaged("more rows than a point has"));
        }
        chart.sum = reader.f64_within(VALUE_MAX * f64::from(SUBGROUP_MAX))?;
        chart.learned = (
            reader.rows()?,
            reader.f64_within(MEAN_MAX)?,
            reader.f64_within(SQUARES_MAX)?,
        );
        chart.rows = reader.rows()?;
        chart.point = reader.f64_within(MEAN_MAX)?;
        for points in chart.above.iter_mut().chain(&mut chart.below) {
            *points = reader.u8()?;
        }
        chart.detected = reader.bool()?;
        reader.finish()?;
        Ok(chart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{any_cut_goes_on, damage_is_refused_or_harmless};
    use proptest::prelude::*;

    fn chart(rules: [bool; 4]) -> Spc {
        Spc::new(SpcParams {
            subgroup: 1,
            limits: Some((0.0, 1.0)),
            rules,
            ..SpcParams::default()
        })
        .unwrap()
    }

    /// One rule alone.
    fn rule(number: usize) -> Spc {
        let mut rules = [false; 4];
        rules[number - 1] = true;
        chart(rules)
    }

    #[test]
    fn the_state_of_the_largest_values_can_be_read_again() {
        let mut detector = Spc::new(SpcParams::default()).unwrap();
        for _ in 0..500 {
            detector.update(VALUE_MAX);
        }
        assert_eq!(Spc::from_bytes(&detector.to_bytes()).unwrap(), detector);
    }

    #[test]
    fn each_rule_speaks_at_the_point_that_completes_it() {
        assert_eq!(rule(1).update_all(&[3.0, -3.0, 3.01, -3.01]), [2, 3]);
        assert_eq!(rule(2).update_all(&[2.1, 0.0, 2.1]), [2]);
        assert_eq!(rule(2).update_all(&[2.1, 0.0, 0.0, 2.1, -2.1]), [0; 0]);
        assert_eq!(rule(3).update_all(&[-1.1, -1.1, 0.0, -1.1, -1.1]), [4]);
        assert_eq!(rule(3).update_all(&[1.1, 1.1, 0.0, 1.1, -1.1, 1.1]), [0; 0]);
        assert_eq!(rule(4).update_all(&[0.1; 8]), [7]);
        assert_eq!(
            rule(4).update_all(&[0.1, 0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1]),
            [0; 0]
        );
    }

    #[test]
    fn the_points_before_an_alarm_no_longer_count() {
        assert_eq!(rule(4).update_all(&[0.1; 24]), [7, 15, 23]);
        assert_eq!(rule(2).update_all(&[2.1, 2.1, 2.1, 2.1]), [1, 3]);
    }

    #[test]
    fn limits_are_learned_from_the_means_of_subgroups() {
        let params = SpcParams {
            subgroup: 2,
            baseline_points: 3,
            ..SpcParams::default()
        };
        let mut chart = Spc::new(params).unwrap();
        chart.update_all(&[0.0, 2.0, 1.0, 3.0, 2.0]);
        assert!(!chart.ready());
        chart.update(4.0);
        // Points 1, 2, 3.
        assert_eq!(chart.limits(), Some((2.0, 1.0)));
        assert_eq!(chart.update_all(&[5.0, 5.0]), [0_usize; 0]);
        assert_eq!(chart.update_all(&[5.1, 5.1]), [1]);
        assert_eq!(chart.broken().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_baseline_without_spread_goes_on_until_it_has_some() {
        let params = SpcParams {
            subgroup: 1,
            baseline_points: 5,
            ..SpcParams::default()
        };
        let mut chart = Spc::new(params).unwrap();
        assert_eq!(chart.update_all(&[0.0; 50]), [0_usize; 0]);
        assert!(!chart.ready());
        assert!(!chart.update(1.0));
        assert!(chart.ready());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let wrong = |change: fn(&mut SpcParams)| {
            let mut params = SpcParams::default();
            change(&mut params);
            Spc::new(params).map(|_| ()).map_err(|error| error.setting)
        };
        assert_eq!(wrong(|params| params.subgroup = 0), Err("subgroup"));
        assert_eq!(wrong(|params| params.subgroup = SUBGROUP_MAX), Ok(()));
        assert_eq!(
            wrong(|params| params.subgroup = SUBGROUP_MAX + 1),
            Err("subgroup")
        );
        assert_eq!(
            wrong(|params| params.baseline_points = 1),
            Err("baseline_points")
        );
        assert_eq!(
            wrong(|params| params.baseline_points = BASELINE_MAX + 1),
            Err("baseline_points")
        );
        assert_eq!(wrong(|params| params.limits = Some((0.0, 0.0))), Err("sd"));
        assert_eq!(
            wrong(|params| params.limits = Some((f64::NAN, 1.0))),
            Err("mean")
        );
        assert_eq!(wrong(|params| params.rules = [false; 4]), Err("rules"));
    }

    proptest! {
        #[test]
        fn a_restored_chart_goes_on_as_the_original(values in prop::collection::vec(-1e3f64..1e3, 0..300), cut in 0usize..300) {
            let params = SpcParams { subgroup: 3, baseline_points: 20, relearn: true, ..SpcParams::default() };
            any_cut_goes_on(&Spc::new(params).unwrap(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..300, byte in any::<u8>()) {
            damage_is_refused_or_harmless(Spc::default(), at, byte)?;
        }
    }
}
