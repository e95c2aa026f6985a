//! The colours. They show on a terminal only, and never with `NO_COLOR`.

use std::fmt::{self, Display};
use std::io::{self, BufWriter, Write};

use anstyle::{AnsiColor, Style};
use stanch::detect::Confidence;

/// What stands above others.
pub(crate) const TITLE: Style = Style::new().bold();
/// What is of less interest.
pub(crate) const ASIDE: Style = Style::new().dimmed();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is not.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What asks for a look.
pub(crate) const CARE: Style = AnsiColor::Yellow.on_default();

/// A text in a style.
pub(crate) struct Painted<T>(pub(crate) Style, pub(crate) T);

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Painted(style, text) = self;
        write!(f, "{style}")?;
        text.fmt(f)?;
        write!(f, "{style:#}")
    }
}

/// The style of a confidence.
pub(crate) fn of_confidence(confidence: Confidence) -> Style {
    match confidence {
        Confidence::High => BAD,
        Confidence::Medium => CARE,
        Confidence::Low => ASIDE,
    }
}

/// The standard output: buffered, and without colours where they do not belong.
pub(crate) fn output() -> impl Write {
    BufWriter::with_capacity(1 << 16, anstream::AutoStream::auto(io::stdout().lock()))
}
