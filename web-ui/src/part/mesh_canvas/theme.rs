//! The colours of the picture, from the page's custom properties: dark or light as the page is.

use web_sys::Element;

/// Places in [`Theme::colours`]; the shaders name them by number.
pub const ACCENT: usize = 3;
pub const GOOD: usize = 4;
pub const BAD: usize = 5;
pub const TEXT: usize = 6;
pub const SURFACE: usize = 7;
/// The ramp from quick to slow, three steps.
pub const QUALITY: usize = 8;
pub const QUIET: usize = 11;
/// Tints of clusters, from here to the end.
pub const CLUSTERS: usize = 12;
pub const COLOURS: usize = 16;

/// The kinds of nodes come first, in the order of [`super::paint::kind_number`].
const NAMES: [&str; COLOURS] = [
    "--kind-regular",
    "--kind-gateway",
    "--kind-browser",
    "--accent",
    "--good",
    "--bad",
    "--text",
    "--surface",
    "--quality-quick",
    "--quality-middle",
    "--quality-slow",
    "--quiet",
    "--kind-regular",
    "--warn",
    "--good",
    "--bad",
];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    /// Red, green and blue from 0 to 1 of each colour, one after the other.
    pub colours: Vec<f32>,
    /// The same as the style sheet writes them.
    pub css: Vec<String>,
}

impl Theme {
    /// What holds at this element now.
    pub fn of(element: &Element) -> Theme {
        let style = web_sys::window().and_then(|w| w.get_computed_style(element).ok()?);
        let mut theme = Theme::default();
        for name in NAMES {
            let value = style.as_ref().and_then(|style| style.get_property_value(name).ok());
            let value = value.unwrap_or_default().trim().to_owned();
            theme.colours.extend(rgb(&value));
            theme.css.push(value);
        }
        theme
    }
}

/// `#rrggbb`; anything else is a middle grey.
fn rgb(value: &str) -> [f32; 3] {
    let number = value.strip_prefix('#').filter(|digits| digits.len() == 6);
    let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let number = number.unwrap_or(0x0080_8080);
    [16, 8, 0].map(|shift| (number >> shift & 255) as f32 / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_and_nonsense_is_grey() {
        assert_eq!(rgb("#ff0033"), [1.0, 0.0, 0.2]);
        assert_eq!(rgb(""), rgb("#808080"));
        assert_eq!(rgb("#fff"), rgb("rebeccapurple"));
    }
}
