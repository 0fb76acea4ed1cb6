//! Draws a column's two distributions over one another, as shares, so that windows of any size compare.
//!
//! Reference: an outline. Current: filled. Colours are classes; the style sheet gives them.

mod axis;

use axis::{Axis, ticks};

use super::html::escape;
use super::number::{percent, short};
use super::text::append;
use super::text::shorten;
use crate::check::report::{ColumnPicture, Shape};
use crate::domain::ColumnKind;

/// Width of a drawing, in its own units: about pixels.
const WIDTH: f64 = 560.0;
/// Baseline of the legend.
const LEGEND: f64 = 11.5;
/// Where bins begin and end.
const LEFT: f64 = 42.0;
const RIGHT: f64 = 552.0;
/// Where the largest share and the axis lie.
const TOP: f64 = 26.0;
const BOTTOM: f64 = 158.0;
/// Space above the largest share.
const HEADROOM: f64 = 1.04;
/// Categories that are drawn; the rest is one bar.
const CATEGORIES_MAX: usize = 10;
/// Where the bars of categories begin and end.
const BARS_LEFT: f64 = 168.0;
const BARS_RIGHT: f64 = 450.0;
/// Height of a pair of bars, space included.
const PAIR: f64 = 27.0;

/// The drawing; nothing if neither window has a value.
pub(super) fn draw(picture: &ColumnPicture) -> Option<String> {
    match &picture.shape {
        Shape::Histogram {
            edges,
            reference,
            current,
            outside,
            moments,
        } => {
            let [reference_outside, current_outside] = outside.map(|[below, above]| below + above);
            let reference = shares(reference, reference_outside);
            let current = shares(current, current_outside);
            histogram(
                picture,
                edges,
                &reference,
                &current,
                moments.map(|[mean, _]| mean),
            )
        }
        Shape::Categories {
            names,
            reference,
            current,
            others,
        } => {
            let bars = bars(
                names,
                &shares(reference, others[0]),
                &shares(current, others[1]),
            );
            (!bars.is_empty()).then(|| categories(picture, &bars))
        }
    }
}

/// Counts over their sum and what lies outside of them; all 0 where there is none.
fn shares(counts: &[f64], outside: f64) -> Vec<f64> {
    let total = counts.iter().sum::<f64>() + outside;
    let share = |count: &f64| {
        if total > 0.0 {
            (count / total).clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    counts.iter().map(share).collect()
}

fn histogram(
    picture: &ColumnPicture,
    edges: &[f64],
    reference: &[f64],
    current: &[f64],
    means: [f64; 2],
) -> Option<String> {
    let x = Axis::new(*edges.first()?, *edges.last()?, LEFT, RIGHT)?;
    let largest = reference.iter().chain(current).copied().fold(0.0, f64::max);
    if largest <= 0.0 || reference.len() + 1 != edges.len() || current.len() != reference.len() {
        return None;
    }
    let y = Axis::new(0.0, largest * HEADROOM, BOTTOM, TOP)?;
    let [reference_mean, current_mean] = means;
    let what = if picture.kind == ColumnKind::Embedding {
        "Histogram of the vectors' norms in"
    } else {
        "Histogram of"
    };
    let label = format!(
        "{what} {}: mean {} in the reference window, {} in the current one",
        picture.name,
        short(reference_mean, 4),
        short(current_mean, 4)
    );
    let mut svg = open(&label, 180.0, LEFT);
    svg.push_str(&label_at(LEFT + 150.0, LEGEND, "", "dashed: mean"));
    for (value, _) in ticks(0.0, largest, 4) {
        if value > 0.0 {
            let at = y.at(value);
            append!(
                svg,
                "<path class=g d=\"M{LEFT} {}H{RIGHT}\"/>{}",
                coordinate(at),
                label_at(LEFT - 6.0, at + 4.0, "e", &percent_tick(value))
            );
        }
    }
    append!(
        svg,
        "<path class=c d=\"{}\"/>",
        steps(&x, &y, edges, current)
    );
    append!(
        svg,
        "<path class=r d=\"{}\"/>",
        steps(&x, &y, edges, reference)
    );
    for (class, mean) in [("mr", reference_mean), ("mc", current_mean)] {
        if x.holds(mean) {
            append!(
                svg,
                "<path class={class} d=\"M{} {TOP}V{BOTTOM}\"/>",
                coordinate(x.at(mean))
            );
        }
    }
    append!(svg, "<path class=a d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/>");
    for (value, text) in ticks(x.start(), x.end(), 6) {
        let at = x.at(value);
        let anchor = if at > RIGHT - 16.0 { "e" } else { "m" };
        append!(
            svg,
            "<path class=a d=\"M{} {BOTTOM}v4\"/>{}",
            coordinate(at),
            label_at(at, BOTTOM + 17.0, anchor, &text)
        );
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// `5%` for a tick at 0.05.
fn percent_tick(value: f64) -> String {
    format!("{}%", short(value * 100.0, 3))
}

/// A line that steps from bin to bin, from the axis and back to it.
fn steps(x: &Axis, y: &Axis, edges: &[f64], shares: &[f64]) -> String {
    let mut path = format!("M{} {}", coordinate(x.at(edges[0])), coordinate(BOTTOM));
    let mut height = BOTTOM;
    for (edge, &share) in edges[1..].iter().zip(shares) {
        let to = y.at(share);
        if to != height {
            append!(path, "V{}", coordinate(to));
            height = to;
        }
        append!(path, "H{}", coordinate(x.at(*edge)));
    }
    if height != BOTTOM {
        append!(path, "V{}", coordinate(BOTTOM));
    }
    path
}

/// A category and its share in both windows.
struct Bar {
    name: String,
    reference: f64,
    current: f64,
    is_rest: bool,
}

/// The first categories, and all others as one.
fn bars(names: &[String], reference: &[f64], current: &[f64]) -> Vec<Bar> {
    let all = names.iter().zip(reference.iter().zip(current));
    let mut bars: Vec<Bar> = all
        .map(|(name, (&reference, &current))| Bar {
            name: name.clone(),
            reference,
            current,
            is_rest: false,
        })
        .collect();
    bars.truncate(CATEGORIES_MAX);
    let drawn = |of: fn(&Bar) -> f64| bars.iter().map(of).sum::<f64>();
    let rest = [drawn(|bar| bar.reference), drawn(|bar| bar.current)].map(|drawn| {
        if drawn > 0.0 {
            (1.0 - drawn).max(0.0)
        } else {
            0.0
        }
    });
    if rest.iter().any(|share| *share > 1e-9) {
        bars.push(Bar {
            name: "all others".to_owned(),
            reference: rest[0],
            current: rest[1],
            is_rest: true,
        });
    }
    bars.retain(|bar| bar.reference > 0.0 || bar.current > 0.0);
    bars
}

fn categories(picture: &ColumnPicture, bars: &[Bar]) -> String {
    let height = TOP + bars.len() as f64 * PAIR + 2.0;
    // All others together would dwarf the rest: they have no bar.
    let drawn = bars.iter().filter(|bar| !bar.is_rest);
    let largest = drawn
        .map(|bar| bar.reference.max(bar.current))
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = open(
        &format!(
            "Shares of the categories of {}, reference and current window",
            picture.name
        ),
        height,
        BARS_LEFT,
    );
    for (bar, number) in bars.iter().zip(0_u32..) {
        let top = TOP + f64::from(number) * PAIR;
        let length = |share: f64| coordinate((BARS_RIGHT - BARS_LEFT) * share / largest);
        let class = if bar.is_rest { "e i" } else { "e" };
        let (reference, current) = (percent(bar.reference), percent(bar.current));
        let rects = if bar.is_rest {
            String::new()
        } else {
            format!(
                "<rect class=r x={BARS_LEFT} y={} width={} height=9 /><rect class=c x={BARS_LEFT} y={} width={} height=9 />",
                coordinate(top + 1.5),
                length(bar.reference),
                coordinate(top + 11.5),
                length(bar.current),
            )
        };
        append!(
            svg,
            "<g><title>{}: reference {reference}, current {current}</title>{}{rects}{}</g>",
            escape(&shorten(&bar.name, 120)),
            label_at(BARS_LEFT - 8.0, top + 15.0, class, &shorten(&bar.name, 22)),
            label_at(
                BARS_RIGHT + 10.0,
                top + 15.0,
                "",
                &format!("{reference} → {current}")
            ),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The start of a drawing: what it shows, for those who do not see it, and the legend from `left`.
fn open(label: &str, height: f64, left: f64) -> String {
    let label = escape(label);
    format!(
        "<svg role=img viewBox=\"0 0 {WIDTH} {height}\" aria-label=\"{label}\">\
         <rect class=r x={left} y=3 width=12 height=9 />{}<rect class=c x={} y=3 width=12 height=9 />{}",
        label_at(left + 17.0, LEGEND, "", "reference"),
        left + 82.0,
        label_at(left + 99.0, LEGEND, "", "current"),
    )
}

/// Text; classes `m` and `e` anchor it at its middle or its end.
fn label_at(x: f64, y: f64, class: &str, text: &str) -> String {
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    format!(
        "<text{class} x={} y={}>{}</text>",
        coordinate(x),
        coordinate(y),
        escape(text)
    )
}

/// A tenth of a pixel is enough.
fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::domain::Role;

    #[test]
    fn bins_are_steps_of_shares() {
        let picture = sample::histogram(
            "a",
            Role::Feature,
            &[0.0, 1.0, 2.0],
            &[9.0, 30.0],
            &[18.0, 0.0],
        );
        let svg = draw(&picture).unwrap();
        // Shares 9/40 and 30/40 of the reference (one value lies outside), 18/20 and 0 of the current.
        assert!(
            svg.contains("<path class=c d=\"M42 158V31.1H297V158H552\"/>"),
            "{svg}"
        );
        assert!(
            svg.contains("<path class=r d=\"M42 158V126.3H297V52.2H552V158\"/>"),
            "{svg}"
        );
        assert!(svg.contains("aria-label=\"Histogram of a: mean 41.12 in the reference window, 81.6 in the current one\""));
    }

    #[test]
    fn categories_are_pairs_of_bars_and_the_rest_is_text() {
        let mut picture = sample::categories("a", &["x", "<y>"], &[3.0, 1.0], &[1.0, 0.0]);
        if let Shape::Categories { others, .. } = &mut picture.shape {
            *others = [0.0, 1.0];
        }
        let svg = draw(&picture).unwrap();
        assert!(
            svg.contains("<title>&lt;y&gt;: reference 25%, current 0%</title>"),
            "{svg}"
        );
        assert!(
            svg.contains("<title>all others: reference 0%, current 50%</title>"),
            "{svg}"
        );
        assert_eq!(
            svg.matches("<rect class=r").count(),
            3,
            "the legend and two categories"
        );
    }

    #[test]
    fn nothing_is_drawn_where_there_is_nothing() {
        let nothing = sample::histogram("a", Role::Feature, &[0.0, 1.0], &[0.0], &[0.0]);
        let no_edges = sample::histogram("a", Role::Feature, &[], &[], &[]);
        let no_width = sample::histogram("a", Role::Feature, &[3.0, 3.0], &[1.0], &[1.0]);
        let torn = sample::histogram("a", Role::Feature, &[0.0, 1.0], &[1.0, 2.0], &[1.0]);
        let no_categories = sample::categories("a", &[], &[], &[]);
        let not_a_number = sample::histogram("a", Role::Feature, &[0.0, f64::NAN], &[1.0], &[1.0]);
        for picture in [
            nothing,
            no_edges,
            no_width,
            torn,
            no_categories,
            not_a_number,
        ] {
            assert_eq!(draw(&picture), None);
        }
    }

    #[test]
    fn extreme_numbers_stay_inside_the_drawing() {
        let mut picture = sample::histogram(
            "a",
            Role::Feature,
            &[-f64::MAX, 1e300, f64::MAX],
            &[1e300, 1.0],
            &[1.0, 1e-320],
        );
        if let Shape::Histogram { moments, .. } = &mut picture.shape {
            *moments = [[f64::NAN, 0.0], [1e300, f64::INFINITY]];
        }
        let svg = draw(&picture).unwrap();
        assert!(!svg.contains("inf\"") && !svg.contains("\"NaN"), "{svg}");
    }
}
