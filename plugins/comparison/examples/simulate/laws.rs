//! Samples of known distributions: the generator of tests/cases/README.md, which tests/cases/peers.py has too.

/// The generator `SplitMix64`: the same uniform numbers as in Python, to the last bit.
pub(crate) struct Uniform(u64);

impl Uniform {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// By Box and Muller, one number of two uniform ones.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.next())).sqrt();
        radius * libm::cos(core::f64::consts::TAU * self.next())
    }
}

/// A distribution of one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Law {
    Normal,
    Lognormal,
    /// Normal, rounded to tenths: some 70 values.
    Ties,
    /// Six whole numbers, from likely to rare.
    Discrete,
    /// Student's with two degrees: no variance.
    Heavy,
    /// Exponential: a score or a time.
    Exponential,
    /// So many names, all as likely.
    Even(u16),
    /// So many names, the k-th in proportion to 1 / k.
    Zipf(u16),
}

pub(crate) const NUMBERS: [Law; 6] = [
    Law::Normal,
    Law::Lognormal,
    Law::Ties,
    Law::Discrete,
    Law::Heavy,
    Law::Exponential,
];
pub(crate) const NAMES: [Law; 9] = [
    Law::Even(2),
    Law::Even(5),
    Law::Even(20),
    Law::Even(100),
    Law::Even(1000),
    Law::Zipf(5),
    Law::Zipf(20),
    Law::Zipf(100),
    Law::Zipf(1000),
];

impl Law {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Even(k) => format!("{k} even"),
            Self::Zipf(k) => format!("{k} zipf"),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    /// How many categories there are.
    pub(crate) fn cells(self) -> u16 {
        match self {
            Self::Even(k) | Self::Zipf(k) => k,
            _ => 0,
        }
    }

    pub(crate) fn is_names(self) -> bool {
        matches!(self, Self::Even(_) | Self::Zipf(_))
    }

    /// A number for the seeds of this law: its place in the lists above.
    pub(crate) fn place(self) -> u64 {
        let all = NUMBERS.into_iter().chain(NAMES);
        all.zip(0..)
            .find(|(law, _)| *law == self)
            .map_or(99, |(_, place)| place)
    }

    /// Rows of one window: numbers, or the numbers of categories. `change` is a shift of the normal number behind the row, in standard
    /// deviations, or the chance that a row is of the first category instead.
    pub(crate) fn rows(self, seed: u64, rows: usize, change: f64) -> Vec<f64> {
        let mut uniform = Uniform::new(seed);
        let cumulative: Vec<f64> = match self {
            Self::Zipf(k) => {
                let total: f64 = (1..=k).map(|k| 1.0 / f64::from(k)).sum();
                (1..=k)
                    .scan(0.0, |sum, k| {
                        *sum += 1.0 / f64::from(k) / total;
                        Some(*sum)
                    })
                    .collect()
            }
            _ => Vec::new(),
        };
        let mut draw = || match self {
            Self::Normal => uniform.normal() + change,
            Self::Lognormal => libm::exp(uniform.normal() + change),
            Self::Ties => (10.0 * (uniform.normal() + change)).round() / 10.0,
            Self::Discrete => {
                let u = uniform.next() + 0.25 * change;
                [0.4, 0.65, 0.8, 0.9, 0.97]
                    .iter()
                    .filter(|share| u >= **share)
                    .count() as f64
            }
            Self::Heavy => {
                let u = uniform.next().max(1e-300);
                (2.0 * u - 1.0) / (2.0 * u * (1.0 - u)).sqrt() + change
            }
            Self::Exponential => -libm::log(1.0 - uniform.next()) * (1.0 + change),
            Self::Even(k) => {
                let u = uniform.next();
                let place = (u * f64::from(k)).floor();
                if change > 0.0 && uniform.next() < change {
                    0.0
                } else {
                    place
                }
            }
            Self::Zipf(k) => {
                let u = uniform.next();
                let place = cumulative
                    .partition_point(|sum| *sum <= u)
                    .min(usize::from(k) - 1);
                if change > 0.0 && uniform.next() < change {
                    0.0
                } else {
                    place as f64
                }
            }
        };
        (0..rows).map(|_| draw()).collect()
    }

    /// The name of a category.
    pub(crate) fn category(place: f64) -> String {
        format!("c{place:04}")
    }
}

/// The seed of one window of one trial.
pub(crate) fn seed(law: Law, sizes: usize, trial: usize, window: u64) -> u64 {
    (((law.place() * 100 + sizes as u64) * 1_000_000) + trial as u64) * 2 + window
}
