//! A report as one page that needs nothing but itself: figures, plots over time, every row of the
//! text. Decides what is shown; [`plot`] draws.

mod plot;

use crate::course::{Sample, ServerSample};
use crate::quantity::float;
use crate::report::Report;
use plot::{Plot, Series};
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Two looks closer together say nothing about a rate.
const RATE_INTERVAL_MIN_S: f64 = 0.2;
const MEGA: f64 = 1e6;

/// What a page says besides the report.
pub struct Heading<'a> {
    /// How the run was started, without secrets.
    pub command: &'a str,
    /// One sentence for each budget that was missed.
    pub missed: &'a [String],
}

/// The page.
pub fn page(heading: &Heading<'_>, report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Load test: {scenario}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n",
        scenario = escaped(&report.scenario),
        style = include_str!("page.css"),
    );
    write_header(&mut page, heading, &report.scenario);
    page.push_str("<section class=\"figures\" aria-label=\"Figures\">\n");
    for (name, value, unit) in figures(report) {
        write_all(
            &mut page,
            format_args!(
                "<div class=\"figure\"><span>{name}</span><strong>{value}<small>{unit}</small>\
                 </strong></div>\n"
            ),
        );
    }
    page.push_str("</section>\n<section class=\"plots\">\n");
    for plot in plots(report) {
        plot.write(&mut page);
    }
    page.push_str("</section>\n<section class=\"rows\">\n<h2>Everything</h2>\n<table>\n");
    for (name, value) in report.rows() {
        let (name, value) = (escaped(name.trim()), escaped(&value));
        let class = if name.is_empty() {
            " class=\"more\""
        } else {
            ""
        };
        write_all(
            &mut page,
            format_args!("<tr{class}><th scope=\"row\">{name}</th><td>{value}</td></tr>\n"),
        );
    }
    page.push_str("</table>\n</section>\n</main>\n</body>\n</html>\n");
    page
}

fn write_header(page: &mut String, heading: &Heading<'_>, scenario: &str) {
    let (verdict, class) = if heading.missed.is_empty() {
        ("budgets met", "met")
    } else {
        ("budgets missed", "missed")
    };
    let scenario = escaped(scenario);
    let command = escaped(heading.command);
    let date = date(SystemTime::now());
    write_all(
        page,
        format_args!(
            "<header>\n<p class=\"kind\">Load test, {date}</p>\n<h1>{scenario} \
             <span class=\"verdict {class}\">{verdict}</span></h1>\n<code>{command}</code>\n"
        ),
    );
    if !heading.missed.is_empty() {
        page.push_str("<ul class=\"missed\">\n");
        for sentence in heading.missed {
            write_all(page, format_args!("<li>{}</li>\n", escaped(sentence)));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</header>\n");
}

/// Name, value and unit of what one looks for first.
fn figures(report: &Report) -> Vec<(&'static str, String, &'static str)> {
    let mut figures = vec![
        (
            "Joined",
            format!("{} of {}", report.joined, report.peers),
            "",
        ),
        ("Failed", report.failed.to_string(), ""),
        ("Join, p99", report.join.p99_ms.to_string(), " ms"),
    ];
    if report.packets_received > 0 {
        let loss = format!("{:.3}", report.loss * 100.0);
        figures.push(("Packets", plot::short(float(report.packets_received)), ""));
        figures.push(("Lost", loss, " %"));
    }
    if let (Some(p50), Some(p99)) = (report.latency.p50_ms, report.latency.p99_ms) {
        figures.push(("Travel time, p50", format!("{p50:.1}"), " ms"));
        figures.push(("Travel time, p99", format!("{p99:.1}"), " ms"));
    }
    if let Some(churn) = &report.churn {
        figures.push(("Came back", churn.came_back.to_string(), ""));
    }
    if let Some(server) = &report.server {
        figures.push(("Server CPU", format!("{:.3}", server.cores), " cores"));
        if let Some(micros) = server.us_per_packet {
            figures.push(("A packet", format!("{micros:.2}"), " µs"));
        }
        let memory = float(server.memory_bytes[1]) / MEGA;
        figures.push(("Server memory", format!("{memory:.0}"), " MB"));
    }
    figures
}

fn plots(report: &Report) -> Vec<Plot> {
    let course = &report.course;
    let mut participants = vec![series(course, "in", |sample| Some(float(sample.joined)))];
    if report.failed > 0 {
        participants.push(series(course, "failed", |sample| {
            Some(float(sample.failed))
        }));
    }
    let mut plots = vec![Plot::over_time("Participants", "", participants)];
    if report.join_curve_ms.len() > 1 {
        plots.push(join_curve(&report.join_curve_ms));
    }
    if report.packets_received > 0 {
        plots.extend(media_plots(course));
    }
    plots.extend(server_plots(course));
    if let Some(all_in) = course.iter().find(|sample| sample.is_measured) {
        for plot in &mut plots {
            plot.mark(all_in.at_s, "all in");
        }
    }
    plots
}

fn media_plots(course: &[Sample]) -> [Plot; 3] {
    let packets = course
        .iter()
        .map(|sample| (sample.at_s, float(sample.packets)));
    let packets = Series::new("all participants", rate(packets));
    let travel = vec![
        series(course, "p99", |sample| sample.p99_ms),
        series(course, "p50", |sample| sample.p50_ms),
    ];
    [
        Plot::over_time("Packets received", "/s", vec![packets]),
        Plot::over_time("Loss", "%", vec![Series::new("lost", loss(course))]),
        Plot::over_time("Travel time through the server", "ms", travel),
    ]
}

/// Nothing, if nobody looked at the server twice.
fn server_plots(course: &[Sample]) -> Vec<Plot> {
    let looks: Vec<(f64, ServerSample)> = course
        .iter()
        .filter_map(|sample| Some((sample.at_s, sample.server?)))
        .collect();
    if looks.len() < 2 {
        return Vec::new();
    }
    let of = |value: fn(&ServerSample) -> f64| -> Vec<(f64, f64)> {
        looks.iter().map(|(at, look)| (*at, value(look))).collect()
    };
    let busy = Series::new("busy", rate(of(|look| look.cpu_s).into_iter()));
    let memory = Series::new("PSS", of(|look| float(look.memory_bytes) / MEGA));
    let open = Series::new("open", of(|look| float(look.descriptors)));
    vec![
        Plot::over_time("Server CPU", "cores", vec![busy]),
        Plot::over_time("Server memory", "MB", vec![memory]),
        Plot::over_time("Server's open files and sockets", "", vec![open]),
    ]
}

fn series(course: &[Sample], name: &'static str, value: fn(&Sample) -> Option<f64>) -> Series {
    let points = course
        .iter()
        .filter_map(|sample| Some((sample.at_s, value(sample)?)));
    Series::new(name, points.collect())
}

/// How long so many of a hundred took to join.
fn join_curve(curve: &[u64]) -> Plot {
    let step = 100.0 / float(crate::quantity::count(curve.len() - 1));
    let points = (0_u32..).zip(curve);
    let points = points.map(|(place, took)| (f64::from(place) * step, float(*took)));
    Plot::over_share(
        "Time to join",
        "ms",
        vec![Series::new(
            "at most, by share of participants",
            points.collect(),
        )],
    )
}

/// How fast a count rises, at the time of the later of two looks.
fn rate(counts: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut rates = Vec::new();
    let mut before: Option<(f64, f64)> = None;
    for (at, count) in counts {
        let Some((from, start)) = before else {
            before = Some((at, count));
            continue;
        };
        if at - from >= RATE_INTERVAL_MIN_S {
            // Who leaves may take their counts along for a moment.
            rates.push((at, (count - start).max(0.0) / (at - from)));
            before = Some((at, count));
        }
    }
    rates
}

fn loss(course: &[Sample]) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for pair in course.windows(2) {
        let received = pair[1].packets.saturating_sub(pair[0].packets);
        let lost = pair[1].lost.saturating_sub(pair[0].lost);
        if received + lost > 0 {
            points.push((pair[1].at_s, float(lost) / float(received + lost) * 100.0));
        }
    }
    points
}

/// The day and the time, in UTC (days to civil dates as in the proleptic Gregorian calendar).
fn date(at: SystemTime) -> String {
    let seconds = at
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year_of_era + era * 400 + carry;
    let (hour, minute) = (of_day / 3_600, of_day % 3_600 / 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn write_all(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text)
        .expect("a string takes what is written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::ServerUse;

    fn report() -> Report {
        let sample = |second: u32| Sample {
            at_s: f64::from(second),
            is_measured: second >= 3,
            joined: u64::from(second.min(3)),
            packets: u64::from(second) * 1_000,
            lost: u64::from(second),
            p50_ms: Some(0.5),
            p99_ms: Some(4.0),
            server: Some(ServerSample {
                cpu_s: f64::from(second) / 4.0,
                memory_bytes: 30_000_000,
                descriptors: 20,
            }),
            ..Sample::default()
        };
        Report {
            peers: 3,
            joined: 3,
            packets_received: 10_000,
            join_curve_ms: vec![10, 20, 90],
            server: Some(ServerUse::default()),
            course: (0..10).map(sample).collect(),
            ..Report::default()
        }
    }

    fn page_of(report: &Report, missed: &[String]) -> String {
        let heading = Heading {
            command: "loadtest --url <a&b>",
            missed,
        };
        page(&heading, report)
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        let page = page_of(&report(), &[]);
        for outside in [
            "http://", "https://", "src=", "href=", "url(", "@import", "<script",
        ] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn everything_that_was_measured_over_time_is_plotted() {
        let page = page_of(&report(), &[]);
        assert_eq!(page.matches("<svg").count(), 8);
        let silent = Report {
            packets_received: 0,
            server: None,
            course: vec![Sample::default(); 3],
            ..report()
        };
        assert_eq!(page_of(&silent, &[]).matches("<svg").count(), 2);
    }

    #[test]
    fn a_missed_budget_is_said_at_the_top() {
        let page = page_of(&report(), &["p99 was <20> ms".to_owned()]);
        assert!(page.contains("<li>p99 was &lt;20&gt; ms</li>"));
        assert!(page.contains("verdict missed"));
        assert!(page_of(&report(), &[]).contains("verdict met"));
    }

    #[test]
    fn what_comes_from_outside_is_no_markup() {
        assert!(page_of(&report(), &[]).contains("loadtest --url &lt;a&amp;b&gt;"));
    }

    #[test]
    fn a_rate_is_what_came_between_two_looks() {
        let counts = [(0.0, 0.0), (0.01, 5.0), (1.0, 10.0), (3.0, 40.0)];
        assert_eq!(rate(counts.into_iter()), [(1.0, 10.0), (3.0, 15.0)]);
    }

    #[test]
    fn days_are_told_as_calendars_do() {
        let at = |seconds| date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00 UTC");
        assert_eq!(at(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(at(1_795_341_660), "2026-11-22 10:01 UTC");
    }
}
