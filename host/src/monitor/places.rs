//! Places for calls of detectors: who runs next, so that one tenant's slow detector delays nobody else's.
//!
//! A call needs a place, and its memory limit must fit the budget. Of the detectors that wait, the one that has used the
//! least processor time so far is next. One that is slow, or has not shown yet that it is quick, has all places but
//! one at most, and no more than the last but one of those alone; so whatever slow detectors do, a quick one finds a
//! place at once. What counts as used is processor time, so a busy machine makes nobody slow.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Detectors that are remembered while they do nothing: some hundred bytes each.
const IDLE_MAX: usize = 1_000;
/// How often others may pass a call that waits for memory. After that nothing starts before it.
const PASSED_MAX: u32 = 16;
/// Share by which a detector's expected time falls towards that of a shorter call: it takes about twenty quick calls to
/// live down one that was ten times too long.
const FORGIVENESS: f64 = 1.0 / 8.0;

/// How many calls run at once, and which detectors are slow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PlacesSettings {
    /// Calls at once, at least 1. One more place is for quick detectors alone.
    pub(super) at_once: usize,
    /// The memory limits of the calls that run add up to no more than this. A single call always runs.
    pub(super) memory_bytes_max: usize,
    /// A detector whose calls take longer is slow.
    pub(super) slow: Duration,
}

/// How quick a detector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Its latest calls were quick, and so are those that run.
    Quick,
    /// It was slow lately, or was never called.
    Slow,
}

/// The server takes no more calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub(super) struct Closed;

/// Time that a call took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Spent {
    /// From start to end, in seconds.
    pub(super) seconds: f64,
    /// Of a processor, in seconds.
    pub(super) cpu_seconds: f64,
    /// Until there was a place, in seconds.
    pub(super) waited_seconds: f64,
}

type Ticket = u64;

/// The places. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Places {
    inner: Arc<Mutex<Inner>>,
    since: Instant,
}

#[derive(Debug)]
struct Inner {
    schedule: Schedule,
    callers: HashMap<Ticket, oneshot::Sender<()>>,
    closed: bool,
}

impl Places {
    pub(super) fn new(settings: PlacesSettings) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                schedule: Schedule::new(settings),
                callers: HashMap::new(),
                closed: false,
            })),
            since: Instant::now(),
        }
    }

    /// Waits for a place for a call of a detector (`name@version`) that may take so much memory. Whoever gives up waiting
    /// leaves no trace.
    pub(super) async fn enter(&self, detector: &str, memory_bytes: usize) -> Result<Place, Closed> {
        let (told, granted) = oneshot::channel();
        let asked = Instant::now();
        let ticket = {
            let mut inner = self.lock();
            if inner.closed {
                return Err(Closed);
            }
            let ticket = inner.schedule.ask(detector, memory_bytes);
            inner.callers.insert(ticket, told);
            ticket
        };
        // From here on the place, or the wait for it, ends when this is dropped.
        let mut place = Place {
            places: self.clone(),
            ticket,
            cpu_seconds: 0.0,
            waited_seconds: 0.0,
        };
        self.admit();
        granted.await.map_err(|_| Closed)?;
        place.waited_seconds = asked.elapsed().as_secs_f64();
        Ok(place)
    }

    /// How quick a detector is at the moment.
    pub(super) fn pace(&self, detector: &str) -> Pace {
        self.lock().schedule.pace(detector, self.now())
    }

    /// No more calls: who waits is sent away.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.callers.clear();
    }

    /// Calls that run, and calls that wait.
    #[cfg(test)]
    fn counts(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.schedule.running.len(), inner.callers.len())
    }

    fn admit(&self) {
        let now = self.now();
        let mut inner = self.lock();
        while let Some(ticket) = inner.schedule.next(now) {
            let caller = inner.callers.remove(&ticket);
            if caller.is_none_or(|caller| caller.send(()).is_err()) {
                inner.schedule.end(ticket, 0.0, false);
            }
        }
    }

    fn now(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to run one call; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    ticket: Ticket,
    cpu_seconds: f64,
    waited_seconds: f64,
}

impl Place {
    /// Does the work on this thread, and gives the place back.
    pub(super) fn run<T>(mut self, work: impl FnOnce() -> T) -> (T, Spent) {
        let (start, cpu) = (Instant::now(), thread_seconds());
        let done = work();
        self.cpu_seconds = (thread_seconds() - cpu).max(0.0);
        let spent = Spent {
            seconds: start.elapsed().as_secs_f64(),
            cpu_seconds: self.cpu_seconds,
            waited_seconds: self.waited_seconds,
        };
        (done, spent)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut inner = self.places.lock();
            inner.callers.remove(&self.ticket);
            let ran = self.cpu_seconds > 0.0;
            inner.schedule.end(self.ticket, self.cpu_seconds, ran);
        }
        self.places.admit();
    }
}

/// Processor time of this thread so far, in seconds.
fn thread_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds and nanoseconds of a thread's life are far below 2^53"
    )]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

/// Who runs next. No clock in here: the time is handed in, in seconds.
#[derive(Debug)]
struct Schedule {
    settings: PlacesSettings,
    accounts: BTreeMap<Arc<str>, Account>,
    running: HashMap<Ticket, Running>,
    memory_bytes: usize,
    /// What the detector that started last had used: one that comes back from idleness saves nothing up.
    level: f64,
    last_ticket: Ticket,
}

#[derive(Debug)]
struct Running {
    account: Arc<str>,
    started: f64,
    memory_bytes: usize,
    /// What was reckoned in advance.
    charged: f64,
}

#[derive(Debug, Default)]
struct Account {
    waiting: VecDeque<(Ticket, usize)>,
    running: usize,
    /// Seconds used, in the measure of all accounts: not less than [`Schedule::level`] when it begins.
    used: f64,
    /// Seconds that its next call is expected to take; none before its first.
    expected: Option<f64>,
    /// How often others went first because its memory did not fit.
    passed: u32,
    /// Its last ticket: the smallest among those that idle was idle longest.
    last_ticket: Ticket,
}

impl Schedule {
    fn new(settings: PlacesSettings) -> Self {
        Self {
            settings: PlacesSettings {
                at_once: settings.at_once.max(1),
                ..settings
            },
            accounts: BTreeMap::new(),
            running: HashMap::new(),
            memory_bytes: 0,
            level: 0.0,
            last_ticket: 0,
        }
    }

    /// A call wants to run.
    fn ask(&mut self, detector: &str, memory_bytes: usize) -> Ticket {
        self.last_ticket += 1;
        if !self.accounts.contains_key(detector) {
            self.forget();
            self.accounts.insert(detector.into(), Account::default());
        }
        if let Some(account) = self.accounts.get_mut(detector) {
            if account.idle() {
                account.used = account.used.max(self.level);
            }
            account.last_ticket = self.last_ticket;
            account.waiting.push_back((self.last_ticket, memory_bytes));
        }
        self.last_ticket
    }

    /// The next call to start, which runs from now on; none where nothing may start.
    fn next(&mut self, now: f64) -> Option<Ticket> {
        let mut waiting: Vec<(bool, f64, Ticket, Arc<str>)> = self
            .accounts
            .iter()
            .filter_map(|(name, account)| {
                let &(ticket, _) = account.waiting.front()?;
                let known = account.expected.is_some();
                Some((known, account.used, ticket, Arc::clone(name)))
            })
            .collect();
        // One that nobody knows yet is next: its first call shows what it is.
        waiting.sort_by(|one, other| {
            (one.0.cmp(&other.0))
                .then(one.1.total_cmp(&other.1))
                .then(one.2.cmp(&other.2))
        });
        let slow = self.slow_running(now);
        for (_, _, _, name) in waiting {
            if !self.has_place(&name, slow, now) {
                continue;
            }
            let (total, limit) = (self.memory_bytes, self.settings.memory_bytes_max);
            let alone = self.running.is_empty();
            let account = self.accounts.get_mut(&name)?;
            let &(ticket, memory_bytes) = account.waiting.front()?;
            if !alone && total.saturating_add(memory_bytes) > limit {
                account.passed += 1;
                if account.passed > PASSED_MAX {
                    return None;
                }
                continue;
            }
            account.waiting.pop_front();
            account.running += 1;
            account.passed = 0;
            let charged = account.expected.unwrap_or(0.0);
            self.level = self.level.max(account.used);
            account.used += charged;
            self.memory_bytes = total.saturating_add(memory_bytes);
            self.running.insert(
                ticket,
                Running {
                    account: name,
                    started: now,
                    memory_bytes,
                    charged,
                },
            );
            return Some(ticket);
        }
        None
    }

    /// A call ended, or is not wanted any more. `ran`: whether it tells something about its detector.
    fn end(&mut self, ticket: Ticket, seconds: f64, ran: bool) {
        let Some(call) = self.running.remove(&ticket) else {
            // It waits, if it is there at all: seldom, so it is looked for.
            for account in self.accounts.values_mut() {
                account.waiting.retain(|(waiting, _)| *waiting != ticket);
            }
            return;
        };
        self.memory_bytes -= call.memory_bytes;
        let Some(account) = self.accounts.get_mut(&call.account) else {
            return;
        };
        account.running -= 1;
        account.used += seconds - call.charged;
        if ran {
            account.expected = Some(match account.expected {
                Some(expected) if expected > seconds => {
                    expected + (seconds - expected) * FORGIVENESS
                }
                _ => seconds,
            });
        }
    }

    fn pace(&self, detector: &str, now: f64) -> Pace {
        let slow = self.settings.slow.as_secs_f64();
        let known = self.accounts.get(detector);
        let proven = known
            .and_then(|account| account.expected)
            .is_some_and(|seconds| seconds <= slow);
        let late = |call: &Running| &*call.account == detector && now - call.started > slow;
        if proven && !self.running.values().any(late) {
            Pace::Quick
        } else {
            Pace::Slow
        }
    }

    /// Calls of slow detectors that run.
    fn slow_running(&self, now: f64) -> usize {
        self.accounts
            .iter()
            .filter(|(_, account)| account.running > 0)
            .filter(|(name, _)| self.pace(name, now) == Pace::Slow)
            .map(|(_, account)| account.running)
            .sum()
    }

    fn has_place(&self, name: &str, slow_running: usize, now: f64) -> bool {
        let at_once = self.settings.at_once;
        let own = self.accounts.get(name).map_or(0, |account| account.running);
        let free = self.running.len() <= at_once;
        free && match self.pace(name, now) {
            Pace::Quick => own < at_once,
            Pace::Slow => slow_running < at_once && own < slow_alone_max(at_once),
        }
    }

    /// Makes room for one more account.
    fn forget(&mut self) {
        while self.accounts.len() >= IDLE_MAX {
            let oldest = self
                .accounts
                .iter()
                .filter(|(_, account)| account.idle())
                .min_by_key(|(_, account)| account.last_ticket)
                .map(|(name, _)| Arc::clone(name));
            match oldest {
                Some(name) => self.accounts.remove(&name),
                None => return, // All are at work, which their callers bound.
            };
        }
    }
}

/// Calls of one slow detector at once.
pub(super) fn slow_alone_max(at_once: usize) -> usize {
    at_once.saturating_sub(1).max(1)
}

impl Account {
    fn idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    const MIB: usize = 1 << 20;

    fn settings(at_once: usize) -> PlacesSettings {
        PlacesSettings {
            at_once,
            memory_bytes_max: 1_000 * MIB,
            slow: Duration::from_secs(1),
        }
    }

    /// A detector of the simulation: its calls take so long, and so many wait at any time.
    struct Tenant {
        name: &'static str,
        seconds: f64,
        at_once: usize,
        every: Option<f64>,
    }

    /// What the simulation saw of a tenant.
    #[derive(Debug, Default, Clone)]
    struct Seen {
        calls: u32,
        used: f64,
        /// Longest wait once it was known how quick it is, and what had piled up until then was done.
        waited_max: f64,
        known_since: Option<f64>,
    }

    /// Runs the schedule by an invented clock: each tenant has `at_once` calls in the system all the time, or one each
    /// `every` seconds. Nothing here depends on how quick this machine is.
    fn simulate(settings: PlacesSettings, tenants: &[Tenant], until: f64) -> Vec<Seen> {
        let mut schedule = Schedule::new(settings);
        let mut seen = vec![Seen::default(); tenants.len()];
        let mut asked: HashMap<Ticket, (usize, f64)> = HashMap::new();
        let mut ends: Vec<(f64, Ticket)> = Vec::new();
        let mut now = 0.0;
        let mut arrivals: Vec<f64> = tenants
            .iter()
            .map(|one| one.every.unwrap_or(f64::INFINITY))
            .collect();
        for (at, tenant) in tenants.iter().enumerate() {
            for _ in 0..tenant.at_once {
                asked.insert(schedule.ask(tenant.name, MIB), (at, now));
            }
        }
        while now < until {
            while let Some(ticket) = schedule.next(now) {
                let (at, since) = asked[&ticket];
                let one = &mut seen[at];
                if one.known_since.is_some_and(|known| since > known + 10.0) {
                    one.waited_max = one.waited_max.max(now - since);
                }
                ends.push((now + tenants[at].seconds, ticket));
                let running = ends.len();
                assert!(running <= settings.at_once + 1, "{running} run at once");
            }
            let next_arrival = arrivals.iter().copied().fold(f64::INFINITY, f64::min);
            let next_end = ends.iter().map(|end| end.0).fold(f64::INFINITY, f64::min);
            now = next_arrival.min(next_end);
            if next_arrival <= next_end {
                for (at, tenant) in tenants.iter().enumerate() {
                    if arrivals[at] <= now {
                        asked.insert(schedule.ask(tenant.name, MIB), (at, now));
                        arrivals[at] = now + tenant.every.unwrap_or(f64::INFINITY);
                    }
                }
                continue;
            }
            let position = ends.iter().position(|end| end.0 <= now).unwrap();
            let (_, ticket) = ends.swap_remove(position);
            let (at, _) = asked.remove(&ticket).unwrap();
            let tenant = &tenants[at];
            schedule.end(ticket, tenant.seconds, true);
            seen[at].calls += 1;
            seen[at].known_since.get_or_insert(now);
            seen[at].used += tenant.seconds;
            if tenant.every.is_none() {
                asked.insert(schedule.ask(tenant.name, MIB), (at, now));
            }
        }
        seen
    }

    fn busy(name: &'static str, seconds: f64, at_once: usize) -> Tenant {
        Tenant {
            name,
            seconds,
            at_once,
            every: None,
        }
    }

    fn regular(name: &'static str, seconds: f64, every: f64) -> Tenant {
        Tenant {
            name,
            seconds,
            at_once: 0,
            every: Some(every),
        }
    }

    #[test]
    fn a_quick_detector_never_waits_for_slow_ones() {
        for at_once in [1, 2, 4, 16] {
            for slow_tenants in [1, 3] {
                let mut tenants = vec![regular("quick", 0.05, 1.0)];
                tenants.extend(
                    ["a", "b", "c"][..slow_tenants]
                        .iter()
                        .map(|name| busy(name, 30.0, 100)),
                );

                let seen = simulate(settings(at_once), &tenants, 3_600.0);

                let quick = &seen[0];
                assert!(quick.calls > 3_500, "{at_once} {slow_tenants} {quick:?}");
                assert!(
                    quick.waited_max < 1e-6,
                    "{at_once} {slow_tenants} {quick:?}"
                );
                let slow: u32 = seen[1..].iter().map(|one| one.calls).sum();
                assert!(slow >= 115, "slow ones run too: {seen:?}");
            }
        }
    }

    #[test]
    fn among_the_slow_each_gets_the_same_time_however_many_calls_it_has() {
        let tenants = [
            busy("many", 10.0, 1_000),
            busy("few", 10.0, 3),
            busy("short", 2.0, 3),
        ];

        let seen = simulate(settings(3), &tenants, 36_000.0);

        let used: Vec<f64> = seen.iter().map(|one| one.used).collect();
        let (least, most) = (
            used.iter().copied().fold(f64::INFINITY, f64::min),
            used.iter().copied().fold(0.0, f64::max),
        );
        assert!(most - least < 100.0, "{used:?}");
        assert!(least > 35_000.0, "no place stays empty: {used:?}");
    }

    #[test]
    fn quick_detectors_share_by_time_too() {
        let tenants = [busy("a", 0.9, 50), busy("b", 0.1, 50)];

        let seen = simulate(settings(2), &tenants, 3_600.0);

        let (a, b) = (seen[0].used, seen[1].used);
        assert!((a - b).abs() < 10.0, "{a} {b}");
        assert!(b > 4_500.0, "all places are used: {a} {b}");
    }

    #[test]
    fn one_detector_alone_has_all_places_if_it_is_quick_and_all_but_one_if_not() {
        for (seconds, at_once, places) in [
            (0.5, 4, 4.0),
            (0.5, 1, 1.0),
            (5.0, 4, 3.0),
            (5.0, 2, 1.0),
            (5.0, 1, 1.0),
        ] {
            let seen = simulate(settings(at_once), &[busy("one", seconds, 50)], 1_000.0);
            let share = seen[0].used / 1_000.0;
            assert!((share - places).abs() < 0.1, "{seconds} {at_once}: {share}");
        }
    }

    #[test]
    fn idleness_saves_nothing_up() {
        let mut schedule = Schedule::new(settings(1));
        let mut now = 0.0;
        let mut call = |schedule: &mut Schedule, name: &str, seconds: f64| {
            let ticket = schedule.ask(name, MIB);
            assert_eq!(schedule.next(now), Some(ticket));
            now += seconds;
            schedule.end(ticket, seconds, true);
        };
        call(&mut schedule, "lazy", 0.1);
        for _ in 0..1_000 {
            call(&mut schedule, "busy", 0.9);
        }
        // Both ask for ten at once: the lazy one does not get all of its ten first.
        let mut order = Vec::new();
        for _ in 0..10 {
            for name in ["busy", "lazy"] {
                order.push((schedule.ask(name, MIB), name));
            }
        }
        let mut first = Vec::new();
        for _ in 0..10 {
            let ticket = schedule.next(2_000.0).unwrap();
            schedule.end(ticket, 0.9, true);
            let (_, name) = order.iter().find(|(one, _)| *one == ticket).unwrap();
            first.push(*name);
        }
        let busy = first.iter().filter(|name| **name == "busy").count();
        assert!((4..=6).contains(&busy), "{first:?}");
    }

    #[test]
    fn a_detector_is_quick_once_it_has_shown_it_and_slow_as_soon_as_a_call_is_late() {
        let mut schedule = Schedule::new(settings(2));
        assert_eq!(schedule.pace("x", 0.0), Pace::Slow, "nobody knows it");
        let ticket = schedule.ask("x", MIB);
        assert_eq!(schedule.next(0.0), Some(ticket));
        schedule.end(ticket, 1.0, true);
        assert_eq!(schedule.pace("x", 1.0), Pace::Quick, "a second is quick");

        let ticket = schedule.ask("x", MIB);
        schedule.next(1.0).unwrap();
        assert_eq!(schedule.pace("x", 2.0), Pace::Quick);
        assert_eq!(schedule.pace("x", 2.01), Pace::Slow, "this one is late");
        schedule.end(ticket, 10.0, true);

        let mut calls = 0;
        while schedule.pace("x", 20.0) == Pace::Slow {
            let ticket = schedule.ask("x", MIB);
            schedule.next(20.0).unwrap();
            schedule.end(ticket, 0.01, true);
            calls += 1;
        }
        assert_eq!(calls, 18, "one long call is lived down");
    }

    #[test]
    fn the_memory_of_all_calls_stays_within_its_budget() {
        let mut schedule = Schedule::new(PlacesSettings {
            memory_bytes_max: 100 * MIB,
            ..settings(8)
        });
        let large = schedule.ask("large", 60 * MIB);
        let second = schedule.ask("second", 50 * MIB);
        let small = schedule.ask("small", 40 * MIB);
        assert_eq!(schedule.next(0.0), Some(large));
        assert_eq!(
            schedule.next(0.0),
            Some(small),
            "60 + 50 is too much, 60 + 40 is not"
        );
        assert_eq!(schedule.next(0.0), None);
        schedule.end(large, 1.0, true);
        assert_eq!(schedule.next(1.0), Some(second));
        assert_eq!(schedule.memory_bytes, 90 * MIB);
        schedule.end(small, 1.0, true);
        schedule.end(second, 1.0, true);

        let whole = schedule.ask("whole", 500 * MIB);
        assert_eq!(
            schedule.next(2.0),
            Some(whole),
            "alone it runs whatever it may take"
        );
    }

    #[test]
    fn a_large_call_is_not_passed_for_ever() {
        let mut schedule = Schedule::new(PlacesSettings {
            memory_bytes_max: 100 * MIB,
            ..settings(8)
        });
        let mut running = schedule.ask("small", 10 * MIB);
        schedule.next(0.0).unwrap();
        schedule.end(running, 0.001, true);
        running = schedule.ask("small", 10 * MIB);
        schedule.next(0.0).unwrap();
        let large = schedule.ask("large", 100 * MIB);
        let mut passed = 0;
        // There is always another small call before the last one ends.
        loop {
            let other = schedule.ask("small", 10 * MIB);
            let next = schedule.next(0.0);
            schedule.end(running, 0.001, true);
            match next {
                Some(started) => assert_eq!(started, other),
                None => break,
            }
            running = other;
            passed += 1;
        }
        assert!(passed <= PASSED_MAX + 1, "{passed}");
        assert_eq!(schedule.next(0.0), Some(large));
    }

    #[test]
    fn detectors_that_idle_are_forgotten_and_those_at_work_are_not() {
        let mut schedule = Schedule::new(settings(1));
        let at_work = schedule.ask("at work", MIB);
        schedule.next(0.0).unwrap();
        for number in 0..3 * IDLE_MAX {
            let ticket = schedule.ask(&number.to_string(), MIB);
            schedule.end(ticket, 0.0, false);
        }
        assert!(schedule.accounts.len() <= IDLE_MAX);
        assert_eq!(schedule.accounts["at work"].running, 1);
        schedule.end(at_work, 1.0, true);
        assert_eq!((schedule.memory_bytes, schedule.running.len()), (0, 0));
    }

    /// Whether a future that was asked once is not done.
    async fn waits<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending()))
            .await
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_leaves_no_trace() {
        let places = Places::new(settings(1));
        let first = places.enter("a", MIB).await.unwrap();
        {
            let second = places.enter("a", MIB);
            tokio::pin!(second);
            assert!(waits(second.as_mut()).await);
            assert_eq!(places.counts(), (1, 1));
        }
        assert_eq!(places.counts(), (1, 0));
        let ((), spent) = first.run(|| ());
        assert!(spent.seconds >= 0.0 && spent.waited_seconds >= 0.0);
        assert_eq!(places.counts(), (0, 0));
    }

    #[tokio::test]
    async fn a_closed_door_sends_away_who_waits_and_who_comes() {
        let places = Places::new(settings(1));
        let first = places.enter("a", MIB).await.unwrap();
        let second = places.enter("a", MIB);
        tokio::pin!(second);
        assert!(waits(second.as_mut()).await);

        places.close();

        assert!(matches!(second.await, Err(Closed)));
        assert!(matches!(places.enter("b", MIB).await, Err(Closed)));
        drop(first);
        assert_eq!(places.counts(), (0, 0));
    }

    #[tokio::test]
    async fn a_place_goes_to_the_next_as_soon_as_it_is_free() {
        let places = Places::new(settings(1));
        let first = places.enter("a", MIB).await.unwrap();
        let waits = tokio::spawn({
            let places = places.clone();
            async move { places.enter("a", MIB).await.unwrap().run(|| 7).0 }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(waits.await.unwrap(), 7);
    }
}
