//! Line plots as SVG inside a page. Decides scales and strokes; knows nothing of what is plotted.

use std::fmt::Write;

/// The drawing, in its own units; a page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers at the axes.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;
/// About so many numbers at the axes.
const TICKS_UP: f64 = 4.0;
const TICKS_ACROSS: f64 = 6.0;
/// More points than pixels are not seen.
const POINTS_MAX: usize = 600;

/// A line.
pub(super) struct Series {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// One plot with its heading.
pub(super) struct Plot {
    title: &'static str,
    unit: &'static str,
    /// What stands behind the numbers of the horizontal axis.
    across: &'static str,
    series: Vec<Series>,
    mark: Option<(f64, &'static str)>,
}

impl Series {
    /// Points from left to right.
    pub(super) fn new(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        let one_in = points.len().div_ceil(POINTS_MAX).max(1);
        let points = points.into_iter().step_by(one_in).collect();
        Self { name, points }
    }
}

impl Plot {
    /// Seconds across.
    pub(super) fn over_time(title: &'static str, unit: &'static str, series: Vec<Series>) -> Self {
        Self {
            title,
            unit,
            across: " s",
            series,
            mark: None,
        }
    }

    /// A share of something across, in percent.
    pub(super) fn over_share(title: &'static str, unit: &'static str, series: Vec<Series>) -> Self {
        Self {
            across: " %",
            ..Self::over_time(title, unit, series)
        }
    }

    /// Marks a moment, where time is across.
    pub(super) fn mark(&mut self, at: f64, name: &'static str) {
        if self.across == " s" {
            self.mark = Some((at, name));
        }
    }

    /// Appends it to a page.
    pub(super) fn write(&self, page: &mut String) {
        write_all(
            page,
            format_args!("<figure>\n<figcaption><h2>{}</h2>", self.title),
        );
        for (number, series) in self.series.iter().enumerate() {
            let most = series.points.iter().map(|(_, y)| *y).fold(0.0, f64::max);
            write_all(
                page,
                format_args!(
                    "<span class=\"key key{number}\">{}, at most {} {}</span>",
                    series.name,
                    short(most),
                    self.unit
                ),
            );
        }
        page.push_str("</figcaption>\n");
        let frame = Frame::around(&self.series);
        write_all(
            page,
            format_args!(
                "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
                self.title
            ),
        );
        frame.write_axes(self.across, page);
        if let Some((at, name)) = self.mark {
            frame.write_mark(at, name, page);
        }
        // The first series lies on top.
        for (number, series) in self.series.iter().enumerate().rev() {
            frame.write_series(number, &series.points, page);
        }
        page.push_str("</svg>\n</figure>\n");
    }
}

/// Which values the drawing spans, both from 0.
struct Frame {
    to: f64,
    top: f64,
    x_step: f64,
    y_step: f64,
}

impl Frame {
    fn around(series: &[Series]) -> Self {
        let points = || series.iter().flat_map(|series| &series.points);
        let most = points().map(|(_, y)| *y).fold(0.0, f64::max);
        let to = points().map(|(x, _)| *x).fold(0.0, f64::max);
        let to = if to > 0.0 { to } else { 1.0 };
        let y_step = step(if most > 0.0 { most } else { 1.0 }, TICKS_UP);
        let top = if most > 0.0 {
            (most / y_step).ceil() * y_step
        } else {
            1.0
        };
        Self {
            to,
            top,
            x_step: step(to, TICKS_ACROSS),
            y_step,
        }
    }

    fn x(&self, x: f64) -> f64 {
        LEFT + x / self.to * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - y / self.top * (HEIGHT - TOP - BOTTOM)
    }

    fn write_axes(&self, across: &str, page: &mut String) {
        let (left, right) = (LEFT, WIDTH - RIGHT);
        for value in ticks(self.top, self.y_step) {
            let y = self.y(value);
            write_all(
                page,
                format_args!(
                    "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" \
                     y2=\"{y:.1}\"/><text class=\"down\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
                    left - 8.0,
                    y + 4.0,
                    short(value)
                ),
            );
        }
        for value in ticks(self.to, self.x_step) {
            write_all(
                page,
                format_args!(
                    "<text class=\"across\" x=\"{:.1}\" y=\"{:.1}\">{}{across}</text>\n",
                    self.x(value),
                    HEIGHT - 6.0,
                    short(value)
                ),
            );
        }
    }

    fn write_mark(&self, at: f64, name: &str, page: &mut String) {
        if at > self.to {
            return;
        }
        let x = self.x(at);
        // Beside the line, on the side where there is room.
        let (anchor, text_x) = if x > WIDTH / 2.0 {
            ("end", x - 5.0)
        } else {
            ("start", x + 5.0)
        };
        write_all(
            page,
            format_args!(
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
                 <text class=\"marked\" text-anchor=\"{anchor}\" x=\"{text_x:.1}\" \
                 y=\"{:.1}\">{name}</text>\n",
                HEIGHT - BOTTOM,
                TOP + 8.0
            ),
        );
    }

    fn write_series(&self, number: usize, points: &[(f64, f64)], page: &mut String) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let mut line = String::new();
        for (x, y) in points {
            write_all(
                &mut line,
                format_args!("{:.1},{:.1} ", self.x(*x), self.y(*y)),
            );
        }
        let floor = self.y(0.0);
        write_all(
            page,
            format_args!(
                "<polygon class=\"area area{number}\" points=\"{:.1},{floor:.1} {line}{:.1},\
                 {floor:.1}\"/><polyline class=\"line line{number}\" points=\"{line}\"/>\n",
                self.x(first.0),
                self.x(last.0)
            ),
        );
    }
}

/// 1, 2 or 5 times a power of ten, so that a span has about so many of it.
fn step(span: f64, ticks: f64) -> f64 {
    let rough = (span / ticks).max(1e-9);
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    // A hair below, so that 0.1 + 0.2 is found among 0.3.
    let fits = steps.into_iter().find(|step| *step >= rough * 0.999);
    fits.unwrap_or(10.0 * power)
}

fn ticks(to: f64, step: f64) -> impl Iterator<Item = f64> {
    let values = (0_u32..).map(move |number| f64::from(number) * step);
    values.take_while(move |value| *value <= to + step * 0.001)
}

/// A number in as few letters as a plot has room for.
pub(super) fn short(value: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e4, "k")];
    for (from, unit) in units {
        if value >= from {
            let divisor = if unit == "k" { 1e3 } else { from };
            return trimmed(value / divisor, 1) + " " + unit;
        }
    }
    let digits = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 3,
    };
    trimmed(value, digits)
}

/// At most so many digits behind the point, and no zeros at the end.
fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn write_all(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text)
        .expect("a string takes what is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(points: Vec<(f64, f64)>) -> String {
        let mut page = String::new();
        Plot::over_time("Loss", "%", vec![Series::new("lost", points)]).write(&mut page);
        page
    }

    #[test]
    fn the_scale_is_round_and_holds_the_largest_value() {
        for (most, expected) in [(800.0, 200.0), (0.37, 0.1), (3.0, 1.0), (17.0, 5.0)] {
            assert!(
                (step(most, TICKS_UP) - expected).abs() < expected / 100.0,
                "{most}"
            );
        }
        let frame = Frame::around(&[Series::new("a", vec![(0.0, 1.0), (9.0, 17.0)])]);
        assert!((frame.top - 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_line_spans_the_drawing_and_stays_inside() {
        let page = svg(vec![(0.0, 0.0), (5.0, 20.0), (10.0, 10.0)]);
        assert!(
            page.contains("points=\"52.0,194.0 335.0,12.0 618.0,103.0 \""),
            "{page}"
        );
    }

    #[test]
    fn nothing_and_zeros_are_drawn_without_a_fault() {
        for points in [vec![], vec![(0.0, 0.0)], vec![(0.0, 0.0), (1.0, 0.0)]] {
            let page = svg(points);
            assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        }
    }

    #[test]
    fn more_points_than_can_be_seen_are_thinned() {
        let points = (0..5_000).map(|at| (f64::from(at), 1.0)).collect();
        assert!(Series::new("a", points).points.len() <= POINTS_MAX);
    }

    #[test]
    fn numbers_are_short() {
        let told = [0.0, 0.25, 7.5, 27.979, 1_250.0, 12_500.0, 2_340_000.0].map(short);
        assert_eq!(told, ["0", "0.25", "7.5", "28", "1250", "12.5 k", "2.3 M"]);
    }
}
