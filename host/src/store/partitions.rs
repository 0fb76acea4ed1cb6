//! Partitions of one month each, made when they are first needed.
//!
//! A partition is made as a table of its own and attached then, which lets readers and writers of the others
//! go on. It is made outside of the transaction that needs it, and under one lock of the database, so hosts
//! that need the same month at once do not meet.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, StoreResult};

/// A table that is partitioned by month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partitioned {
    /// Rows, by `prediction_time`.
    Prediction,
    /// Labels, by `received_at`.
    Label,
    /// Evaluations, by `evaluated_at`.
    Evaluation,
    /// Measurements, by `measured_at`.
    Measurement,
}

impl Partitioned {
    /// Name of the table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Prediction => "prediction",
            Self::Label => "label",
            Self::Evaluation => "evaluation",
            Self::Measurement => "measurement",
        }
    }
}

/// A month of the calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    /// Months since the first of year 0.
    months: i32,
}

/// First months that Postgres can name in four digits, and last.
const YEAR_RANGE: std::ops::RangeInclusive<i16> = 1..=9_998;
const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Month {
    /// The month of a time.
    pub fn of(time: Timestamp) -> Self {
        let date = time.to_zoned(TimeZone::UTC).date();
        Self::of_date(i64::from(date.year()), i64::from(date.month()))
    }

    /// The month of so many microseconds since 1970-01-01T00:00:00Z.
    ///
    /// Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub fn of_micros(micros: i64) -> Self {
        let days = micros.div_euclid(MICROS_PER_DAY) + 719_468;
        let era = days.div_euclid(146_097);
        let day = days.rem_euclid(146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Self::of_date(year + era * 400 + i64::from(month <= 2), month)
    }

    fn of_date(year: i64, month: i64) -> Self {
        let months = 12 * year + month - 1;
        Self {
            months: i32::try_from(months).expect("years of times have at most six digits"),
        }
    }

    fn next(self) -> Self {
        Self {
            months: self.months + 1,
        }
    }

    fn year(self) -> i32 {
        self.months.div_euclid(12)
    }

    fn month(self) -> i32 {
        self.months.rem_euclid(12) + 1
    }

    /// The first instant.
    ///
    /// # Panics
    /// For a year beyond 1 to 9998: no stored time is there.
    pub fn start(self) -> Timestamp {
        let date = i16::try_from(self.year())
            .ok()
            .filter(|year| YEAR_RANGE.contains(year))
            .zip(i8::try_from(self.month()).ok())
            .and_then(|(year, month)| Date::new(year, month, 1).ok());
        date.and_then(|date| TimeZone::UTC.to_timestamp(date.into()).ok())
            .expect("months of stored times are inside the calendar")
    }

    /// The first instant of the next month.
    ///
    /// # Panics
    /// As [`Month::start`].
    pub fn end(self) -> Timestamp {
        self.next().start()
    }

    /// The months from that of `from` to that of `to`, both included.
    pub fn span(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Self> {
        (Self::of(from).months..=Self::of(to).months).map(|months| Self { months })
    }
}

/// `2026_11`: what the name of its partition ends in.
impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}_{:02}", self.year(), self.month())
    }
}

/// Partitions that are known to be there.
#[derive(Debug, Default)]
pub(super) struct KnownMonths(Mutex<HashSet<(Partitioned, Month)>>);

impl KnownMonths {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<(Partitioned, Month)>> {
        // Every change is one insertion or one clearing, so a panic elsewhere leaves no half of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hosts that make partitions wait for each other here.
const PARTITION_LOCK: i64 = 0x6c77_7061_7274;

impl Store {
    /// Makes sure that a table has the partitions of these times, both ends included.
    pub async fn ensure_months(
        &self,
        table: Partitioned,
        from: Timestamp,
        to: Timestamp,
    ) -> StoreResult<()> {
        self.ensure_each(table, Month::span(from, to)).await
    }

    /// Makes sure that a table has the partitions of these months. Must not be called inside of a transaction
    /// that has touched the table.
    pub async fn ensure_each(
        &self,
        table: Partitioned,
        months: impl IntoIterator<Item = Month>,
    ) -> StoreResult<()> {
        let mut missing: Vec<Month> = {
            let known = self.months.lock();
            let months = months.into_iter();
            months
                .filter(|&month| !known.contains(&(table, month)))
                .collect()
        };
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(PARTITION_LOCK)
            .execute(&mut *transaction)
            .await?;
        for &month in &missing {
            let name = format!("{}_{month}", table.table());
            let there: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1) AND inhparent = to_regclass($2))",
            )
            .bind(&name)
            .bind(table.table())
            .fetch_one(&mut *transaction)
            .await?;
            if there {
                continue;
            }
            let parent = table.table();
            let (from, to) = (month.start(), month.end());
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE);
                 ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"
            );
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        self.months
            .lock()
            .extend(missing.into_iter().map(|month| (table, month)));
        Ok(())
    }

    /// Forgets which partitions are there: somebody has dropped one.
    pub fn forget_months(&self) {
        self.months.lock().clear();
    }
}

impl StoreError {
    /// Whether a row had no partition to go to.
    pub fn is_missing_partition(&self) -> bool {
        // A violated check: of our tables only that of a partitioned one can be, which names no constraint.
        matches!(self, Self::Database(sqlx::Error::Database(error))
            if error.code().as_deref() == Some("23514") && error.constraint().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_timestamps_and_of_microseconds_agree_at_their_edges() {
        for (text, name) in [
            ("2000-01-01T00:00:00Z", "2000_01"),
            ("2000-02-29T23:59:59.999999Z", "2000_02"),
            ("2024-02-29T12:00:00Z", "2024_02"),
            ("2024-03-01T00:00:00Z", "2024_03"),
            ("2026-12-31T23:59:59Z", "2026_12"),
            ("2027-01-01T00:00:00Z", "2027_01"),
            ("2100-02-28T23:59:59Z", "2100_02"),
            ("1969-12-31T23:59:59Z", "1969_12"),
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(Month::of(time).to_string(), name);
            assert_eq!(Month::of_micros(time.as_microsecond()), Month::of(time));
        }
    }

    #[test]
    fn a_month_starts_where_the_one_before_it_ends() {
        let december = Month::of("2026-12-05T00:00:00Z".parse().unwrap());
        assert_eq!(december.start().to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(december.end().to_string(), "2027-01-01T00:00:00Z");
        let names: Vec<String> = Month::span(
            "2026-11-30T00:00:00Z".parse().unwrap(),
            "2027-01-01T00:00:00Z".parse().unwrap(),
        )
        .map(|month| month.to_string())
        .collect();
        assert_eq!(names, ["2026_11", "2026_12", "2027_01"]);
    }
}
