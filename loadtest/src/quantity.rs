//! Times and shares as people write them on a command line: `30m`, `20ms`, `0.1%`. Decides what is
//! a valid one, and how it is shown again.

use std::time::Duration;

/// Longer runs are not foreseen: their tokens would run out.
const DURATION_MAX: Duration = Duration::from_hours(6);

/// A time: a number of seconds, or one with `ms`, `s`, `m` or `h` behind it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, seconds) = units
        .into_iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
        .unwrap_or((text, 1.0));
    let number: f64 = number.trim().parse().map_err(|_| NO_TIME.to_owned())?;
    let time = Duration::try_from_secs_f64(number * seconds).map_err(|_| NO_TIME.to_owned())?;
    if time > DURATION_MAX {
        return Err(format!("at most {} h", DURATION_MAX.as_secs() / 3600));
    }
    Ok(time)
}

const NO_TIME: &str = "a time is needed, such as 90s, 30m or 20ms";

/// A share of something: `0.1%` or `0.001`.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = quantity(text)?;
    if share > 1.0 {
        return Err("a share between 0 and 1, or 0% and 100%, is needed".to_owned());
    }
    Ok(share)
}

/// A number that is not negative, or a percentage: `1.5` or `150%`.
pub(crate) fn quantity(text: &str) -> Result<f64, String> {
    let parsed: Option<f64> = match text.strip_suffix('%') {
        Some(percent) => percent
            .trim()
            .parse()
            .ok()
            .map(|percent: f64| percent / 100.0),
        None => text.parse().ok(),
    };
    parsed
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "a number or a percentage is needed".to_owned())
}

/// Milliseconds, for reports.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A count as a number to divide by or to plot.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a run are far below 2^53"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A length as a count.
pub(crate) fn count(len: usize) -> u64 {
    u64::try_from(len).expect("a length fits 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_unit_and_in_seconds_without() {
        let read = |text| duration(text).unwrap();
        assert_eq!(read("20ms"), Duration::from_millis(20));
        assert_eq!(read("10"), Duration::from_secs(10));
        assert_eq!(read("1.5s"), Duration::from_millis(1500));
        assert_eq!(read("30m"), Duration::from_mins(30));
        assert_eq!(read("1h"), Duration::from_hours(1));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "soon", "-1s", "7h", "NaN", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_read_as_a_percentage_too() {
        assert_eq!(share("0.1%"), Ok(0.001));
        assert_eq!(share("0.001"), Ok(0.001));
        assert_eq!(share("100%"), Ok(1.0));
        for text in ["101%", "1.5", "-1", "", "%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
