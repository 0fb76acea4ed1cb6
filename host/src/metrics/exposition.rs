//! Series as text of the exposition format 0.0.4: rendered once, put together family by family.
//!
//! A [`Block`] is what one evaluation shows: its lines as one text, cut into families. Blocks are rendered when
//! something was measured. A page is their pieces put one behind the other, so that its cost is that of copying it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashSet;

/// Every family that there ever was, known by a number. A name takes some 200 bytes and stays for the life of the
/// process: there are as many as detectors declare metrics.
#[derive(Debug, Default)]
pub(crate) struct Families(RwLock<Arc<Known>>);

#[derive(Debug, Default, Clone)]
struct Known {
    ids: HashMap<Arc<str>, u32>,
    families: Vec<Arc<Family>>,
    /// Numbers in the order of the names.
    sorted: Vec<u32>,
}

#[derive(Debug)]
struct Family {
    name: Arc<str>,
    /// `HELP` and `TYPE`.
    head: String,
}

impl Families {
    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of a family of gauges. Of several help texts for one name the first stays.
    fn id(&self, name: &str, help: impl FnOnce() -> String) -> u32 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = known.ids.get(name) {
            return id;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = known.ids.get(name) {
            return id;
        }
        let known = Arc::make_mut(&mut known);
        // Fewer than 2^32 names fit into memory.
        let id = u32::try_from(known.families.len()).unwrap_or(u32::MAX);
        let help = help().replace('\\', "\\\\").replace('\n', "\\n");
        let name: Arc<str> = name.into();
        let head = format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
        let at = known
            .sorted
            .partition_point(|&other| *known.families[other as usize].name < *name);
        known.sorted.insert(at, id);
        known.ids.insert(Arc::clone(&name), id);
        known.families.push(Arc::new(Family { name, head }));
        id
    }

    /// Appends the page of these blocks: families in the order of their names, series in that of the blocks.
    ///
    /// Takes about one copy of the text: 100,000 series of 20 MB in some milliseconds.
    pub(crate) fn write(&self, blocks: &[Arc<Block>], page: &mut String) {
        // Newer than every block.
        let known = self.known();
        let mut pieces: Vec<Vec<&str>> = vec![Vec::new(); known.families.len()];
        let mut bytes = 0;
        for block in blocks {
            let mut from = 0;
            for &(family, to) in &block.pieces {
                pieces[family as usize].push(&block.text[from..to]);
                from = to;
            }
            bytes += block.text.len();
        }
        let heads: usize = known.families.iter().map(|family| family.head.len()).sum();
        page.reserve(bytes + heads);
        for &id in &known.sorted {
            let pieces = &pieces[id as usize];
            if pieces.is_empty() {
                continue;
            }
            page.push_str(&known.families[id as usize].head);
            page.extend(pieces.iter().copied());
        }
    }
}

/// Rendered series.
#[derive(Debug, Default)]
pub(crate) struct Block {
    text: Box<str>,
    /// Families and where each one's lines end.
    pieces: Box<[(u32, usize)]>,
    series: usize,
}

impl Block {
    /// How many series it has.
    pub(crate) fn series(&self) -> usize {
        self.series
    }
}

/// Collects series for a block.
pub(crate) struct BlockBuilder<'a> {
    families: &'a Families,
    /// Sets of labels as text, and their numbers.
    labels: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
    series: Vec<(u32, u32, f64)>,
    seen: FxHashSet<(u32, u32)>,
}

impl<'a> BlockBuilder<'a> {
    pub(crate) fn new(families: &'a Families) -> Self {
        Self {
            families,
            labels: Vec::new(),
            known: HashMap::new(),
            series: Vec::new(),
            seen: FxHashSet::default(),
        }
    }

    /// The number of a set of labels.
    pub(crate) fn labels(&mut self, labels: &[(&str, &str)]) -> u32 {
        let mut text = String::new();
        for (name, value) in labels {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(name);
            text.push_str("=\"");
            append_escaped(&mut text, value);
            text.push('"');
        }
        let id = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        match self.known.entry(text.into()) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                self.labels.push(Arc::clone(entry.key()));
                *entry.insert(id)
            }
        }
    }

    /// Adds a series unless it is there, or the number is none that may be shown.
    pub(crate) fn add(
        &mut self,
        name: &str,
        help: impl FnOnce() -> String,
        labels: u32,
        value: f64,
    ) {
        if value.is_finite() {
            let family = self.families.id(name, help);
            if self.seen.insert((family, labels)) {
                self.series.push((family, labels, value));
            }
        }
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Renders at most `series_max` series, those that were added first.
    pub(crate) fn finish(mut self, series_max: usize) -> Block {
        self.series.truncate(series_max);
        // Stable: inside a family the order of adding stays.
        self.series.sort_by_key(|&(family, ..)| family);
        let known = self.families.known();
        let mut text = String::new();
        let mut pieces: Vec<(u32, usize)> = Vec::new();
        for &(family, labels, value) in &self.series {
            text.push_str(&known.families[family as usize].name);
            text.push('{');
            text.push_str(&self.labels[labels as usize]);
            text.push_str("} ");
            append_number(&mut text, value);
            text.push('\n');
            match pieces.last_mut() {
                Some((last, end)) if *last == family => *end = text.len(),
                _ => pieces.push((family, text.len())),
            }
        }
        Block {
            text: text.into_boxed_str(),
            pieces: pieces.into_boxed_slice(),
            series: self.series.len(),
        }
    }
}

/// A label's value between its quotes.
fn append_escaped(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

/// The shortest text that reads back as the same double, with an exponent where it is far from 1.
fn append_number(text: &mut String, value: f64) {
    // A String takes whatever is written.
    let _ = if value == 0.0 || (1e-5..1e16).contains(&value.abs()) {
        write!(text, "{value}")
    } else {
        write!(text, "{value:e}")
    };
}

/// The same as text of its own.
pub(crate) fn exact(value: f64) -> String {
    let mut text = String::new();
    append_number(&mut text, value);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(families: &Families, blocks: Vec<Block>) -> String {
        let blocks: Vec<_> = blocks.into_iter().map(Arc::new).collect();
        let mut page = String::new();
        families.write(&blocks, &mut page);
        page
    }

    #[test]
    fn blocks_share_families_and_each_family_has_one_head() {
        let families = Families::default();
        let block = |model: &str, value: f64| {
            let mut builder = BlockBuilder::new(&families);
            let labels = builder.labels(&[("model_id", model), ("column", "x")]);
            builder.add("m_z", || "Last\\ of\nall.".into(), labels, value);
            builder.add("m_a", || "First.".into(), labels, 2e-9);
            builder.finish(10)
        };
        let blocks = vec![block("a", 0.5), block("b\\\"\n", -1e20)];
        assert_eq!(
            page(&families, blocks),
            "# HELP m_a First.\n# TYPE m_a gauge\n\
             m_a{model_id=\"a\",column=\"x\"} 2e-9\n\
             m_a{model_id=\"b\\\\\\\"\\n\",column=\"x\"} 2e-9\n\
             # HELP m_z Last\\\\ of\\nall.\n# TYPE m_z gauge\n\
             m_z{model_id=\"a\",column=\"x\"} 0.5\n\
             m_z{model_id=\"b\\\\\\\"\\n\",column=\"x\"} -1e20\n"
        );
    }

    #[test]
    fn a_family_without_series_is_not_on_the_page() {
        let families = Families::default();
        families.id("m_gone", || "Gone.".into());
        assert_eq!(page(&families, Vec::new()), "");
    }

    #[test]
    fn the_first_of_equal_series_stays_and_numbers_that_are_none_do_not_appear() {
        let families = Families::default();
        let mut builder = BlockBuilder::new(&families);
        let labels = builder.labels(&[("a", "b")]);
        assert_eq!(builder.labels(&[("a", "b")]), labels);
        for value in [f64::NAN, f64::INFINITY, 1.0, 2.0] {
            builder.add("m", || "Help.".into(), labels, value);
        }
        let block = builder.finish(10);
        assert_eq!(block.series(), 1);
        assert!(page(&families, vec![block]).ends_with("\nm{a=\"b\"} 1\n"));
    }

    #[test]
    fn a_block_has_the_series_that_were_added_first_where_not_all_may_be_there() {
        let families = Families::default();
        let mut builder = BlockBuilder::new(&families);
        for number in 0..5 {
            let labels = builder.labels(&[("n", &number.to_string())]);
            builder.add("m", || "Help.".into(), labels, f64::from(number));
        }
        assert_eq!(builder.len(), 5);
        let block = builder.finish(3);
        assert_eq!(block.series(), 3);
        assert!(page(&families, vec![block]).ends_with("m{n=\"2\"} 2\n"));
    }

    #[test]
    fn exact_numbers_read_back_as_they_were() {
        for value in [0.1, 1e-320, 1e300, 5.0, 1.0 / 3.0, f64::MAX] {
            assert_eq!(exact(value).parse::<f64>().unwrap(), value);
        }
        assert_eq!(
            [exact(1e-320), exact(5.0), exact(1e300)],
            ["1e-320", "5", "1e300"]
        );
    }
}
